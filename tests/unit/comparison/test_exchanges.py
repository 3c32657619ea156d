from __future__ import annotations

import itertools

import numpy as np
import pytest

from pytest_promptevals.comparison.exchanges import turn


def test_the_first_turn_is_what_was_seen() -> None:
    trials = np.array([[1.0, 0.5, 0.0, 0.25, 0.25]])

    assert turn(trials, 2, 3)[0, 0] == pytest.approx(0.75 - 0.5 / 3)


@pytest.mark.parametrize(("before", "now"), [(1, 5), (5, 1), (2, 3), (4, 4)])
def test_turns_are_permutations_with_a_mean_of_0(before: int, now: int) -> None:
    trials = np.random.default_rng(before).random((1, before + now))
    possible = [
        np.mean(trials[0, list(chosen)]) - np.mean(np.delete(trials[0], chosen))
        for chosen in itertools.combinations(range(before + now), before)
    ]

    turns = turn(trials, before, now)[0]

    assert len(turns) == before + now
    assert turns.mean() == pytest.approx(0, abs=1e-12)
    for value in turns:
        assert np.min(np.abs(np.array(possible) - value)) < 1e-12


def test_each_case_turns_its_own_trials() -> None:
    assert turn(np.array([[1.0, 0.0], [0.0, 0.5]]), 1, 1) == pytest.approx(np.array([[1.0, -1.0], [-0.5, 0.5]]))
