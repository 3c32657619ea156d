"""How long to wait before asking again."""

from __future__ import annotations

import random

from pytest_promptevals.engine.backoff import back_off

CHANCE = random.Random(1)  # noqa: S311 - a seed


def test_waits_are_drawn_evenly_from_zero_to_a_doubling_bound() -> None:
    waits = sorted(back_off(0.5, 3, CHANCE) for _ in range(4000))

    assert 0 <= waits[0] < 0.05
    assert 3.95 < waits[-1] <= 4
    assert 0.95 < waits[1000] < 1.05
    assert 2.9 < waits[3000] < 3.1


def test_no_wait_exceeds_30_seconds_however_often_it_was_doubled() -> None:
    assert 25 < max(back_off(0.5, 5000, CHANCE) for _ in range(100)) <= 30
