"""The p-values of paired differences; scipy and statsmodels are the oracles."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from pytest_promptevals.comparison.holm import holm
from pytest_promptevals.comparison.permutation import (
    DRAWS,
    LEAST,
    MOST_ENUMERATED,
    _Sums,
    find_grid,
    p_values,
)


@pytest.mark.parametrize(("worse", "better"), [(10, 3), (1, 0), (0, 3), (60, 30), (86, 150), (2_000, 1_900)])
def test_single_trials_of_pass_or_fail_have_the_exact_p_value_of_mcnemar(worse: int, better: int) -> None:
    differences = [1.0] * worse + [-1.0] * better + [0.0] * 50

    p_worse, p_better = p_values(differences)

    assert p_worse == pytest.approx(stats.binomtest(worse, worse + better, alternative="greater").pvalue, rel=1e-6)
    assert p_better == pytest.approx(stats.binomtest(better, worse + better, alternative="greater").pvalue, rel=1e-6)
    two_sided = mcnemar([[50, worse], [better, 0]], exact=True).pvalue
    assert min(1.0, 2 * min(p_worse, p_better)) == pytest.approx(two_sided, rel=1e-6)


def test_the_published_example_of_a_sign_test_is_met() -> None:
    """Darwin's maize in Fisher (1935), section 21: 863 of the 32,768 choices of signs reach the sum of 314."""
    heights = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]

    assert p_values(heights)[0] == pytest.approx(863 / 32_768, rel=1e-9)


@pytest.mark.parametrize("count", [3, 9, 14])
def test_all_choices_are_looked_at_where_they_are_few(count: int) -> None:
    assert 2**count <= MOST_ENUMERATED
    differences = np.random.default_rng(count).normal(0.1, 0.3, count)

    expected = [
        stats.permutation_test((differences,), np.sum, permutation_type="samples", alternative=side, n_resamples=np.inf)
        for side in ("greater", "less")
    ]

    assert p_values(differences) == pytest.approx([result.pvalue for result in expected], rel=1e-9)


def test_shares_of_trials_are_exact_however_many_there_are() -> None:
    """All sums of 18 differences of thirds, counted one by one: more than are enumerated."""
    differences = np.random.default_rng(3).integers(-3, 4, 18) / 3
    counted = np.zeros(1)
    for difference in differences:
        counted = np.add.outer(counted, [difference, -difference]).ravel()

    p_worse, p_better = p_values(np.round(differences, 6))

    assert p_worse == pytest.approx(np.mean(counted >= differences.sum() - 1e-9), rel=1e-9)
    assert p_better == pytest.approx(np.mean(counted <= differences.sum() + 1e-9), rel=1e-9)


@pytest.mark.parametrize("count", [40, 300, 1_500])
@pytest.mark.parametrize("shift", [0.0, 0.04])
def test_draws_agree_with_those_of_scipy(count: int, shift: float) -> None:
    differences = np.random.default_rng(count).normal(shift, 0.3, count)

    expected = stats.permutation_test(
        (differences,), np.sum, permutation_type="samples", alternative="greater", n_resamples=9_999, rng=1, batch=500
    ).pvalue

    assert p_values(differences)[0] == pytest.approx(expected, abs=0.05 if expected > 0.1 else 0.01)


def test_the_p_value_of_a_t_test_is_near_where_differences_are_normal() -> None:
    differences = np.random.default_rng(8).normal(0.03, 0.3, 3_000)

    assert p_values(differences)[0] == pytest.approx(
        stats.ttest_1samp(differences, 0, alternative="greater").pvalue, abs=0.002
    )


def test_what_is_drawn_is_never_less_likely_than_once_in_all_draws() -> None:
    assert p_values(np.random.default_rng(1).normal(1.0, 0.1, 50))[0] == 1 / (DRAWS[-1][0] + 1) == 1e-5


def test_the_choice_that_was_seen_is_one_of_those_that_are_drawn() -> None:
    """Phipson and Smyth (2010): p is (reached + 1) / (drawn + 1); without the ones it would be too small."""
    for p_value in p_values(np.random.default_rng(1).normal(0.0, 1.0, 50)):
        counted = p_value * (DRAWS[0][0] + 1)
        assert counted == pytest.approx(round(counted), abs=1e-9)


@pytest.mark.parametrize("shift", [1.0, 2.2, 3.4, 4.0])
def test_the_less_likely_the_more_choices_are_drawn(shift: float) -> None:
    noise = np.random.default_rng(5).normal(0.0, 1.0, 400)
    differences = noise - noise.mean() + shift * noise.std() / 20

    expected = stats.norm.sf(shift)

    for side, p_value in enumerate(p_values(differences)):
        exact = expected if side == 0 else 1 - expected
        error = np.sqrt(exact * (1 - exact) / next(total for total, enough in DRAWS if exact * total > enough))
        assert abs(p_value - exact) < 5 * error


def test_a_run_of_a_thousand_gates_can_be_red() -> None:
    broken = p_values(np.random.default_rng(6).normal(0.5, 0.3, 60))[0]

    assert holm([broken, *[0.5] * 999])[0] <= 0.05


def test_what_is_exact_has_a_least_value_and_is_never_0() -> None:
    assert p_values([1.0] * 5_000) == (LEAST, 1.0)


@pytest.mark.parametrize("sums", [[], [0.0], [0.0, 1e-9, -1e-9]])
def test_where_nothing_differs_nothing_is_unlikely(sums: list[float]) -> None:
    assert p_values(sums) == (1.0, 1.0)


SOME = ([0.5, -0.25, 1.0], list(np.linspace(-0.3, 0.9, 40) ** 3), list(np.random.default_rng(2).normal(0.02, 1, 2_000)))


@pytest.mark.parametrize("sums", SOME, ids=["few", "some", "many"])
def test_the_order_of_groups_changes_nothing(sums: Sequence[float]) -> None:
    assert p_values(sums[::-1]) == p_values(sums)


@pytest.mark.parametrize("sums", SOME, ids=["few", "some", "many"])
@pytest.mark.parametrize("with_rings", [False, True])
def test_changing_all_signs_changes_the_two_p_values_over(sums: Sequence[float], with_rings: bool) -> None:
    rings = [np.array([[0.5, 0.1, -0.6], [0.3, -0.45, 0.15]])] if with_rings else []

    there = p_values(sums, rings)
    back = p_values(np.negative(sums), [-ring for ring in rings])

    assert back == pytest.approx(there[::-1], rel=1e-12)


def test_turns_of_a_ring_are_counted_with_the_flips() -> None:
    rings = np.array([[1.0, -0.2, -0.2, -0.2, -0.2, -0.2], [-0.4, 0.8, -0.4, 0.8, -0.4, -0.4]])
    sums = [a + b + c for a, b, c in itertools.product(rings[0], rings[1], (0.6, -0.6))]

    p_worse, p_better = p_values([0.6], [rings])

    assert p_worse == pytest.approx(np.mean(np.array(sums) >= 1.2 - 1e-9), rel=1e-9)
    assert p_better == pytest.approx(np.mean(np.array(sums) <= 1.2 + 1e-9), rel=1e-9)


@pytest.mark.parametrize("count", [4, 30, 2_000])
def test_turns_that_are_on_no_grid_are_enumerated_or_drawn(count: int) -> None:
    source = np.random.default_rng(count)
    rings = source.normal(0, 1, (count, 3))
    rings -= rings.mean(axis=1, keepdims=True)
    seen = rings[:, 0].sum()
    draws = np.array([source.permuted(rings, axis=1)[:, 0].sum() for _ in range(4_000)])

    p_worse, p_better = p_values([], [rings])

    assert p_worse == pytest.approx(np.mean(draws >= seen), abs=0.05)
    assert p_better == pytest.approx(np.mean(draws <= seen), abs=0.05)


def test_a_ring_that_does_not_turn_says_nothing() -> None:
    assert p_values([], [np.zeros((2, 6))]) == (1.0, 1.0)


def test_a_grid_that_is_too_fine_for_so_many_groups_is_drawn_on() -> None:
    differences = np.random.default_rng(9).integers(-119, 125, 3_000) / 120

    expected = stats.ttest_1samp(differences, 0, alternative="greater").pvalue

    assert p_values(differences)[0] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("values", "parts"),
    [([1.0, -1.0, 0.0], 1), ([0.333333, 0.666667], 3), ([0.2, 0.5], 10), ([0.123456, 0.5], None), ([], 1)],
)
def test_a_grid_is_found_where_values_are_shares(values: list[float], parts: int | None) -> None:
    assert find_grid(np.array(values)) == parts


def test_a_grid_must_hold_for_all_values_not_only_for_those_that_are_probed() -> None:
    values = np.ones(1_000)
    values[-2] = np.pi / 10

    assert find_grid(values) is None


def test_the_sum_of_very_many_skewed_rows_is_as_skewed_as_it_should_be() -> None:
    row = np.array([0.5, -0.1, -0.1, -0.1, -0.1, -0.1])
    rows = np.tile(row, (600, 1))

    drawn = _Sums(rows).draw(50_000, np.random.default_rng(1))

    assert drawn.std() == pytest.approx(np.sqrt(600 * np.mean(row**2)), rel=0.02)
    assert stats.skew(drawn) == pytest.approx(np.mean(row**3) / np.mean(row**2) ** 1.5 / np.sqrt(600), abs=0.025)
