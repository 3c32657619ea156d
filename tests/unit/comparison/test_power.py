from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pytest_promptevals.comparison.intervals import mean_interval
from pytest_promptevals.comparison.permutation import p_values
from pytest_promptevals.comparison.power import (
    can_be_significant,
    cases_needed,
    smallest_detectable,
    trials_needed,
)
from pytest_promptevals.records.effects import COST, SCORE, Effect, Noise

OPEN = Effect(SCORE, 0.9, 0.78, 0.12, p_worse=0.1, error=0.08, cases=60, groups=60)


def effect_of(differences: npt.NDArray[np.float64]) -> Effect:
    interval = mean_interval(differences, np.ones(len(differences)), 0.95, 1.0)
    count = len(differences)
    return Effect(SCORE, 0.8, 0.8, interval.estimate, error=interval.error, p_worse=0.5, cases=count, groups=count)


@pytest.mark.parametrize(("groups", "is_enough"), [(0, False), (4, False), (5, True), (100, True)])
def test_five_groups_are_the_fewest_that_can_show_anything(groups: int, is_enough: bool) -> None:
    assert can_be_significant(groups, 0.95) is is_enough


def test_more_gates_and_more_confidence_need_more_groups() -> None:
    assert not can_be_significant(5, 0.95, gates=2)
    assert can_be_significant(6, 0.95, gates=2)
    assert not can_be_significant(6, 0.99)


@pytest.mark.parametrize("cases", [40, 100, 400])
@pytest.mark.parametrize("chance", [0.0, 0.1])
@pytest.mark.parametrize("limit", [0.0, 0.1])
def test_the_smallest_detectable_drop_is_found_in_four_of_five_runs(cases: int, chance: float, limit: float) -> None:
    source = np.random.default_rng([cases, round(chance * 10), round(limit * 10)])
    flips = np.zeros(cases)
    flips[: int(cases * chance)] = 1
    flips[int(cases * chance) : 2 * int(cases * chance)] = -1
    smallest = smallest_detectable(effect_of(flips), limit, 0.95)
    assert smallest is not None

    found = []
    for _ in range(400):
        noise = source.choice([1.0, -1.0, 0.0], cases, p=[chance, chance, 1 - 2 * chance])
        differences = np.where(source.random(cases) < smallest, 1.0, noise)
        found.append(differences.mean() > limit and p_values(differences)[0] <= 0.05)

    assert 0.7 < np.mean(found) < 0.95


@pytest.mark.parametrize("heavy", [3, 10])
def test_cases_that_do_not_weigh_the_same_show_less(heavy: int) -> None:
    source = np.random.default_rng(heavy)
    weights = np.ones(200)
    weights[:40] = heavy
    calm = source.choice([1.0, -1.0, 0.0], 200, p=[0.05, 0.05, 0.9])
    interval = mean_interval(calm * weights, weights, 0.95, 1.0)
    effect = Effect(SCORE, 0.8, 0.8, interval.estimate, p_worse=0.5, error=interval.error, cases=200, groups=200)
    effect = dataclasses.replace(effect, effective_groups=interval.effective_groups)
    smallest = smallest_detectable(effect, 0.1, 0.95)
    assert smallest is not None

    found = []
    for _ in range(400):
        noise = source.choice([1.0, -1.0, 0.0], 200, p=[0.05, 0.05, 0.9])
        sums = weights * np.where(source.random(200) < smallest, 1.0, noise)
        found.append(sums.sum() / weights.sum() > 0.1 and p_values(sums)[0] <= 0.05)

    assert 0.7 < np.mean(found) < 0.95


def test_a_cost_is_taken_to_rise_everywhere() -> None:
    cost = dataclasses.replace(OPEN, metric=COST, error=0.01)

    assert smallest_detectable(cost, 0.0, 0.95) == pytest.approx((1.6449 + 0.8416) * 0.01, abs=1e-5)
    assert smallest_detectable(cost, 0.1, 0.95) == pytest.approx(0.1 + 0.8416 * 0.01, abs=1e-5)


def test_too_few_groups_can_detect_nothing() -> None:
    assert smallest_detectable(dataclasses.replace(OPEN, groups=4), 0.1, 0.95) is None


def test_without_a_known_scatter_nothing_can_be_said() -> None:
    unknown = dataclasses.replace(OPEN, error=None)

    assert smallest_detectable(unknown, 0.1, 0.95) is None
    assert cases_needed(unknown, 0.95) is None
    assert trials_needed(unknown, 0.95) is None


def test_one_group_shows_only_what_breaks_it() -> None:
    assert smallest_detectable(dataclasses.replace(OPEN, groups=1, cases=1), 0.0, 0.4) == pytest.approx(1.0, abs=1e-5)


def test_a_drop_that_no_file_of_this_kind_could_show_is_none() -> None:
    assert smallest_detectable(dataclasses.replace(OPEN, groups=5, error=0.6), 0.9, 0.95) is None


def test_more_gates_detect_less() -> None:
    one, many = (smallest_detectable(OPEN, 0.0, 0.95, gates=gates) for gates in (1, 20))

    assert one is not None
    assert many is not None
    assert one < many


def test_an_open_drop_needs_as_many_cases_as_make_its_error_small_enough() -> None:
    assert cases_needed(OPEN, 0.95) == 165  # 60 * ((1.6449 + 0.8416) * 0.08 / 0.12) ** 2


def test_at_least_as_many_groups_are_needed_as_can_show_anything() -> None:
    assert cases_needed(dataclasses.replace(OPEN, cases=20, groups=2, error=0.01), 0.95) == 50


@pytest.mark.parametrize("changes", [{"worse_by": -0.1}, {"worse_by": 0.0}, {"p_worse": 0.04}, {"p_worse": None}])
def test_what_is_settled_or_better_needs_nothing(changes: dict[str, Any]) -> None:
    settled = dataclasses.replace(OPEN, noise=Noise(between_trials=0.4, trials=1.0), **changes)

    assert cases_needed(settled, 0.95) is None
    assert trials_needed(settled, 0.95) is None


def noisy(between_trials: float | None = 0.5, trials: float | None = 1.0, error: float = 0.07) -> Effect:
    return dataclasses.replace(OPEN, error=error, noise=Noise(between_trials=between_trials, trials=trials))


def test_more_trials_settle_what_their_own_noise_hides() -> None:
    needed = trials_needed(noisy(), 0.95)

    assert needed == 3
    wanted = 0.12 / (1.6449 + 0.8416)
    left = 0.07**2 - 0.25 / 60 + 0.25 / 60 / needed
    assert left <= wanted**2 < 0.07**2 - 0.25 / 60 + 0.25 / 60 / (needed - 1)


@pytest.mark.parametrize(
    "effect",
    [noisy(None), noisy(trials=None), noisy(0.1), noisy(0.0, error=0.04), OPEN],
    ids=["one trial", "trials unknown", "the cases' noise", "no noise", "nothing known"],
)
def test_no_number_of_trials_is_named_that_would_not_settle_it(effect: Effect) -> None:
    assert trials_needed(effect, 0.95) is None


def test_trials_do_not_help_where_there_are_too_few_groups() -> None:
    assert trials_needed(dataclasses.replace(noisy(), groups=4), 0.95) is None
