from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from pytest_promptevals.records.changes import CaseChanges, FileChanges, PromptChange, ValueChange
from pytest_promptevals.records.comparisons import GateResult, Verdict
from pytest_promptevals.records.results import Score
from pytest_promptevals.records.run_reports import ReportedCase, RunReport
from pytest_promptevals.records.runs import RunStatus
from pytest_promptevals.reports.markdown_report import LONGEST, MARKER, MarkdownReport
from tests.support.github_markdown import Rendered
from tests.support.hostile import hostile_strings
from tests.support.run_reports import (
    CHANGES,
    DROP,
    INCONCLUSIVE,
    PASSED,
    REGRESSED,
    failed_case,
    low_case,
    make_file,
    make_report,
    passed_case,
)
from tests.support.sample_results import FILE, PLACE


def render(report: RunReport) -> str:
    return MarkdownReport().render(report)


def verdict_line(report: RunReport) -> str:
    return render(report).splitlines()[1]


def test_the_first_line_is_the_marker_and_the_second_the_verdict() -> None:
    report = make_report(make_file(low_case("a", 1.0), passed_case("b"), failed_case("c"), gates=[PASSED, REGRESSED]))

    lines = render(report).splitlines()
    assert lines[0] == MARKER == "<!-- promptevals -->"
    assert lines[1] == (
        "## ❌ Evals regressed: score of evals/support.eval.yaml fell from 0.900 to 0.600; 1 of 3 cases pass, 1 error"
    )


def test_the_verdict_of_a_gate_that_compares_nothing_names_it() -> None:
    failed = GateResult(FILE, "min_score", Verdict.FAILED, "too low", PLACE)
    assert verdict_line(make_report(make_file(passed_case("a"), gates=[failed, REGRESSED]))) == (
        "## ❌ Evals regressed: score of evals/support.eval.yaml fell from 0.900 to 0.600 (and 1 more gate); "
        "1 of 1 case pass"
    )
    assert verdict_line(make_report(make_file(passed_case("a"), gates=[failed]))) == (
        "## ❌ Evals failed: gate min\\_score of evals/support.eval.yaml; 1 of 1 case pass"
    )


def test_gates_that_cannot_tell_are_not_counted_among_those_that_fail() -> None:
    unsure = dataclasses.replace(REGRESSED, gate="other", verdict=Verdict.INCONCLUSIVE, is_accepted=True)
    line = verdict_line(make_report(make_file(passed_case("a"), gates=[REGRESSED, unsure])))

    assert line.startswith("## ❌ Evals regressed: ")
    assert "more gate" not in line


def test_what_else_failed_in_the_session_is_no_success() -> None:
    report = make_report(make_file(passed_case("a"), gates=[PASSED]))
    broken = dataclasses.replace(report, failures=("evals/b.eval.yaml", "test_c.py::test_c"))

    assert verdict_line(broken) == (
        "## ❌ Evals: 1 of 1 case pass; no gate failed, but evals/b.eval.yaml and 1 more did"
    )
    stopped = dataclasses.replace(broken, run=dataclasses.replace(report.run, status=RunStatus.INTERRUPTED))
    assert verdict_line(stopped).startswith("## ❌ Evals stopped early")


def test_a_gate_that_cannot_tell_beside_failures_is_no_mere_warning() -> None:
    case = dataclasses.replace(low_case("a"), is_failure=True)

    assert verdict_line(make_report(make_file(case, gates=[INCONCLUSIVE]))) == (
        "## ❌ Evals: 0 of 1 case pass; no gate failed, 1 cannot tell"
    )


def test_a_case_that_passes_and_then_fails_in_a_fixture_is_no_success() -> None:
    case = dataclasses.replace(passed_case("a"), is_failure=True)

    assert verdict_line(make_report(make_file(case))) == "## ❌ Evals: 1 of 1 case pass; no gate failed"


def test_what_cannot_be_told_is_a_warning() -> None:
    assert verdict_line(make_report(make_file(passed_case("a"), gates=[INCONCLUSIVE]))) == (
        "## ⚠️ Evals inconclusive: score of evals/support.eval.yaml fell from 0.900 to 0.600; 1 of 1 case pass"
    )


@pytest.mark.parametrize(
    ("is_failure", "said"),
    [
        (True, "❌ Evals: 1 of 2 cases pass; no gate failed"),
        (False, "✅ Evals: 1 of 2 cases pass, the others were let through; no gate failed"),
        (None, "⚠️ Evals: 1 of 2 cases pass; no gate failed"),
    ],
)
def test_where_no_gate_failed_pytest_knows_what_cases_mean(is_failure: bool | None, said: str) -> None:
    low = dataclasses.replace(low_case("a"), is_failure=is_failure)
    assert verdict_line(make_report(make_file(low, passed_case("b"), gates=[PASSED]))) == f"## {said}"


def test_a_good_run_is_told_as_one() -> None:
    compared = GateResult(FILE, "score", Verdict.PASSED, "as it was", PLACE, DROP)
    assert verdict_line(make_report(make_file(passed_case("a"), gates=[compared]))) == (
        "## ✅ Evals: 1 of 1 case pass, no regression"
    )
    assert verdict_line(make_report(make_file(passed_case("a")))) == (
        "## ✅ Evals: 1 of 1 case pass; there is no baseline to compare with"
    )


def test_half_a_run_has_no_verdict() -> None:
    report = make_report(make_file(passed_case("a")), status=RunStatus.INTERRUPTED)
    assert verdict_line(report) == "## ⚠️ Evals stopped early, so there is no verdict; 1 of 1 case pass"


def test_a_run_that_was_killed_counts_what_it_has_and_what_is_missing() -> None:
    some = make_report(make_file(passed_case("a"), low_case("b")), status=RunStatus.RUNNING, selected=8)
    assert verdict_line(some) == (
        "## ⚠️ Evals stopped early, so there is no verdict; 1 of 2 cases pass, 6 more have no result"
    )
    none = make_report(status=RunStatus.RUNNING, selected=8)
    assert verdict_line(none) == "## ⚠️ Evals stopped early, so there is no verdict; none of 8 cases has a result"
    assert "| eval file |" not in render(none)
    share = make_report(make_file(passed_case("a")), status=RunStatus.RUNNING, selected=8, shard="1/2")
    assert verdict_line(share).endswith("; 1 of 1 case pass"), "how many of the others are its own, nobody knows"


def test_the_table_has_the_worst_file_first_and_no_column_that_says_nothing() -> None:
    good = dataclasses.replace(make_file(passed_case("a"), gates=[PASSED], file="a.eval.yaml"))
    bad = make_file(low_case("b", 1.0), gates=[REGRESSED])

    lines = render(make_report(good, bad)).splitlines()
    assert lines[3:7] == [
        "| eval file | cases | passed | score | before | change | verdict |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
        "| evals/support.eval.yaml | 1 | 0 | 0.000 | 0.900 | -0.300 | ❌ regressed |",
        "| a.eval.yaml | 1 | 1 | 1.000 | – | – | ✅ passed |",  # noqa: RUF001 - the dash of a table
    ]


def test_of_very_many_files_the_others_are_counted() -> None:
    files = [make_file(passed_case("a"), file=f"evals/{number}.eval.yaml") for number in range(70)]

    text = render(make_report(*files))
    assert text.count(".eval.yaml") == 50
    assert "… and 20 more eval files." in text


def test_gates_that_fail_or_cannot_tell_are_told_with_their_reasons() -> None:
    text = render(make_report(make_file(passed_case("a"), gates=[INCONCLUSIVE, PASSED, REGRESSED])))

    assert "- ❌ **score** of evals/support.eval.yaml regressed: mean score fell by 0.300\n" in text
    assert "- ⚠️ **judges.tone** of evals/support.eval.yaml inconclusive: may be chance\n" in text
    assert "it is enough" not in text


def test_what_changed_has_the_diff_of_the_prompt() -> None:
    text = render(make_report(make_file(low_case("a", 1.0), gates=[REGRESSED], changes=CHANGES)))

    assert (
        "### What changed\n\n**evals/support.eval.yaml**, since the committed baseline:\n\n"
        "- prompt support: changed (12 cases)\n\n```diff\n-Be kind.\n+Be short.\n Answer.\n```\n\n"
        "- model: openai/old, now openai/new (12 cases)\n- parameter temperature: 0, now 1\n" in text
    )


def test_a_long_diff_is_cut_and_its_rest_counted() -> None:
    new = "\n".join(f"line {number}" for number in range(100))
    prompt = PromptChange("", "h1", "h2", 1, {"": "old"}, {"": new, "part.md": "x"})
    text = render(make_report(make_file(changes=FileChanges(CaseChanges(prompts=(prompt,))), gates=[REGRESSED])))

    assert "line 58" in text
    assert "line 59" not in text
    assert "… and 43 more lines of it." in text


def test_a_prompt_whose_old_text_is_not_known_says_so() -> None:
    prompt = PromptChange("p", "h1", "h2", 1, None, {"": "new"})
    text = render(make_report(make_file(changes=FileChanges(CaseChanges(prompts=(prompt,))), gates=[REGRESSED])))

    assert "- prompt p: changed (1 case); its earlier text is not known" in text


def test_a_change_that_explains_nothing_is_left_out() -> None:
    changes = FileChanges(CaseChanges(), packages=(ValueChange("python", "3.11", "3.12"),), is_run_known=True)
    assert "What changed" not in render(make_report(make_file(passed_case("a"), changes=changes)))


def test_cases_that_flipped_come_worst_first_with_both_answers() -> None:
    cases = [
        low_case("a small", 0.6, 0.4, output_before="was right"),
        low_case("failed before", 0.4, 0.0),
        low_case("large", 1.0, 0.0, output_before="was better", expected={"a": 1}),
        passed_case("fine"),
    ]

    text = render(make_report(make_file(*cases)))
    heads = [line for line in text.splitlines() if line.startswith(("###", "<summary>"))]
    assert heads == [
        "### 2 cases that now fail",
        "<summary>evals/support.eval.yaml::large: 1.00 → 0.00</summary>",
        "<summary>evals/support.eval.yaml::a small: 0.60 → 0.40</summary>",
        "### 1 more case that does not pass",
        "<summary>evals/support.eval.yaml::failed before: 0.40 → 0.00</summary>",
    ]
    block = text.partition("</summary>")[2].partition("</details>")[0]
    assert block == (
        "\n\nevals/support.eval.yaml:7, openai/gpt-5-mini\n\n"
        "- judge exact 0.00 (needs 0.50): expected something else of large\n\n"
        "Asked:\n\n```\nquestion of large\n```\n\n"
        'Expected:\n\n```\n{\n  "a": 1\n}\n```\n\n'
        "Answered before:\n\n```\nwas better\n```\n\nAnswered now:\n\n```\nwhat came back\n```\n\n"
    )


def test_the_same_answer_stands_there_once() -> None:
    text = render(make_report(make_file(low_case("a", 1.0, output="same", output_before="same"))))

    assert "Answered before and now:\n\n```\nsame\n```" in text
    assert text.count("same\n") == 1


def test_a_long_answer_is_cut_and_the_command_for_all_of_it_is_named() -> None:
    report = make_report(make_file(low_case("it's", output="\n".join(map(str, range(100))))))

    shown = "promptevals show 20261121-172600-1a2b3c --all --case 'it'\"'\"'s' shows them"
    assert f"\n... 84 lines left out, {shown} ...\n" in render(report)


def test_of_many_judges_the_others_are_counted() -> None:
    case = low_case("a")
    scores = tuple(Score(f"judge{number}", 0.0, passed=False) for number in range(12))
    report = make_report(make_file(ReportedCase(dataclasses.replace(case.result, scores=scores))))

    assert "- judge judge9 0.00\n- and 2 more judges\n" in render(report)


def test_errors_of_one_cause_are_one_line() -> None:
    cases = [*(failed_case(f"c{number}") for number in range(3)), failed_case("other", "no key")]

    text = render(make_report(make_file(*cases)))
    assert text.partition("### Errors\n\n")[2].startswith(
        "- evals/support.eval.yaml::c0 (and 2 more cases): provider error: the server is down\n"
        "- evals/support.eval.yaml::other: provider error: no key\n"
    )


def test_the_last_line_says_what_it_cost_and_which_run_it_was() -> None:
    report = make_report(make_file(passed_case("a")), calls=4, cached=1, cost=0.04, spent=0.03)

    assert render(report).splitlines()[-1] == (
        "<sub>4 responses, 1 from the cache; cost &#36;0.04, &#36;0.03 of it paid now, "
        "run 20261121-172600-1a2b3c, main@\N{ZERO WIDTH NON-JOINER}aaaaaaa\\*</sub>"
    )


def test_what_there_is_no_room_for_is_counted_and_the_commands_for_it_are_named() -> None:
    cases = [low_case(f"case{number:04}", 1.0, output="long " * 400, output_before="x" * 1500) for number in range(400)]

    text = render(make_report(make_file(*cases, *(failed_case(f"e{n}", f"error {n}") for n in range(300)))))
    shown, errors = text.count("<details>"), text.count("provider error")
    assert len(text) < LONGEST == 65_000
    assert 10 < shown < 30
    assert "case0000" in text
    assert (
        f"\nLeft out here: {400 - shown} cases that now fail, {300 - errors} errors. "
        "`promptevals show 20261121-172600-1a2b3c --all` lists the cases, and "
        "`promptevals report 20261121-172600-1a2b3c --format html -o report.html` has all of it.\n" in text
    )
    assert text.count("<details>") == text.count("</details>")
    assert text.endswith("</sub>\n")


def test_of_many_short_cases_the_worst_thirty_are_shown_and_those_of_the_next_kind() -> None:
    cases = [low_case(f"flip{number}", 1.0) for number in range(40)] + [low_case(f"low{n}") for n in range(31)]

    text = render(make_report(make_file(*cases)))
    assert text.count("<details>") == 60
    assert "### 31 more cases that do not pass\n" in text
    assert "\nLeft out here: 10 cases that now fail, 1 more cases that do not pass. " in text


def test_the_report_of_a_run_without_cases_is_one_too() -> None:
    assert verdict_line(make_report()).startswith("## ✅ Evals: no case has a result")


def test_hostile_texts_everywhere_are_only_text() -> None:
    texts = iter(hostile_strings(10_000))
    for _ in range(190):
        text = render(hostile_report(texts))
        page = Rendered(text)
        assert (page.strange, page.links, page.comments) == ([], [], [" promptevals "])
        assert len(text) < LONGEST


def hostile_report(texts: Iterator[str]) -> RunReport:
    """A report all of whose texts are hostile."""
    cases = []
    for _ in range(5):
        case = low_case(next(texts), 1.0, output=next(texts), output_before=next(texts), expected=next(texts))
        score = Score(next(texts), 0.0, passed=False, explanation=next(texts))
        result = dataclasses.replace(case.result, scores=(score,), model=next(texts))
        cases.append(dataclasses.replace(case, result=result))
    cases += [failed_case(next(texts), next(texts)) for _ in range(3)]
    gate = dataclasses.replace(REGRESSED, file=next(texts), explanation=next(texts))
    prompt = PromptChange(next(texts), "h1", "h2", 1, {"": next(texts)}, {"": next(texts), next(texts): next(texts)})
    changes = FileChanges(CaseChanges(prompts=(prompt,)), parameters=(ValueChange(next(texts), next(texts), None),))
    return make_report(make_file(*cases, gates=[gate], changes=changes, file=next(texts), baseline=next(texts)))
