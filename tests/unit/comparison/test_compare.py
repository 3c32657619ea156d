from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_promptevals.comparison.compare import compare
from pytest_promptevals.records.comparisons import BaselineCase, Change, Comparison
from pytest_promptevals.records.results import CaseResult
from tests.support.sample_results import FILE, make_case, make_result


def run_compare(results: list[CaseResult], baseline: list[BaselineCase] | None) -> Comparison:
    names = {result.name for result in results}
    return compare(FILE, results, baseline, collected_names=names)


def test_means_are_over_the_paired_cases_weighted_by_the_cases_of_now() -> None:
    results = [
        make_result("a", 0.4, weight=3.0),
        make_result("b", 0.8),
        make_result("new", 0.0, case_fingerprint="n"),
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


def test_it_holds_metrics_of_all_cases_and_no_gates_yet() -> None:
    comparison = run_compare([make_result("a", 0.9), make_result("b", None)], [make_case("a", 0.9)])

    assert comparison.file == FILE
    assert (comparison.metrics.cases, comparison.metrics.errors, comparison.metrics.mean_score) == (2, 1, 0.9)
    assert comparison.gates == ()


def test_it_holds_the_effects_over_the_paired_cases() -> None:
    results = [make_result("a", 0.4), make_result("b", 0.8), make_result("new", 0.0)]

    comparison = run_compare(results, [make_case("a", 0.8), make_case("b", 0.8)])

    assert [effect.metric for effect in comparison.effects[:3]] == ["score", "pass_rate", "judges.exact"]
    score = comparison.effects[0]
    assert score.worse_by == pytest.approx(0.2)
    assert score.before == pytest.approx(comparison.mean_before)
    assert score.after == pytest.approx(comparison.mean_after)


def test_where_nothing_can_be_paired_numpy_is_not_loaded() -> None:
    code = """
import sys
from pytest_promptevals.comparison.compare import compare
from tests.support.sample_results import make_case, make_result
for baseline in (None, [], [make_case("other", case_fingerprint="x")]):
    assert compare("a", [make_result("a")], baseline, collected_names=["a"]).effects == ()
assert "numpy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=Path(__file__).parents[3])


def test_without_a_baseline_there_are_no_deltas_and_no_means() -> None:
    comparison = run_compare([make_result("a", 0.9)], None)

    assert not comparison.has_baseline
    assert (comparison.deltas, comparison.effects) == ((), ())
    assert comparison.drop is None


def test_with_an_empty_baseline_every_case_is_new() -> None:
    comparison = run_compare([make_result("a", 0.9)], [])

    assert comparison.has_baseline
    assert [delta.change for delta in comparison.deltas] == [Change.NEW]
    assert comparison.drop is None
