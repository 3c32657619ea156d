from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from pytest_promptevals.comparison.intervals import mean_interval, percentile_change

ONES = np.ones(30)


def test_a_mean_without_bound_is_students_interval_of_the_groups_and_twice_the_largest_difference() -> None:
    sums = np.random.default_rng(1).lognormal(0, 1, 30)
    padded = np.concatenate([sums, [2 * sums.max(), -2 * sums.max()]])

    interval = mean_interval(sums, ONES, 0.95, None)

    expected = stats.ttest_1samp(padded, 0).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, max(expected.high, sums.mean())))
    assert interval.estimate == pytest.approx(sums.mean())
    assert interval.error == pytest.approx(stats.sem(padded))


def test_many_groups_have_the_interval_of_a_paired_t_test() -> None:
    source = np.random.default_rng(2)
    before, after = source.random(20_000), source.random(20_000)

    interval = mean_interval(before - after, np.ones(20_000), 0.95, 1.0)

    expected = stats.ttest_rel(before, after).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=2e-4)


def test_where_nothing_differs_the_interval_still_has_a_width() -> None:
    """What is rare may just not have been seen: of 30 cases, a tenth may break and show none in 1 of 20 runs."""
    interval = mean_interval(np.zeros(30), ONES, 0.95, 1.0)

    assert interval.estimate == 0
    assert interval.low == -interval.high
    assert interval.high == pytest.approx(0.0916, abs=1e-3)


def test_no_end_is_further_away_than_the_largest_change_there_is() -> None:
    interval = mean_interval(np.array([1.0, 1.0]), np.ones(2), 0.95, 1.0)

    assert (interval.estimate, interval.high) == (1.0, 1.0)
    assert interval.low == -1.0


def test_what_was_seen_lies_within() -> None:
    interval = mean_interval(np.full(2_000, 1.0), np.ones(2_000), 0.95, 1.0)

    assert interval.high == interval.estimate == 1.0


def test_heavier_groups_count_more() -> None:
    interval = mean_interval(np.array([3.0, 0.0]), np.array([3.0, 1.0]), 0.95, 1.0)

    assert interval.estimate == 0.75


def test_groups_of_one_weight_have_students_interval_whatever_the_weight_is() -> None:
    drops = np.random.default_rng(5).normal(0.1, 0.3, 30)

    interval = mean_interval(drops * 0.3, ONES * 0.3, 0.95, 1.0)

    expected = stats.ttest_1samp(np.concatenate([drops, [1.0, -1.0]]), 0).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), rel=1e-6)


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_the_unit_of_weights_means_nothing_to_an_interval(unit: float) -> None:
    drops, weights = np.random.default_rng(7).normal(0.1, 0.3, 30), np.linspace(1.0, 4.0, 30)

    usual, other = (mean_interval(drops * row, row, 0.95, 1.0) for row in (weights, weights * unit))

    assert (other.low, other.high, other.error) == pytest.approx((usual.low, usual.high, usual.error))


def test_where_one_group_outweighs_all_others_nothing_is_sure() -> None:
    """What one case does says next to nothing of what another of its kind would do."""
    interval = mean_interval(np.zeros(30), np.array([29.0, *[1.0] * 29]), 0.95, 1.0)

    assert (interval.low, interval.high) == (-1.0, 1.0)


@pytest.mark.parametrize(
    "weights",
    [np.array([10.0] * 5 + [1.0] * 25), np.exp(np.linspace(-3, 3, 30)), np.array([29.0, *[1.0] * 29])],
    ids=["five of 10", "spread", "one of all others"],
)
def test_the_interval_of_unequal_weights_holds_the_true_change(weights: npt.NDArray[np.float64]) -> None:
    source, true, held = np.random.default_rng(6), 0.2 * 0.8, 0
    for _ in range(400):
        able = source.beta(3.2, 0.8, 30)
        later = np.where(source.random(30) < 0.2, 0.0, able)
        drops = (source.random(30) < able) * 1.0 - (source.random(30) < later)
        interval = mean_interval(drops * weights, weights, 0.95, 1.0)
        held += interval.low <= true <= interval.high

    assert held / 400 >= 0.93


def test_changing_the_sign_mirrors_the_interval() -> None:
    sums = np.random.default_rng(3).normal(0.1, 0.3, 30)

    there, back = mean_interval(sums, ONES, 0.95, 1.0), mean_interval(-sums, ONES, 0.95, 1.0)

    assert (back.low, back.high, back.estimate) == pytest.approx((-there.high, -there.low, -there.estimate))
    assert back.error == pytest.approx(there.error)


def test_a_percentile_has_the_interval_of_its_order_statistics() -> None:
    values = np.arange(1.0, 101.0)
    reach = stats.t.ppf(0.975, 99) * 5.0
    low, high = math.floor(50 - reach), math.ceil(50 + reach)

    bounds = percentile_change(values, values, np.arange(100), 0.5, 0.95)

    assert bounds is not None
    assert bounds == pytest.approx((-math.hypot(50.5 - low, high - 50.5), math.hypot(high - 50.5, 50.5 - low)))


@pytest.mark.parametrize(("cases", "share", "is_known"), [(30, 0.5, True), (60, 0.95, False), (80, 0.95, True)])
def test_a_percentile_has_no_interval_where_too_few_cases_lie_beyond_it(
    cases: int, share: float, is_known: bool
) -> None:
    values = np.random.default_rng(1).lognormal(0, 1, cases)

    assert (percentile_change(values, values, np.arange(cases), share, 0.95) is not None) is is_known


def test_cases_that_are_alike_widen_the_interval_of_a_percentile() -> None:
    values = np.repeat(np.random.default_rng(4).lognormal(0, 1, 40), 5)
    apart = percentile_change(values, values, np.arange(200), 0.5, 0.95)
    grouped = percentile_change(values, values, np.repeat(np.arange(40), 5), 0.5, 0.95)

    assert apart is not None
    assert grouped is not None
    assert grouped[1] - grouped[0] > 1.5 * (apart[1] - apart[0])


def test_one_group_has_no_interval_of_a_percentile() -> None:
    values = np.arange(100.0)

    assert percentile_change(values, values, np.zeros(100, dtype=np.int64), 0.5, 0.95) is None
