from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import combinations

import pytest

from pytest_promptevals.engine.trials import reduce_trials, score_trial
from pytest_promptevals.records.results import Score, Trial


def trials(*values: float, threshold: float | None = 0.5) -> list[Trial]:
    return [
        Trial(number, scores=(score(value, threshold),), score=value, passed=value >= (threshold or 0.0))
        for number, value in enumerate(values, start=1)
    ]


def score(value: float, threshold: float | None = 0.5, *, weight: float = 1.0, required: bool = True) -> Score:
    return Score("fuzzy", value, value >= (threshold or 0.0), threshold, weight, required, f"got {value}")


@pytest.mark.parametrize(("reducer", "expected"), [("mean", 0.6), ("median", 0.8), ("min", 0.0), ("max", 1.0)])
def test_numeric_reducers_reduce_the_scores(reducer: str, expected: float) -> None:
    scores, value, passed = reduce_trials(reducer, trials(0.8, 0.0, 1.0), None)

    assert value == pytest.approx(expected)
    assert passed is (expected >= 0.5)
    assert scores[0].value == pytest.approx(expected)


def test_a_case_passes_when_every_required_judge_does() -> None:
    one = Trial(1, scores=(score(1.0), score(0.0, required=False)), score=0.5, passed=True)

    assert reduce_trials("mean", [one], None)[2] is True


def test_a_case_threshold_is_asked_for_beside_those_of_the_judges() -> None:
    assert reduce_trials("mean", trials(0.7), 0.7)[2] is True
    assert reduce_trials("mean", trials(0.6), 0.7)[2] is False


def test_a_sum_of_fractions_does_not_miss_its_threshold() -> None:
    assert reduce_trials("mean", trials(0.1, 0.2, 0.3, threshold=0.2), 0.2)[2] is True


def test_a_judge_without_a_threshold_must_pass_in_every_trial() -> None:
    passed = Trial(1, scores=(Score("group", 0.9, passed=True),), score=0.9, passed=True)
    failed = Trial(2, scores=(Score("group", 0.8, passed=False),), score=0.8, passed=False)

    assert reduce_trials("mean", [passed, failed], None)[2] is False
    assert reduce_trials("max", [passed, failed], None)[2] is True


@pytest.mark.parametrize(("passing", "expected"), [(0, 0.0), (1, 0.0), (2, 1.0), (3, 1.0)])
def test_a_majority_needs_more_than_half(passing: int, expected: float) -> None:
    assert reduce_trials("majority", _passing(passing, 3), None)[1:] == (expected, expected == 1.0)


def test_judges_that_are_not_required_do_not_fail_a_trial() -> None:
    assert score_trial((score(1.0), score(0.0, required=False)))[1] is True
    assert score_trial((score(1.0), score(0.0)))[1] is False


def test_more_trials_than_there_are_count_as_all_of_them_in_both_ways() -> None:
    assert reduce_trials("pass^3", _passing(1, 1), None)[1] == 1.0
    assert reduce_trials("pass@3", _passing(1, 1), None)[1] == 1.0


def test_half_is_no_majority() -> None:
    assert reduce_trials("majority", _passing(2, 4), None)[1] == 0.0


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("passing", range(6))
def test_pass_at_k_is_the_share_of_draws_with_a_pass(k: int, passing: int) -> None:
    draws = list(combinations([True] * passing + [False] * (5 - passing), k))

    assert reduce_trials(f"pass@{k}", _passing(passing, 5), None)[1] == pytest.approx(_share(draws, any))
    assert reduce_trials(f"pass^{k}", _passing(passing, 5), None)[1] == pytest.approx(_share(draws, all))


def test_a_reducer_of_passes_passes_from_its_threshold_on() -> None:
    assert reduce_trials("pass@1", _passing(1, 2), None)[2] is True
    assert reduce_trials("pass@1", _passing(1, 2), 0.6)[2] is False


def test_the_explanation_over_trials_is_that_of_the_worst_one() -> None:
    (over_trials,) = reduce_trials("mean", trials(1.0, 0.2, 0.9), None)[0]

    assert over_trials.explanation == "got 0.2"


@pytest.mark.parametrize("first", [0.0, 1.0])
def test_further_trials_count_in_scores_and_not_in_what_passes(first: float) -> None:
    reported, *others = trials(first, 1 - first, threshold=1.0)
    further = [dataclasses.replace(trial, is_further=True) for trial in others]

    (judge,), value, passed = reduce_trials("mean", [reported, *further], None)

    assert (value, judge.value) == (0.5, 0.5)
    assert passed is judge.passed is (first == 1.0)


def test_costs_add_up_over_trials() -> None:
    scores = [Score("rubric", 1.0, True, cost=0.25), Score("rubric", 1.0, True, cost=None)]
    over = reduce_trials("mean", [Trial(n, scores=(s,), passed=True) for n, s in enumerate(scores)], None)[0]

    assert over[0].cost == 0.25


def test_weights_decide_the_share_of_a_judge() -> None:
    scores = (score(1.0, weight=3.0), score(0.0, weight=1.0), score(0.0, weight=0.0, required=False))

    assert score_trial(scores) == (0.75, False)


def _passing(count: int, total: int) -> list[Trial]:
    return trials(*[1.0] * count, *[0.0] * (total - count))


def _share(draws: Sequence[tuple[bool, ...]], holds: object) -> float:
    assert callable(holds)
    return sum(bool(holds(draw)) for draw in draws) / len(draws)
