from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pytest_promptevals.comparison.compare import compare
from pytest_promptevals.comparison.gates import parse_gates
from pytest_promptevals.records.cases import GateRules
from pytest_promptevals.records.comparisons import BaselineCase, GateResult, Verdict
from pytest_promptevals.records.partial import partial_fingerprint
from pytest_promptevals.records.results import CaseResult
from tests.support.sample_results import FILE, PLACE, make_case, make_result


def decide(
    results: list[CaseResult], baseline: list[BaselineCase] | None, default_max_drop: float = 0.1, **rules: Any
) -> list[GateResult]:
    gates = parse_gates(GateRules(**rules), default_max_drop)
    names = {result.name for result in results}
    return list(compare(FILE, PLACE, results, baseline, gates=gates, collected_names=names).gates)


def scored(*scores: float | None) -> list[CaseResult]:
    return [make_result(f"c{number}", score) for number, score in enumerate(scores)]


def based(*scores: float) -> list[BaselineCase]:
    return [make_case(f"c{number}", score) for number, score in enumerate(scores)]


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        (GateRules(), ["score"]),
        (GateRules(min_score=0.0), ["score", "min_score"]),
        (GateRules(min_score=0.5, min_pass_rate=0.9), ["score", "min_score", "min_pass_rate"]),
    ],
)
def test_rules_become_gates_with_names(rules: GateRules, names: list[str]) -> None:
    assert [gate.name for gate in parse_gates(rules, 0.1)] == names


def test_a_drop_over_max_drop_is_regressed() -> None:
    (gate,) = decide(scored(0.5, 0.9), based(0.8, 1.0))

    assert gate == GateResult(
        FILE,
        "score",
        Verdict.REGRESSED,
        "mean score fell by 0.200, from 0.900 to 0.700 over 2 cases; at most 0.100 is allowed",
        PLACE,
    )


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [(1.0, 0.9, Verdict.PASSED), (0.9, 0.8, Verdict.PASSED), (0.9, 0.799999, Verdict.REGRESSED)],
)
def test_a_drop_of_exactly_max_drop_passes(before: float, after: float, verdict: Verdict) -> None:
    assert [gate.verdict for gate in decide(scored(after), based(before))] == [verdict]


def test_the_gate_of_the_file_goes_before_the_setting() -> None:
    assert decide(scored(0.7), based(1.0), 0.1, max_drop=0.5)[0].verdict is Verdict.PASSED
    assert decide(scored(0.7), based(1.0), 0.5, max_drop=0.0)[0].verdict is Verdict.REGRESSED


def test_a_small_drop_passes_and_is_named() -> None:
    (gate,) = decide(scored(0.95), based(1.0))

    assert gate.verdict is Verdict.PASSED
    assert gate.explanation == "mean score fell by 0.050, from 1.000 to 0.950 over 1 case; at most 0.100 is allowed"


def test_a_rise_passes_and_is_named() -> None:
    (gate,) = decide(scored(0.7, 0.9), based(0.6, 0.8))

    assert gate.verdict is Verdict.PASSED
    assert gate.explanation == "mean score rose by 0.100, from 0.700 to 0.800 over 2 cases"


def test_no_change_passes_and_is_named_even_where_none_is_allowed() -> None:
    (gate,) = decide(scored(2 / 3), based(0.666667), max_drop=0.0)

    assert gate.verdict is Verdict.PASSED
    assert gate.explanation == "mean score is unchanged at 0.667 over 1 case"


def test_a_drop_that_rounds_to_the_limit_is_shown_with_more_digits() -> None:
    (gate,) = decide(scored(0.5996), based(0.7))

    assert gate.verdict is Verdict.REGRESSED
    assert gate.explanation.startswith("mean score fell by 0.1004, from 0.7000 to 0.5996 over 1 case; at most 0.1000 ")


def test_a_tiny_drop_is_not_shown_as_zero() -> None:
    (gate,) = decide(scored(0.69999), based(0.7))

    assert gate.explanation.startswith("mean score fell by 0.00001, from 0.70000 to 0.69999 over 1 case; ")


def test_a_tiny_rise_is_not_shown_as_zero() -> None:
    (gate,) = decide(scored(0.70001), based(0.7))

    assert gate.explanation == "mean score rose by 0.00001, from 0.70000 to 0.70001 over 1 case"


def test_without_a_baseline_nothing_is_compared() -> None:
    (gate,) = decide(scored(0.5), None)

    assert gate.verdict is Verdict.NO_BASELINE
    assert gate.explanation == "there is no baseline; save one with 'pytest --evals-save-baseline'"


def test_only_a_run_of_all_judges_saves_a_baseline() -> None:
    (result,) = scored(0.5)
    partial = dataclasses.replace(result, case_fingerprint=partial_fingerprint(result.case_fingerprint, 1, "mean"))

    (without,) = decide([partial], None)
    (edited,) = decide([partial], [dataclasses.replace(make_case("c0", 0.5), case_fingerprint="other")])

    assert without.explanation == "there is no baseline; save one with 'pytest --evals-level 3 --evals-save-baseline'"
    assert edited.explanation.endswith("; save a new one with 'pytest --evals-level 3 --evals-save-baseline'")


def test_errors_are_left_out_and_said_so() -> None:
    (gate,) = decide(scored(0.9, None), based(0.9, 0.9))

    assert gate.verdict is Verdict.PASSED
    assert gate.explanation == "mean score is unchanged at 0.900 over 1 case; left out: 1 case that ended in an error"


def test_errors_alone_are_insufficient_data_and_fail() -> None:
    score, minimum, rate = decide(scored(None, None), based(0.9, 0.9), min_score=0.1, min_pass_rate=0.1)

    for gate in (score, minimum, rate):
        assert gate.verdict is Verdict.INSUFFICIENT_DATA
        assert gate.verdict.fails
        assert gate.explanation == "there is no score: 2 cases ended in an error"


def test_errors_and_edited_cases_alone_are_insufficient_data() -> None:
    results = [make_result("c0", None), make_result("c1", 0.9, case_fingerprint="edited")]

    (gate,) = decide(results, based(0.9, 0.9))

    assert gate.verdict is Verdict.INSUFFICIENT_DATA
    assert gate.explanation == (
        "nothing can be compared: 1 case ended in an error and 1 case changed since the baseline"
    )


def test_a_file_whose_cases_were_all_edited_asks_for_a_new_baseline() -> None:
    results = [make_result("c0", 0.1, case_fingerprint="edited"), make_result("c1", 0.1)]

    (gate,) = decide(results, based(0.9))

    assert gate.verdict is Verdict.NO_BASELINE
    assert not gate.verdict.fails
    assert gate.explanation == (
        "the baseline has no case as it is now: 1 new, 1 edited; save a new one with 'pytest --evals-save-baseline'"
    )


def test_cases_that_all_weigh_nothing_are_insufficient_data() -> None:
    (gate,) = decide([make_result("c0", 0.1, weight=0.0), make_result("c1", None)], based(0.9))

    assert gate.verdict is Verdict.INSUFFICIENT_DATA
    assert gate.explanation == "there is no mean: the weights of 1 case with a score add up to 0"


def test_no_gate_answers_where_nothing_was_run() -> None:
    assert decide([], based(0.9), min_score=0.9) == []


def test_a_mean_below_min_score_fails() -> None:
    _, gate = decide(scored(0.5, 0.6, None), None, min_score=0.8)

    assert (gate.gate, gate.verdict) == ("min_score", Verdict.FAILED)
    assert gate.explanation == (
        "mean score is 0.550 over 2 cases; at least 0.800 is asked for; left out: 1 case that ended in an error"
    )


def test_a_mean_of_exactly_min_score_passes() -> None:
    _, gate = decide(scored(0.1, 0.2), None, min_score=0.15)

    assert gate.verdict is Verdict.PASSED
    assert gate.explanation == "mean score is 0.150 over 2 cases; at least 0.150 is asked for"


@pytest.mark.parametrize(("minimum", "verdict"), [(0.5, Verdict.PASSED), (0.6, Verdict.FAILED)])
def test_the_pass_rate_must_reach_its_minimum(minimum: float, verdict: Verdict) -> None:
    _, gate = decide(scored(1.0, 0.0), None, min_pass_rate=minimum)

    assert (gate.gate, gate.verdict) == ("min_pass_rate", verdict)
    assert gate.explanation == f"pass rate is 0.500 over 2 cases; at least {minimum:.3f} is asked for"


@pytest.mark.parametrize(("errors", "verdict"), [(2, Verdict.PASSED), (3, Verdict.INSUFFICIENT_DATA)])
@pytest.mark.parametrize("index", [0, 1], ids=["score", "min_score"])
def test_a_few_cases_that_survived_the_errors_do_not_decide(index: int, errors: int, verdict: Verdict) -> None:
    answers = decide(scored(1.0, 1.0, *[None] * errors), based(1.0, 1.0), min_score=0.5)

    assert answers[index].verdict is verdict
    if verdict is Verdict.INSUFFICIENT_DATA:
        assert answers[index].explanation == "3 of 5 cases ended in an error; the others are too few to decide"


def test_a_sum_of_fractions_does_not_miss_its_minimum() -> None:
    _, minimum = decide(scored(0.1, 0.2, 0.3 - 1e-12), None, min_score=0.2)

    assert minimum.verdict is Verdict.PASSED
