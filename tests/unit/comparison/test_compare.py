from __future__ import annotations

import pytest

from pytest_promptevals.comparison.compare import compare
from pytest_promptevals.comparison.gates import parse_gates
from pytest_promptevals.records.cases import GateRules
from pytest_promptevals.records.comparisons import BaselineCase, Change, Comparison
from pytest_promptevals.records.results import CaseResult
from tests.support.sample_results import FILE, PLACE, make_case, make_result


def run_compare(results: list[CaseResult], baseline: list[BaselineCase] | None) -> Comparison:
    names = {result.name for result in results}
    gates = parse_gates(GateRules(min_score=0.5), 0.1)
    return compare(FILE, PLACE, results, baseline, gates=gates, collected_names=names)


def test_means_are_over_the_paired_cases_weighted_by_the_cases_of_now() -> None:
    results = [
        make_result("a", 0.4, weight=3.0),
        make_result("b", 0.8),
        make_result("new", 0.0),
        make_result("edited", 0.0, case_fingerprint="x"),
        make_result("error", None),
    ]
    baseline = [make_case("a", 0.8), make_case("b", 0.4), make_case("edited"), make_case("error"), make_case("gone")]

    comparison = run_compare(results, baseline)

    assert comparison.mean_before == pytest.approx(0.7)
    assert comparison.mean_after == pytest.approx(0.5)
    assert comparison.drop == pytest.approx(0.2)
    assert comparison.has_baseline
    assert len(comparison.deltas) == 6
    assert [delta.name for delta in comparison.deltas_with(Change.MISSING)] == ["gone"]


def test_it_holds_metrics_of_all_cases_and_the_answers_of_the_gates() -> None:
    comparison = run_compare([make_result("a", 0.9), make_result("b", None)], [make_case("a", 0.9)])

    assert comparison.file == FILE
    assert (comparison.metrics.cases, comparison.metrics.errors, comparison.metrics.mean_score) == (2, 1, 0.9)
    assert [(gate.gate, gate.location) for gate in comparison.gates] == [("score", PLACE), ("min_score", PLACE)]


def test_without_a_baseline_there_are_no_deltas_and_no_means() -> None:
    comparison = run_compare([make_result("a", 0.9)], None)

    assert not comparison.has_baseline
    assert comparison.deltas == ()
    assert comparison.drop is None


def test_with_an_empty_baseline_every_case_is_new() -> None:
    comparison = run_compare([make_result("a", 0.9)], [])

    assert comparison.has_baseline
    assert [delta.change for delta in comparison.deltas] == [Change.NEW]
    assert comparison.drop is None
