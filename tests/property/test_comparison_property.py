from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from pytest_promptevals.comparison.compare import compare
from pytest_promptevals.comparison.metrics import measure
from pytest_promptevals.history.baselines import baseline_cases, merge_baseline
from pytest_promptevals.records.comparisons import BaselineCase, Change, Comparison
from pytest_promptevals.records.results import CaseResult
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
