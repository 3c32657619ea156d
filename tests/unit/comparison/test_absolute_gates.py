from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pytest_promptevals.records.cases import MissingCases
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, Metrics, Verdict
from pytest_promptevals.settings import Settings
from tests.support.gated import decide_all, make_comparison

METRICS = Metrics(60, 48, 0, 0.8, 0.8, cost=0.5, latency_p95=2.0)


def run(**changes: object) -> Comparison:
    """A run without a baseline."""
    metrics = dataclasses.replace(METRICS, **changes)  # type: ignore[arg-type]  # of any field
    return make_comparison(metrics=metrics, has_baseline=False)


def _rules(rule: str, value: float) -> dict[str, Any]:
    return {rule: value}


@pytest.mark.parametrize(
    ("minimum", "verdict"), [(0.8, Verdict.PASSED), (0.8 + 1e-12, Verdict.PASSED), (0.801, Verdict.FAILED)]
)
@pytest.mark.parametrize(("rule", "metric"), [("min_score", "mean score"), ("min_pass_rate", "pass rate")])
def test_a_metric_must_reach_its_minimum(rule: str, metric: str, minimum: float, verdict: Verdict) -> None:
    gate = decide_all(run(), **_rules(rule, minimum))[rule]

    assert gate.verdict is verdict
    assert gate.explanation == f"{metric} is 0.800 over 60 cases; at least {minimum:.3f} is asked for"
    assert gate.evidence is None


def test_cases_that_ended_in_an_error_do_not_count_for_a_minimum() -> None:
    gate = decide_all(run(errors=1), min_score=0.5)["min_score"]

    assert gate.explanation == (
        "mean score is 0.800 over 59 cases; at least 0.500 is asked for; left out: 1 case that ended in an error"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cases": 0}, "no case was run"),
        ({"errors": 60}, "there is no score: 60 cases ended in an error"),
        ({"errors": 31}, "31 of 60 cases ended in an error; the others are too few to decide"),
        ({"mean_score": None}, "there is no mean: the weights of 60 cases with a score add up to 0"),
    ],
)
def test_a_minimum_of_nothing_is_insufficient_data(changes: dict[str, object], words: str) -> None:
    gate = decide_all(run(**changes), min_score=0.0)["min_score"]

    assert (gate.verdict, gate.explanation) == (Verdict.INSUFFICIENT_DATA, words)
    assert gate.fails


@pytest.mark.parametrize(("maximum", "verdict"), [(0.5, Verdict.PASSED), (0.49, Verdict.FAILED)])
def test_the_results_of_a_file_may_cost_so_much(maximum: float, verdict: Verdict) -> None:
    gate = decide_all(run(), max_cost=maximum)["max_cost"]

    assert gate.verdict is verdict
    assert gate.explanation == f"the results cost $0.50; at most ${maximum:.2f} is allowed"


@pytest.mark.parametrize(("maximum", "verdict"), [(2.0, Verdict.PASSED), (1.9999, Verdict.FAILED)])
def test_responses_may_take_so_long(maximum: float, verdict: Verdict) -> None:
    gate = decide_all(run(), max_latency_p95=maximum)["max_latency_p95"]

    assert gate.verdict is verdict
    digits = 3 if verdict is Verdict.PASSED else 4
    assert gate.explanation == (
        f"95 of 100 cases had their response within {2:.{digits}f} s; at most {maximum:.{digits}f} s is allowed"
    )


@pytest.mark.parametrize(
    ("rule", "metric", "words"),
    [
        ("max_cost", "cost", "the cost is not known; name what the models cost in 'prices' of the eval file"),
        (
            "max_latency_p95",
            "latency_p95",
            "no response says how long it took, as outputs that were recorded do not; leave max_latency_p95 out",
        ),
    ],
)
def test_what_is_not_known_fails_the_gate_of_the_file_but_not_that_of_the_project(
    rule: str, metric: str, words: str
) -> None:
    setting = {"max_cost": "max_file_cost"}.get(rule, rule)

    gate = decide_all(run(**{metric: None}), **_rules(rule, 1.0))[rule]

    assert (gate.verdict, gate.explanation) == (Verdict.INSUFFICIENT_DATA, words)
    assert rule not in decide_all(run(**{metric: None}), Settings(**{setting: 1.0}))  # type: ignore[arg-type]  # a number
    assert rule in decide_all(run(), Settings(**{setting: 1.0}))  # type: ignore[arg-type]  # a number


@pytest.mark.parametrize("rule", ["max_cost", "max_latency_p95"])
def test_a_maximum_of_errors_alone_is_insufficient_data(rule: str) -> None:
    gate = decide_all(run(errors=60), **_rules(rule, 1.0))[rule]

    assert gate.verdict is Verdict.INSUFFICIENT_DATA
    assert gate.explanation == "there is no score: 60 cases ended in an error"


@pytest.mark.parametrize(("errors", "verdict"), [(0, Verdict.PASSED), (6, Verdict.PASSED), (7, Verdict.FAILED)])
def test_so_many_cases_may_end_in_an_error(errors: int, verdict: Verdict) -> None:
    assert decide_all(run(errors=errors), max_error_rate=0.1)["max_error_rate"].verdict is verdict


def test_the_error_rate_is_said() -> None:
    gate = decide_all(run(errors=7), max_error_rate=0.1)["max_error_rate"]

    assert gate.explanation == "7 cases ended in an error, of 60: 11.7 %; at most 10 % is allowed"


def test_the_error_rate_of_nothing_is_insufficient_data() -> None:
    gate = decide_all(run(cases=0), max_error_rate=0.1)["max_error_rate"]

    assert (gate.verdict, gate.explanation) == (Verdict.INSUFFICIENT_DATA, "no case was run")


def with_missing(count: int) -> Comparison:
    deltas = tuple(Delta(f"c{number}", Change.MISSING, 1.0) for number in range(count))
    return make_comparison(deltas=(Delta("kept", Change.SAME, 1.0, 1.0), *deltas))


def test_cases_that_are_gone_fail_where_that_is_asked_for() -> None:
    gate = decide_all(with_missing(1), missing_cases=MissingCases.FAIL)["missing_cases"]

    assert gate.verdict is Verdict.FAILED
    assert gate.explanation == (
        "1 case of the baseline is gone: c0; put it back, or save a new baseline with 'pytest --evals-save-baseline'"
    )


def test_many_cases_that_are_gone_are_not_all_named() -> None:
    gate = decide_all(with_missing(12), missing_cases=MissingCases.FAIL)["missing_cases"]

    assert "12 cases of the baseline are gone: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 2 more; " in gate.explanation


def test_no_missing_case_passes() -> None:
    gate = decide_all(with_missing(0), missing_cases=MissingCases.FAIL)["missing_cases"]

    assert (gate.verdict, gate.explanation) == (Verdict.PASSED, "all cases of the baseline are still there")


def test_missing_cases_are_no_gate_where_they_only_warn_or_nothing_is_compared() -> None:
    assert "missing_cases" not in decide_all(with_missing(1), missing_cases=MissingCases.WARN)
    assert "missing_cases" not in decide_all(run(), missing_cases=MissingCases.FAIL)
