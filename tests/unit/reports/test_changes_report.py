from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pytest_promptevals.comparison.attribution import Attribution, Cause
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.changes import CaseChanges, FileChanges, Flip, ModelChange, PromptChange, ValueChange
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, GateResult, Metrics, Verdict
from pytest_promptevals.records.effects import Effect, Evidence
from pytest_promptevals.reports.attribution import attribution_lines
from pytest_promptevals.reports.changes import MANY_FLIPS, change_lines, shown_flips
from tests.support.sample_results import FILE

NOTHING = Metrics(0, 0, 0, None, None)
EVIDENCE = Evidence(Effect("score", 1.0, 0.25, 0.75), 0.1, 0.95)
DROPPED = GateResult(FILE, "score", Verdict.REGRESSED, "why", Location(FILE, 1), EVIDENCE)
PASSED = dataclasses.replace(DROPPED, verdict=Verdict.PASSED)
FAILED = GateResult(FILE, "missing_cases", Verdict.FAILED, "why", Location(FILE, 1))
MISSING = Delta("gone", Change.MISSING, 1.0)


def worse(name: str = "refund", *, passed_after: bool = False, **changes: Any) -> Delta:
    found = Delta(name, Change.WORSE, 1.0, 0.25, Location(FILE, 7), passed_before=True, passed_after=passed_after)
    return dataclasses.replace(found, **changes)


def report(
    changes: FileChanges,
    *deltas: Delta,
    width: int = 80,
    verbosity: int = 0,
    label: str = "the baseline",
    gate: GateResult = DROPPED,
) -> list[str]:
    comparison = Comparison(FILE, NOTHING, has_baseline=True, baseline=label, deltas=deltas, gates=(gate,))
    return [line.text for line in change_lines(comparison, changes, width, verbosity)]


def test_a_quiet_run_is_told_nothing() -> None:
    assert report(FileChanges(CaseChanges()), worse(), verbosity=-1) == []


def test_all_that_differs_is_named() -> None:
    changes = FileChanges(
        CaseChanges(
            prompts=(
                PromptChange(
                    "support",
                    "p1",
                    "p2",
                    3,
                    {"": "Be kind.\nBe brief.\n\n{{ input }}"},
                    {"": "Be kind.\n\n{{ input }}"},
                ),
            ),
            models=(ModelChange("openai/gpt-5-mini", "openai/gpt-5-nano", 3),),
            is_same=False,
        ),
        parameters=(
            ValueChange("temperature", 0, 0.7),
            ValueChange("top_p", None, 1),
            ValueChange("stop", ["."], None),
        ),
        resolved=(ValueChange("openai/m", "m-01", "m-02"),),
        judges=(ValueChange("exact", "h1", None), ValueChange("fuzzy", None, "h2"), ValueChange("rubric", "h3", "h4")),
        packages=(ValueChange("openai", "3.0", "3.1"),),
        is_run_known=True,
    )
    deltas = [Delta("n", Change.NEW), Delta("e", Change.EDITED), Delta("m", Change.MISSING), worse(renamed_from="old")]

    assert report(changes, *deltas) == [
        "",
        "evals/support.eval.yaml: what changed since the baseline",
        "  prompt support: changed (3 cases)",
        "      Be kind.",
        "    - Be brief.",
        "  model: openai/gpt-5-mini, now openai/gpt-5-nano (3 cases)",
        "  model openai/m: m-01, now m-02 (as the provider names it)",
        "  parameter temperature: 0, now 0.7",
        "  parameter top_p: now 1, was not there",
        '  parameter stop: ["."], now gone',
        "  judge exact: gone",
        "  judge fuzzy: new",
        "  judge rubric: changed",
        "  cases: 1 new, 1 edited, 1 missing, 1 renamed",
        "  package openai: 3.0, now 3.1",
    ]


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        (
            CaseChanges(is_same=True),
            """
  nothing that is asked: prompt, model and parameters are the same, so this is
    chance, or the model behind its name is another one; 'promptevals noise
    evals/support.eval.yaml' tells how much is chance""".lstrip("\n"),
        ),
        (CaseChanges(), "  the baseline does not tell what was asked for it; one that is saved now will"),
        (
            CaseChanges(is_same=False),
            "  what is asked is not the same, but the history does not tell how it differs",
        ),
        (
            CaseChanges(is_same=True, is_asked=False),
            "  the outputs: they stand in a file, or a test function makes them, so no model\n    was asked for them",
        ),
    ],
    ids=["same", "unknown", "other", "not asked"],
)
def test_where_nothing_is_found_it_says_why(cases: CaseChanges, said: str) -> None:
    assert report(FileChanges(cases), worse())[2:] == said.split("\n")


@pytest.mark.parametrize("gate", [PASSED, FAILED], ids=["it passed", "none that compares"])
def test_nothing_is_chance_where_no_gate_that_compares_is_red(gate: GateResult) -> None:
    assert report(FileChanges(CaseChanges(is_same=True)), worse(), MISSING, gate=gate)[2:] == [
        "  cases: 1 missing",
        "  nothing that is asked: prompt, model and parameters are the same",
    ]


def test_a_missing_case_is_no_chance() -> None:
    assert report(FileChanges(CaseChanges(is_same=True)), worse(), MISSING)[2:] == [
        "  cases: 1 missing",
        "  nothing that is asked: prompt, model and parameters are the same; the change",
        "    of the other cases is chance, or the model behind its name is another one;",
        "    'promptevals noise evals/support.eval.yaml' tells how much is chance",
    ]


def test_a_model_that_is_known_to_be_another_version_is_no_chance() -> None:
    changes = FileChanges(CaseChanges(is_same=True), resolved=(ValueChange("openai/m", "m-01", "m-02"),))

    assert report(changes, worse())[2:] == [
        "  model openai/m: m-01, now m-02 (as the provider names it)",
        "  nothing that is asked: prompt, model and parameters are the same; the model",
        "    behind its name is another one",
    ]


def test_weights_that_are_others_are_named() -> None:
    weights = tuple(ValueChange(f"c{number}", 1.0, 50.5 + number) for number in range(5))
    changes = FileChanges(CaseChanges(is_same=True), weights=weights)

    assert report(changes, worse())[2:5] == [
        "  weights: c0 1, now 50.5; c1 1, now 51.5; c2 1, now 52.5; and 2 more; all means",
        "    are by those of now",
        "  nothing that is asked: prompt, model and parameters are the same, so this is",
    ]
    one = FileChanges(CaseChanges(is_same=True), weights=weights[:1])
    assert report(one, worse())[2] == "  weights: c0 1, now 50.5; all means are by those of now"


def test_where_all_cases_were_edited_there_is_none_to_compare() -> None:
    changes = FileChanges(CaseChanges(), judges=(ValueChange("exact", "h1", "h2"),), is_run_known=True)

    assert report(changes, Delta("e", Change.EDITED), gate=FAILED)[2:] == [
        "  judge exact: changed",
        "  cases: 1 edited",
        "  no case is as the baseline has it, so there is none to compare",
    ]


def test_of_the_files_that_a_prompt_includes_only_those_that_changed_are_shown() -> None:
    before = {"": "Be kind.\n{% include 'a.md' %}", "a.md": "the same", "b.md": "old", "gone.md": "x"}
    after = {"": "Be brief.\n{% include 'a.md' %}", "a.md": "the same", "b.md": "new"}
    changes = FileChanges(
        CaseChanges(prompts=(PromptChange("support", "p1", "p2", 1, before, after),)), are_parameters_known=True
    )

    assert report(changes)[2:] == [
        "  prompt support: changed (1 case)",
        "    - Be kind.",
        "    + Be brief.",
        "      {% include 'a.md' %}",
        "      b.md:",
        "    - old",
        "    + new",
        "      gone.md:",
        "    - x",
        "  the run of the baseline is not in the history, so its parameters are those",
        "    that git has, and its judges and packages are not known",
    ]


def test_what_cannot_be_compared_for_want_of_a_run_is_said() -> None:
    changes = FileChanges(CaseChanges(models=(ModelChange("a/b", "a/c", 1),)))

    assert report(changes)[3:] == [
        "  the run of the baseline is not in the history, so its parameters, judges and",
        "    packages are not known",
    ]


def test_an_earlier_prompt_that_is_not_known_is_said_to_be_so() -> None:
    changes = FileChanges(CaseChanges(prompts=(PromptChange("", "p1", "p2", 1, None, {"": "now"}),)), is_run_known=True)

    assert report(changes)[2:] == ["  prompt: changed (1 case); its earlier text is not known"]


def test_a_long_diff_is_cut_unless_all_of_it_is_asked_for() -> None:
    prompt = PromptChange("p", "1", "2", 1, {"": "\n".join("abcdefghijklmnopqrst")}, {"": ""})
    changes = FileChanges(CaseChanges(prompts=(prompt,)), is_run_known=True)

    short = report(changes)
    assert short[-1] == "    ... 8 more lines, -v shows them"
    assert len(short) == 3 + 12 + 1
    assert report(changes, verbosity=1)[-1] == "    - t"


def test_cases_that_now_fail_are_shown_with_both_answers() -> None:
    flips = (
        Flip(worse("refund"), "Your refund for order A-17 is on its way to you", "We have sent the money."),
        Flip(worse("silent"), "same", "same"),
        Flip(worse("unknown"), None, "x"),
        Flip(worse("nothing known", location=None)),
        Flip(worse("empty"), "text", ""),
    )
    deltas = [flip.delta for flip in flips]

    assert report(FileChanges(CaseChanges(is_same=True), flips=flips), *deltas, worse("more"))[5:] == [
        "  the 5 worst of 6 cases that now fail: answered before | now",
        "  refund  1.00 -> 0.25  evals/support.eval.yaml:7",
        "    Your refund for order A-17 is on its | We have sent the money.",
        "    way to you                           |",
        "  silent  1.00 -> 0.25  evals/support.eval.yaml:7",
        "    the same output as before",
        "  unknown  1.00 -> 0.25  evals/support.eval.yaml:7",
        "    (not known)                          | x",
        "  nothing known  1.00 -> 0.25",
        "  empty  1.00 -> 0.25  evals/support.eval.yaml:7",
        "    text                                 | (empty)",
        "  -v shows more of them, and more of each",
    ]


def test_a_single_case_is_told_in_its_number() -> None:
    lines = report(FileChanges(CaseChanges(is_same=True), flips=(Flip(worse()),)), worse())

    assert "  1 case that now fails: answered before | now" in lines


def test_cases_that_are_worse_and_still_pass_are_called_so() -> None:
    delta = worse(passed_after=True)

    lines = report(FileChanges(CaseChanges(is_same=True), flips=(Flip(delta),)), delta)

    assert "  1 worse case: answered before | now" in lines


def test_no_line_is_wider_than_the_terminal_and_nothing_moves_the_cursor() -> None:
    text = "\x1b[2J" + "日本語 " * 60
    changes = FileChanges(
        CaseChanges(prompts=(PromptChange("p", "1", "2", 1, {"": text}, {"": "word " * 50}),)),
        flips=(Flip(worse(), text, "word " * 50),),
    )

    for width in (40, 80):
        lines = report(changes, worse(), width=width, verbosity=2)
        assert all("\x1b" not in line for line in lines)
        assert max(len(line) for line in lines if "日" not in line and "-" not in line) <= width


def test_more_is_shown_with_v() -> None:
    assert shown_flips(0) == 3
    assert shown_flips(1) == shown_flips(2) == MANY_FLIPS


def lines_of(attribution: Attribution, verbosity: int = 0) -> list[str]:
    return [line.text for line in attribution_lines(attribution, 80, verbosity)]


def test_the_causes_of_failures_are_counted() -> None:
    causes = dict(zip("abcdef", [*Cause, Cause.PROMPT], strict=True))

    assert lines_of(Attribution(causes, "model", trials=1, calls=12, spent=0.01, left_out=2)) == [
        "  why 6 cases now fail, each run again with one change alone:",
        "      2  the prompt: with the new prompt and the old model, it fails already",
        "      1  the model: with the old prompt and the new model, it fails already",
        "      1  either: the new prompt alone and the new model alone make it fail",
        "      1  neither alone: only both together make it fail, or chance",
        "      1  not known: it has no score with one of the changes alone",
        "  not run again, though now failing, too: 2 cases",
        "  1 trial a case: a single case may fail or pass by chance, so trust the counts",
        "  12 responses, $0.01 paid now",
    ]


def test_many_trials_need_no_warning_and_v_names_the_cases() -> None:
    lines = lines_of(Attribution({"a": Cause.MODEL}, "parameters", trials=5, calls=10), verbosity=1)

    assert lines == [
        "  why 1 case now fails, each run again with one change alone:",
        "      1  the parameters: with the old prompt and the new parameters, it fails",
        "         already: a",
        "  10 responses, cost unknown",
    ]


def test_why_nothing_was_run_again_is_said() -> None:
    assert lines_of(Attribution(problem="only the prompt changed")) == ["  --evals-attribute: only the prompt changed"]
