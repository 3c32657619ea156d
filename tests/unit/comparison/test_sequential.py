"""Looking again and again at a drop while trials are added."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from pytest_promptevals.comparison.sequential import (
    FIRST_SHARE,
    TrialPair,
    chance_to_decide,
    cumulative_shares,
    plan_looks,
    sequential_p_value,
)

LIMIT = 0.1


def pairs_of(
    before: Sequence[tuple[float, ...]], after: Sequence[tuple[float, ...]], **changes: object
) -> list[TrialPair]:
    return [TrialPair(old, new, **changes) for old, new in zip(before, after, strict=True)]  # type: ignore[arg-type]  # weights and groups


def drops(worse: int, same: int) -> list[TrialPair]:
    """Cases of one trial each: some fail now, the others pass still."""
    return pairs_of([(1.0,)] * (worse + same), [(0.0,)] * worse + [(1.0,)] * same)


@pytest.mark.parametrize(
    ("trials", "most", "looks"),
    [(1, 8, (1, 2, 4, 8)), (3, 8, (3, 6, 8)), (5, 8, (5, 8)), (8, 8, (8,)), (9, 8, (9,))],
)
def test_trials_double_from_look_to_look(trials: int, most: int, looks: tuple[int, ...]) -> None:
    assert plan_looks(trials, most) == looks


def test_all_looks_share_the_whole_error() -> None:
    assert cumulative_shares(1) == (1.0,)
    shares = cumulative_shares(4)
    assert shares[0] == FIRST_SHARE
    assert shares[-1] == 1.0
    assert list(shares) == sorted(shares)


def test_a_single_look_is_the_exact_test_of_mcnemar() -> None:
    pairs = drops(6, 14)

    assert sequential_p_value(pairs, [[1] * 20], 1, LIMIT) == 0.5**6


def test_the_first_of_several_looks_takes_its_share_of_the_error() -> None:
    pairs = drops(6, 14)

    found = sequential_p_value(pairs, [[1] * 20], 4, LIMIT)

    # One of 64 choices is as extreme: it is found at the first level whose share allows it.
    assert found == math.ceil(1 / FIRST_SHARE) / 64


def test_a_drop_within_the_limit_is_never_found() -> None:
    assert sequential_p_value(drops(2, 18), [[1] * 20], 4, LIMIT) == 1.0


def test_a_drop_that_a_look_let_pass_is_not_found_later() -> None:
    pairs = pairs_of([(1.0,)] * 20, [(1.0, 0.0)] * 20)

    assert sequential_p_value(pairs, [[1] * 20, [2] * 20], 2, LIMIT) == 1.0


def test_more_trials_of_a_real_drop_make_it_clearer() -> None:
    source = np.random.default_rng(4)
    after = [tuple((source.random(8) < 0.55).astype(float).tolist()) for _ in range(16)]
    ends = plan_looks(1, 8)
    found = [
        sequential_p_value(
            pairs_of([(1.0,) * 5] * 16, [scores[:end] for scores in after]),
            [[trials] * 16 for trials in ends[: number + 1]],
            len(ends),
            LIMIT,
        )
        for number, end in enumerate(ends)
    ]
    assert found[-1] < 0.01
    assert found[-1] < found[0]


def test_trials_that_are_known_of_one_side_alone_are_no_evidence() -> None:
    # Flipping signs, all 12 differences are for the worse; but a single trial of the baseline tells no more than that
    # each case passed once, which one that passes 9 of 10 times does, too.
    pairs = pairs_of([(1.0,)] * 12, [(1.0,) * 8 + (0.0,) * 2] * 12)

    assert sequential_p_value(pairs, [[10] * 12], 1, LIMIT) > 0.05


def test_cases_of_a_group_count_as_one() -> None:
    alone = sequential_p_value(drops(8, 0), [[1] * 8], 1, LIMIT)
    together = pairs_of([(1.0,)] * 8, [(0.0,)] * 8, group="g")

    assert alone == 0.5**8
    assert sequential_p_value(together, [[1] * 8], 1, LIMIT) == 0.5


def test_weights_count() -> None:
    light = [TrialPair((1.0,), (0.0,), 0.1) for _ in range(6)]
    heavy = [TrialPair((0.0,), (1.0,), 1.0) for _ in range(6)]

    assert sequential_p_value(light + heavy, [[1] * 12], 1, LIMIT) == 1.0


def test_the_order_of_cases_changes_nothing_where_all_choices_are_looked_at() -> None:
    pairs = [*drops(7, 3), TrialPair((0.0,), (1.0,))]

    found = sequential_p_value(pairs, [[1] * 11], 3, LIMIT)

    assert sequential_p_value(pairs[::-1], [[1] * 11], 3, LIMIT) == found


def test_many_groups_are_drawn_from_and_the_answer_is_near() -> None:
    exact = 0.5**20 * sum(math.comb(20, k) for k in range(16, 21))

    found = sequential_p_value(
        pairs_of([(1.0,)] * 16 + [(0.0,)] * 4, [(0.0,)] * 16 + [(1.0,)] * 4), [[1] * 20], 1, LIMIT
    )

    assert found == pytest.approx(exact, abs=0.002)


def test_peeking_keeps_to_the_error_where_nothing_changed() -> None:
    """A short round of ``tests/benchmarks/verdicts/adaptive.py``"""
    source = np.random.default_rng(7)
    ends = plan_looks(1, 8)
    alarms = 0
    for _ in range(300):
        scores = (source.random((12, 9)) < 0.8).astype(float)
        for number, end in enumerate(ends):
            pairs = [TrialPair((row[0],), tuple(row[1 : end + 1])) for row in scores.tolist()]
            if sum(pair.before[0] - sum(pair.after) / end for pair in pairs) / 12 <= 0.02:
                break
            looks = [[trials] * 12 for trials in ends[: number + 1]]
            if sequential_p_value(pairs, looks, len(ends), 0.02, 499) <= 0.05:
                alarms += 1
                break
    assert alarms / 300 <= 0.05


def test_the_chance_to_decide_is_unknown_without_repeated_trials() -> None:
    assert chance_to_decide(drops(4, 16), [8] * 20, LIMIT, 0.05) is None


def test_trials_that_vary_leave_a_chance_to_decide() -> None:
    pairs = pairs_of([(1.0,) * 5] * 20, [(1.0, 0.0)] * 8 + [(1.0, 1.0)] * 12)

    chance = chance_to_decide(pairs, [16] * 20, LIMIT, 0.001)

    assert chance is not None
    assert 0.5 < chance < 1


def test_trials_that_never_vary_cannot_decide() -> None:
    # Three cases broke for good: more trials say the same again.
    pairs = pairs_of([(1.0, 1.0)] * 20, [(0.0, 0.0)] * 3 + [(1.0, 1.0)] * 17)

    assert chance_to_decide(pairs, [8] * 20, LIMIT, 0.01) == 0.0
    assert chance_to_decide(pairs, [8] * 20, LIMIT, 0.4) == 1.0


def test_a_single_group_has_no_chance_to_decide() -> None:
    pairs = pairs_of([(1.0, 0.0)] * 3, [(0.0, 0.0)] * 3, group="g")

    assert chance_to_decide(pairs, [8] * 3, LIMIT, 0.05) == 0.0
