"""The summary at the end of a run."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, GateResult, Metrics, Verdict
from pytest_promptevals.reports.lines import Line
from pytest_promptevals.reports.terminal import accept_lines, commit_lines, summary_lines
from pytest_promptevals.reports.words import count_text, json_text, score_text

PLACE = Location("evals/a.eval.yaml", 7)


def comparison(*deltas: Delta, file: str = "evals/a.eval.yaml", cost: float | None = None) -> Comparison:
    gate = GateResult(file, "score", Verdict.REGRESSED, "mean score fell", PLACE)
    return Comparison(
        file=file,
        metrics=Metrics(30, 28, 1, 0.933333, 0.96, cost),
        has_baseline=True,
        baseline="baselines/a.jsonl",
        deltas=deltas,
        mean_before=0.95,
        mean_after=0.93,
        gates=(gate,),
    )


def text(*comparisons: Comparison, width: int = 80, verbosity: int = 0) -> list[str]:
    return [line.text for line in summary_lines(comparisons, width=width, verbosity=verbosity)]


def worse(name: str) -> Delta:
    return Delta(name, Change.WORSE, 1.0, 0.25, PLACE, passed_before=True, passed_after=False)


def test_the_whole_summary() -> None:
    better = Delta("b", Change.BETTER, 0.5, 0.75, PLACE, passed_before=False, passed_after=True)
    same = Delta("s", Change.SAME, 1.0, 1.0, PLACE)

    assert text(comparison(worse("a-long-name"), better, same, Delta("n", Change.NEW, after=1.0))) == [
        "eval file          cases  passed  errors  score  before  change  verdict",
        "evals/a.eval.yaml     30      28       1  0.933   0.950  -0.020  regressed",
        "",
        "evals/a.eval.yaml: 1 case worse than baselines/a.jsonl",
        "  a-long-name  1.00 -> 0.25  now fails  evals/a.eval.yaml:7",
        "evals/a.eval.yaml: 1 case better than baselines/a.jsonl",
        "  b  0.50 -> 0.75  now passes  evals/a.eval.yaml:7",
        "evals/a.eval.yaml: 1 case new, not in baselines/a.jsonl",
        "  n",
        "",
        "evals/a.eval.yaml [score] regressed: mean score fell",
    ]


def test_of_files_with_further_trials_it_is_said_which_numbers_are_of_all_of_them() -> None:
    files = ["b.eval.yaml", "a.eval.yaml"]

    lines = summary_lines([comparison()], width=200, verbosity=0, grown=files)

    words = (
        "scores are those of all trials; what passes and fails, pass rate, cost, latency and length are those of the "
        "first pass"
    )
    assert [line.text for line in lines[2:4]] == [f"a.eval.yaml: {words}", f"b.eval.yaml: {words}"]
    assert not any("trials" in line.text for line in summary_lines([], width=80, verbosity=-1, grown=files))


def test_many_cases_are_counted_unless_all_are_asked_for() -> None:
    many = comparison(*(worse(f"c{number}") for number in range(25)))

    assert "  ... and 15 more, -v lists them" in text(many)
    assert sum(" -> " in line for line in text(many, verbosity=1)) == 25


def test_names_are_wrapped_at_the_width() -> None:
    many = comparison(*(Delta(f"a-rather-long-name-{number}", Change.MISSING) for number in range(9)))

    lines = text(many)

    assert all(len(line) <= 80 for line in lines)
    assert "  a-rather-long-name-0, a-rather-long-name-1, a-rather-long-name-2," in lines


def test_a_long_file_name_is_shortened_so_that_the_table_fits() -> None:
    table = text(comparison(file="a/very/long/path/to/the/folder/of/evals/support.eval.yaml"))[:2]

    assert all(len(row) <= 80 for row in table)
    assert table[1].startswith("support ")


def test_costs_are_shown_where_there_are_any() -> None:
    lines = text(comparison(cost=0.0123), comparison(cost=None))

    assert "cost" in lines[0]
    assert "$0.0123" in lines[1]
    assert "unknown" in lines[2]
    assert "cost" not in text(comparison())[0]


@pytest.mark.parametrize("verbosity", [-1, -2])
def test_a_quiet_run_shows_one_line_an_eval_file(verbosity: int) -> None:
    assert text(comparison(worse("a")), verbosity=verbosity) == [
        "evals/a.eval.yaml  regressed [score]  0.950 -> 0.930  28 of 30 passed, 1 error"
    ]


def test_a_verbose_run_shows_the_score_of_each_case_before_and_now() -> None:
    deltas = [
        worse("a"),
        Delta("new", Change.NEW, after=1.0, location=PLACE, passed_after=True),
        Delta("edited", Change.EDITED, 1.0, 0.5, PLACE),
        Delta("gone", Change.MISSING, 1.0, passed_before=True),
        Delta("down", Change.ERROR, 1.0, None, PLACE),
        Delta("same", Change.SAME, 0.5, 0.5, PLACE),
    ]

    lines = text(comparison(*deltas), verbosity=1)

    assert lines[3:-2] == [
        "evals/a.eval.yaml: 1 case worse than baselines/a.jsonl",
        "  a  1.00 -> 0.25  now fails  evals/a.eval.yaml:7",
        "evals/a.eval.yaml: 1 case new, not in baselines/a.jsonl",
        "  new  none -> 1.00  evals/a.eval.yaml:7",
        "evals/a.eval.yaml: 1 case edited or judged otherwise, so not compared with",
        "  baselines/a.jsonl",
        "  edited  1.00 -> 0.50  evals/a.eval.yaml:7",
        "evals/a.eval.yaml: 1 case missing, lost since baselines/a.jsonl",
        "  gone  1.00 -> none",
        "evals/a.eval.yaml: 1 case in error, with a score in baselines/a.jsonl",
        "  down  1.00 -> none  evals/a.eval.yaml:7",
        "evals/a.eval.yaml: 1 case with the same score as baselines/a.jsonl",
        "  same  0.50 -> 0.50  evals/a.eval.yaml:7",
    ]
    assert not any("same" in line for line in text(comparison(*deltas)))


def with_gates(*gates: tuple[str, Verdict], file: str = "a.eval.yaml") -> Comparison:
    answers = tuple(GateResult(file, name, verdict, "for a reason", PLACE) for name, verdict in gates)
    return Comparison(file, Metrics(1, 1, 0, 1.0, 1.0), gates=answers)


def test_the_worst_verdict_stands_in_the_table_and_only_failing_gates_are_told() -> None:
    comparison = with_gates(("score", Verdict.PASSED), ("min_score", Verdict.FAILED))

    assert text(comparison) == [
        "eval file    cases  passed  score  verdict",
        "a.eval.yaml      1       1  1.000  failed",
        "",
        "a.eval.yaml [min_score] failed: for a reason",
    ]
    assert "a.eval.yaml [score] passed: for a reason" in text(comparison, verbosity=1)


def test_a_long_verdict_is_wrapped_at_the_width() -> None:
    long = with_gates(("score", Verdict.REGRESSED), file="a/rather/long/path/to/the/evals/of/support.eval.yaml")

    assert text(long)[-2:] == [
        "a/rather/long/path/to/the/evals/of/support.eval.yaml [score] regressed: for a",
        "  reason",
    ]


def test_what_has_no_baseline_yet_is_said_once_for_all() -> None:
    files = [with_gates(("score", Verdict.NO_BASELINE), file=f"{name}.eval.yaml") for name in "abc"]

    assert text(*files)[-2:] == [
        "no baseline yet for a.eval.yaml and 2 more: pytest --evals-save-baseline saves",
        "  one to compare with",
    ]
    assert text(*files)[1].endswith("no baseline")


def test_a_baseline_is_not_asked_for_where_a_run_is_what_to_compare_with() -> None:
    without = with_gates(("score", Verdict.NO_BASELINE))

    lines = summary_lines([without], width=80, verbosity=0, wants_file=False)

    assert not any("--evals-save-baseline" in line.text for line in lines)


def test_a_run_of_a_part_of_the_judges_is_told_to_run_all_to_save_a_baseline() -> None:
    whole = with_gates(("score", Verdict.NO_BASELINE), file="a.eval.yaml")
    partial = dataclasses.replace(whole, is_partial=True)

    assert text(whole, partial)[-2:] == [
        "no baseline yet for a.eval.yaml and 1 more: pytest --evals-level 3",
        "  --evals-save-baseline saves one to compare with",
    ]


def test_an_early_stop_is_said() -> None:
    lines = summary_lines([], width=80, verbosity=-1, is_stopped_early=True)

    assert lines == [
        Line("stopped early: no verdict, half a run cannot be compared; --evals-resume goes on", {"yellow": True})
    ]
    narrow = summary_lines([], width=70, verbosity=-1, is_stopped_early=True)
    assert [line.text for line in narrow] == [
        "stopped early: no verdict, half a run cannot be compared;",
        "  --evals-resume goes on",
    ]


def test_cases_that_were_renamed_are_named_with_what_they_were() -> None:
    renamed = dataclasses.replace(worse("now"), renamed_from="once")

    assert text(comparison(renamed))[-4:-2] == [
        "evals/a.eval.yaml: 1 case renamed, the same as before in baselines/a.jsonl",
        "  once -> now",
    ]


def offer(improved: dict[str, tuple[str, ...]]) -> str:
    return " ".join(line.text.strip() for line in accept_lines(improved, 80))


def test_known_failures_that_pass_are_offered_in_a_command_that_a_shell_takes() -> None:
    assert offer({}) == ""
    assert offer({"a.eval.yaml": ("late",)}) == (
        "1 known failure now passes: pytest --evals-accept late takes it into the baseline, so that it may not slip "
        "back"
    )
    assert offer({"a.eval.yaml": ("late", "late[v1]", "two words")}) == (
        "3 known failures now pass: pytest --evals-accept 'late late[v1] two words' takes them into the baseline, so "
        "that they may not slip back"
    )


def test_files_whose_ratchet_has_nothing_to_hold_to_are_named() -> None:
    assert commit_lines([], 80) == []
    assert commit_lines(["a.eval.yaml", "b.eval.yaml"], 80)[0].text.startswith(
        "case_policy ratchet of a.eval.yaml and 1 more: without a committed baseline,"
    )


def test_a_name_that_two_files_share_is_offered_as_a_node_id() -> None:
    improved = {"a.eval.yaml": ("x",), "test_a.py::test_b": ("x", "y")}

    assert "--evals-accept 'a.eval.yaml::x test_a.py::test_b[x] y' takes" in offer(improved)


@pytest.mark.parametrize(
    ("score", "shown"),
    [(None, "none"), (1.0, "1.00"), (0.999, "0.99"), (0.0, "0.00"), (0.001, "0.01"), (0.5, "0.50"), (0.994, "0.99")],
)
def test_a_score_never_rounds_to_what_it_is_not(score: float | None, shown: str) -> None:
    assert score_text(score) == shown


def test_words() -> None:
    assert (count_text(1, "case"), count_text(2, "case"), count_text(0, "case")) == ("1 case", "2 cases", "0 cases")
    assert count_text(100_000, "case") == "100,000 cases"
    assert json_text({"ü": [1]}) == '{"ü": [1]}'


def test_a_change_too_small_to_show_has_no_sign() -> None:
    comparison = Comparison(
        "a.eval.yaml", Metrics(1, 1, 0, 0.9, 1.0), has_baseline=True, mean_before=0.9, mean_after=0.899999
    )

    assert "0.000" in text(comparison)[1].split()
