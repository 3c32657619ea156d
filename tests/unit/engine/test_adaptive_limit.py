"""How the limit of calls at once grows and shrinks."""

from __future__ import annotations

import pytest

from pytest_promptevals.engine.adaptive_limit import AdaptiveLimit

NOW = 5.0


class Calls:
    """A limit, 32 to begin with unless the ceiling is lower, and calls that keep it full."""

    def __init__(self, ceiling: int) -> None:
        self.limit = AdaptiveLimit(ceiling)
        self.limit.value = min(ceiling, 32)
        self.begun = 0

    def succeed(self, times: int, *, is_full: bool = True, now: float = NOW) -> int:
        """Let calls succeed one after the other; return the limit."""
        for _ in range(times):
            self.begun += 1
            self.limit.count_success(self.begun, now, is_full=is_full)
        return self.limit.value

    def overload(self) -> int:
        """Let a call be refused; return the limit."""
        self.begun += 1
        assert self.limit.count_overload(self.begun, self.begun)
        return self.limit.value

    def reach(self, value: int) -> None:
        """Let calls succeed until the limit is that high."""
        while self.limit.value < value:
            self.succeed(1)


@pytest.mark.parametrize(("ceiling", "first"), [(1, 1), (8, 8), (64, 64), (65, 64), (1000, 64)])
def test_the_limit_starts_at_64_or_at_a_lower_ceiling(ceiling: int, first: int) -> None:
    assert AdaptiveLimit(ceiling).value == first


def test_each_success_raises_the_limit_until_the_first_overload() -> None:
    assert Calls(100).succeed(20) == 52


def test_the_limit_stops_at_the_ceiling() -> None:
    assert Calls(40).succeed(500) == 40


def test_success_with_room_left_does_not_raise_the_limit() -> None:
    assert Calls(100).succeed(500, is_full=False) == 32


def test_an_overload_halves_the_limit_down_to_1() -> None:
    calls = Calls(64)

    assert [calls.overload() for _ in range(7)] == [16, 8, 4, 2, 1, 1, 1]


def test_calls_that_began_before_a_halving_do_not_halve_again() -> None:
    limit = AdaptiveLimit(32)

    assert limit.count_overload(3, begun=32)
    assert not limit.count_overload(1, begun=32)
    assert not limit.count_overload(32, begun=40)
    assert limit.value == 16
    assert limit.count_overload(33, begun=40)
    assert limit.value == 8


def test_calls_that_began_before_a_halving_do_not_raise_the_limit() -> None:
    limit = AdaptiveLimit(32)
    limit.count_overload(3, begun=32)

    for number in range(4, 33):
        limit.count_success(number, NOW, is_full=True)

    assert (limit.value, limit.refusals) == (16, 1)


def test_after_an_overload_the_limit_returns_quickly_to_just_below_what_was_too_much() -> None:
    calls = Calls(64)
    calls.overload()

    assert calls.succeed(15) == 31


def test_just_below_what_was_too_much_the_limit_is_held_for_two_round_trips() -> None:
    calls = Calls(64)
    calls.overload()
    calls.reach(31)

    assert calls.succeed(31 * 2 - 1) == 31
    assert calls.succeed(1) == 32


@pytest.mark.parametrize("beyond", [0, 1])
def test_it_is_held_twice_as_long_each_time_that_about_as_much_is_too_much_again(beyond: int) -> None:
    calls = Calls(64)
    calls.overload()
    for rounds in (2, 4, 8, 16, 16):
        held = 31 if rounds == 2 else 31 + beyond
        calls.reach(held)
        assert calls.succeed(held * rounds - 1) == held
        calls.reach(32 + beyond)
        calls.overload()


def test_it_is_held_two_round_trips_again_when_something_else_is_too_much() -> None:
    calls = Calls(64)
    for too_much in (32, 32, 32, 20):
        calls.reach(too_much)
        calls.limit.value = too_much
        calls.overload()

    calls.reach(19)
    assert calls.succeed(19 * 2 - 1) == 19
    assert calls.succeed(1) == 20


def test_a_small_limit_is_held_for_16_successes() -> None:
    calls = Calls(2)
    calls.overload()

    assert calls.succeed(15) == 1
    assert calls.succeed(1) == 2


def test_beyond_what_was_too_much_the_limit_grows_faster_and_faster() -> None:
    calls = Calls(64)
    calls.overload()
    calls.reach(32)

    assert calls.succeed(31) == 32
    assert calls.succeed(1) == 33
    assert calls.succeed(32) == 33
    assert calls.succeed(1) == 34
    assert calls.succeed(16) == 34
    assert calls.succeed(1) == 35
    assert calls.succeed(11 + 9 + 7) == 38


def test_a_pause_that_a_refusal_asked_for_lengthens_the_hold_to_eight_times_its_length() -> None:
    calls = Calls(64)
    calls.overload()
    calls.limit.hold_after_pause(NOW, 2.0)
    calls.limit.hold_after_pause(NOW, 1.0)
    calls.reach(31)

    assert calls.succeed(1000, now=NOW + 17.9) == 31
    assert calls.succeed(1, now=NOW + 18) == 32


def test_refusals_are_counted_until_a_later_call_succeeds() -> None:
    calls = Calls(64)
    calls.overload()
    calls.overload()
    assert calls.limit.refusals == 2

    calls.succeed(1, is_full=False)

    assert calls.limit.refusals == 0
