from __future__ import annotations

import dataclasses

import pytest

from pytest_promptevals.comparison.metrics import measure
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import CaseResult, ErrorRecord, Score, Trial
from tests.support.sample_results import make_result


def costing(name: str, cost: float | None) -> CaseResult:
    return make_result(name, trials=(Trial(1, Response("answer", cost=cost)),))


def test_means_are_weighted() -> None:
    metrics = measure([make_result("a", 1.0, weight=3.0), make_result("b", 0.0)])

    assert (metrics.mean_score, metrics.pass_rate) == (0.75, 0.75)
    assert (metrics.cases, metrics.passed, metrics.errors) == (2, 1, 0)


def test_a_case_with_an_error_counts_as_a_case_but_not_as_a_score() -> None:
    half_done = make_result("c", 0.0, error=ErrorRecord("judge", "no answer"))

    metrics = measure([make_result("a", 0.8), make_result("b", None), half_done])

    assert (metrics.mean_score, metrics.pass_rate) == (0.8, 1.0)
    assert (metrics.cases, metrics.passed, metrics.errors) == (3, 1, 2)


@pytest.mark.parametrize("results", [[], [make_result("a", None)], [make_result("a", 1.0, weight=0.0)]])
def test_the_mean_of_nothing_is_none(results: list[CaseResult]) -> None:
    metrics = measure(results)

    assert metrics.mean_score is None
    assert metrics.pass_rate is None


def test_the_order_of_cases_does_not_change_the_last_bit() -> None:
    results = [make_result(str(n), score, weight=weight) for n, (score, weight) in enumerate(_UNEVEN)]

    assert measure(results) == measure(results[::-1])


_UNEVEN = [(0.1, 1e16), (0.7, 1.0), (0.3, 1e-8), (0.9, 3.0), (0.2, 1e8)]


def test_costs_add_up() -> None:
    assert measure([costing("a", 0.5), costing("b", 0.25)]).cost == 0.75


def test_one_unknown_cost_makes_the_sum_unknown() -> None:
    assert measure([costing("a", 0.5), costing("b", None)]).cost is None


def test_a_case_that_got_no_response_leaves_the_cost_known() -> None:
    assert measure([costing("a", 0.5), make_result("b", None)]).cost == 0.5


def test_no_response_at_all_has_no_known_cost() -> None:
    assert measure([make_result("a", None)]).cost is None


def test_a_case_without_a_verdict_does_not_pass() -> None:
    result = dataclasses.replace(make_result("a", 1.0), passed=None)

    assert measure([result]).pass_rate == 0.0


def test_latencies_are_percentiles_of_the_cases_means() -> None:
    results = [
        make_result(str(n), trials=(Trial(1, Response("a", latency=n - 0.5)), Trial(2, Response("a", latency=n + 0.5))))
        for n in range(1, 12)
    ]

    metrics = measure(results)

    assert metrics.latency_p50 == 6.0
    assert metrics.latency_p95 == pytest.approx(10.5)


def test_lengths_are_means_of_characters() -> None:
    results = [make_result(str(n), trials=(Trial(1, Response("a" * n)),), weight=n) for n in (1, 5)]

    assert measure([*results, make_result("error", None)]).output_length == 3.0


def test_the_mean_of_each_judge_is_weighted_and_over_those_that_it_judged() -> None:
    both = (Score("one", 1.0, passed=True), Score("two", 0.5, passed=True))
    results = [
        make_result("a", scores=both, weight=3.0),
        make_result("b", scores=(Score("one", 0.0, passed=False),)),
        make_result("error", None, scores=(Score("one", 0.0, passed=False),)),
        make_result("weightless", scores=(Score("three", 1.0, passed=True),), weight=0.0),
    ]

    assert measure(results).judges == {"one": 0.75, "two": 0.5}


def test_of_nothing_there_is_no_latency_and_no_length() -> None:
    metrics = measure([make_result("a", None)])

    assert (metrics.latency_p50, metrics.latency_p95, metrics.output_length, metrics.judges) == (None, None, None, {})
