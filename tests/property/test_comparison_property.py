from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_promptevals.comparison.compare import compare
from pytest_promptevals.comparison.metrics import measure
from pytest_promptevals.history.baselines import baseline_cases, merge_baseline
from pytest_promptevals.records.comparisons import BaselineCase, Change, Comparison
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import CaseResult, Score, Trial
from tests.support.sample_results import FILE, make_result

NAMES = st.sampled_from([f"{case}{variant}" for case in "abcde" for variant in ("", "[v1]", "[v2]")])
SCORES = st.floats(0, 1)
SCORES_AND_ERRORS = st.none() | SCORES


@st.composite
def runs(draw: st.DrawFn, scores: st.SearchStrategy[float | None] = SCORES_AND_ERRORS) -> list[CaseResult]:
    """Results with different names, some of them errors, with a few models, weights and fingerprints."""
    return [
        make_result(
            name,
            draw(scores),
            model=draw(st.sampled_from(["m/1", "m/2"])),
            weight=draw(st.sampled_from([0.0, 0.5, 1.0, 3.0])),
            case_fingerprint=draw(st.sampled_from(["x", "y"])),
        )
        for name in draw(st.lists(NAMES, unique=True, max_size=8))
    ]


def run_compare(results: list[CaseResult], baseline: tuple[BaselineCase, ...] | None) -> Comparison:
    return compare(FILE, results, baseline, collected_names={result.name for result in results})


@given(runs(scores=SCORES))
def test_comparing_a_run_with_itself_finds_nothing(results: list[CaseResult]) -> None:
    comparison = run_compare(results, baseline_cases(results))

    assert all(delta.change is Change.SAME and delta.drop == 0 for delta in comparison.deltas)
    assert comparison.mean_before == comparison.mean_after
    assert all((effect.worse_by, effect.p_worse, effect.p_better) == (0, 1, 1) for effect in comparison.effects)


@given(runs(), runs(), st.randoms(use_true_random=False))
def test_the_order_of_cases_changes_nothing(
    now: list[CaseResult], before: list[CaseResult], chance: random.Random
) -> None:
    cases = baseline_cases(before)
    shuffled = chance.sample(now, len(now))
    shuffled_cases = tuple(chance.sample(cases, len(cases)))

    assert run_compare(shuffled, shuffled_cases) == run_compare(now, cases)


@given(runs(), runs())
def test_each_case_has_one_delta_and_each_lost_one_is_missing(now: list[CaseResult], before: list[CaseResult]) -> None:
    cases = baseline_cases(before)

    comparison = run_compare(now, cases)

    missing = {delta.name for delta in comparison.deltas_with(Change.MISSING)}
    assert sorted(delta.name for delta in comparison.deltas if delta.name not in missing) == sorted(r.name for r in now)
    assert missing <= {case.name for case in cases} - {result.name for result in now}


@given(runs(), st.data())
def test_swapping_run_and_baseline_flips_the_sign(before: list[CaseResult], data: st.DataObject) -> None:
    now = [make_result(r.name, data.draw(SCORES), model=r.model, weight=r.weight) for r in before]
    before = [make_result(r.name, data.draw(SCORES), model=r.model, weight=r.weight) for r in before]

    there, back = run_compare(now, baseline_cases(before)), run_compare(before, baseline_cases(now))

    assert (there.mean_before, there.mean_after) == (back.mean_after, back.mean_before)
    flipped = {Change.WORSE: Change.BETTER, Change.BETTER: Change.WORSE, Change.SAME: Change.SAME}
    assert {delta.name: flipped[delta.change] for delta in there.deltas} == {d.name: d.change for d in back.deltas}


@given(runs())
def test_metrics_stay_within_their_bounds(results: list[CaseResult]) -> None:
    metrics = measure(results)

    assert metrics.passed + metrics.errors <= metrics.cases == len(results)
    scores = [result.score for result in results if result.score is not None and result.weight]
    assert (metrics.mean_score is None) == (metrics.pass_rate is None) == (not scores)
    if metrics.mean_score is not None and metrics.pass_rate is not None:
        assert min(scores) - 1e-12 <= metrics.mean_score <= max(scores) + 1e-12
        assert 0 <= metrics.mean_score <= 1
        assert 0 <= metrics.pass_rate <= 1


@given(runs(), runs(), st.sets(NAMES))
def test_merging_a_baseline_twice_is_merging_it_once(
    old: list[CaseResult], results: list[CaseResult], deselected: set[str]
) -> None:
    names = deselected | {result.name for result in results}

    merged = merge_baseline(baseline_cases(old), results, names)

    assert merge_baseline(merged, results, names) == merged
    assert {case.name for case in merged} <= names
    assert {case.name for case in baseline_cases(results)} <= {case.name for case in merged}


@st.composite
def measured_runs(draw: st.DrawFn) -> list[CaseResult]:
    """Results with groups, one to three trials, costs and latencies."""
    results = []
    for name in draw(st.lists(NAMES, unique=True, min_size=1, max_size=8)):
        scores = draw(st.lists(st.sampled_from([0.0, 0.25, 0.7, 1.0]) | SCORES, min_size=1, max_size=3))
        trials = tuple(
            Trial(number, Response("x" * draw(st.integers(0, 9)), latency=draw(FIGURES), cost=draw(FIGURES)), score=one)
            for number, one in enumerate(scores, 1)
        )
        mean = round(sum(scores) / len(scores), 6)
        judged = (Score("exact", mean, passed=mean >= 0.5),)
        group = draw(st.sampled_from([None, None, "g", "h"]))
        results.append(make_result(name, mean, trials=trials, scores=judged, group=group, weight=len(name)))
    return results


FIGURES = st.none() | st.floats(1e-4, 10)


def regrouped(results: list[CaseResult], like: list[CaseResult]) -> list[CaseResult]:
    """The results with the names and groups of others."""
    named = zip(results, like, strict=False)
    return [
        dataclasses.replace(one, name=other.name, case_id=other.case_id, group=other.group, weight=other.weight)
        for one, other in named
    ]


@given(measured_runs(), measured_runs())
def test_swapping_the_runs_flips_the_sign_of_all_effects(now: list[CaseResult], before: list[CaseResult]) -> None:
    before = regrouped(before, now)
    now = now[: len(before)]

    there = {effect.metric: effect for effect in run_compare(now, baseline_cases(before)).effects}
    back = {effect.metric: effect for effect in run_compare(before, baseline_cases(now)).effects}

    assert there.keys() == back.keys()
    for metric, effect in there.items():
        other = back[metric]
        # A baseline keeps few digits of what costs, lasts and is long.
        tolerance = 0.1 if metric == "output_length" else 2e-2 * max(abs(effect.before), abs(effect.after), 1e-4)
        expected = pytest.approx((effect.worse_by, effect.before, effect.after), abs=tolerance)
        assert (-other.worse_by, other.after, other.before) == expected
        if metric not in ("score", "pass_rate", "judges.exact") or effect.p_worse is None:
            continue
        assert (other.p_better, other.p_worse) == pytest.approx((effect.p_worse, effect.p_better), rel=1e-6)
        assert other.error == pytest.approx(effect.error)
        assert other.groups == effect.groups
        assert effect.low is not None
        assert effect.high is not None
        assert (other.high, other.low) == pytest.approx((-effect.low, -effect.high), abs=1e-6)


@given(measured_runs(), measured_runs(), st.randoms(use_true_random=False))
def test_the_order_of_cases_changes_no_effect(
    now: list[CaseResult], before: list[CaseResult], chance: random.Random
) -> None:
    cases = baseline_cases(before)

    effects = run_compare(now, cases).effects

    assert run_compare(chance.sample(now, len(now)), tuple(chance.sample(cases, len(cases)))).effects == effects


@given(measured_runs())
def test_a_run_has_no_effect_on_itself(results: list[CaseResult]) -> None:
    for effect in run_compare(results, baseline_cases(results)).effects:
        assert effect.worse_by == pytest.approx(0, abs=1e-9)
        assert (effect.p_worse, effect.p_better) == (1.0, 1.0)
        assert effect.noise is None or (effect.noise.between_cases or 0) >= 0


@given(measured_runs(), measured_runs())
def test_effects_stay_within_their_bounds(now: list[CaseResult], before: list[CaseResult]) -> None:
    for effect in run_compare(now, baseline_cases(regrouped(before, now))).effects:
        assert effect.p_worse is None or 0 < effect.p_worse <= 1
        assert effect.p_better is None or 0 < effect.p_better <= 1
        assert 0 < effect.groups <= effect.cases
        if effect.low is not None and effect.high is not None:
            assert effect.low - 1e-9 <= effect.worse_by <= effect.high + 1e-9
