"""Calls and tokens a minute: buckets of the user's, windows of the server's."""

from __future__ import annotations

import math

import pytest

from pytest_promptevals.engine.rate_windows import Allowance, HeaderWindow, TokenBucket
from pytest_promptevals.engine.rates import Rates
from pytest_promptevals.records.limits import RateLimits

NOW = 100.0


def count_open(gate: HeaderWindow | TokenBucket, now: float, cost: float = 1) -> int:
    """Begin calls for as long as the gate is open at that moment; return how many."""
    count = 0
    while gate.opens_at(now, cost) <= now and count < 1000:
        gate.take(now, cost)
        count += 1
    return count


def window(*said: Allowance, since: float = 0) -> HeaderWindow:
    made = HeaderWindow()
    for one in said:
        made.note(one, since)
    return made


@pytest.mark.parametrize(("per_minute", "burst"), [(600, 10), (60, 1), (6, 1)])
def test_a_bucket_lets_a_second_of_calls_begin_at_once_but_at_least_one(per_minute: float, burst: int) -> None:
    assert count_open(TokenBucket(per_minute, NOW), NOW) == burst


def test_a_bucket_fills_evenly_up_to_its_brim() -> None:
    bucket = TokenBucket(600, NOW)
    count_open(bucket, NOW)

    assert bucket.opens_at(NOW, 1) == pytest.approx(NOW + 0.1)
    assert count_open(bucket, NOW + 0.35) == 3
    assert count_open(bucket, NOW + 50) == 10


def test_a_call_that_costs_more_than_the_bucket_holds_begins_when_it_is_full_and_delays_the_next() -> None:
    bucket = TokenBucket(6000, NOW)

    assert bucket.opens_at(NOW, 500) == NOW
    bucket.take(NOW, 500)
    assert bucket.opens_at(NOW, 100) == pytest.approx(NOW + 5)


def test_what_a_call_did_not_use_is_put_back_up_to_the_brim() -> None:
    bucket = TokenBucket(6000, NOW)
    bucket.take(NOW, 100)
    bucket.put_back(NOW, 60)
    assert bucket.opens_at(NOW, 60) <= NOW < bucket.opens_at(NOW, 61)

    bucket.put_back(NOW, 1000)
    assert count_open(bucket, NOW) == 100


def test_without_a_header_a_window_is_open() -> None:
    assert count_open(window(), NOW) == 1000


def test_what_remains_may_begin_before_the_reset_and_no_more() -> None:
    gate = window(Allowance(NOW, 100, 3, 20.0))

    assert count_open(gate, NOW) == 3
    assert gate.opens_at(NOW + 19, 1) == NOW + 20
    assert count_open(gate, NOW + 20) == 100


def test_a_window_that_no_header_renews_is_as_long_and_as_large_as_the_last() -> None:
    gate = window(Allowance(NOW, 100, 3, 20.0), Allowance(NOW + 19, 100, 0, 1.0))

    assert count_open(gate, NOW + 20) == 100
    assert gate.opens_at(NOW + 39, 1) == NOW + 40
    assert count_open(gate, NOW + 40) == 100


def test_a_call_that_is_larger_than_the_window_begins_when_the_window_is_full() -> None:
    gate = window(Allowance(NOW, 100, 3, 20.0))

    assert gate.opens_at(NOW + 20, 1000) == NOW + 20


def test_a_window_of_unknown_size_is_open_after_its_reset() -> None:
    assert count_open(window(Allowance(NOW, None, 3, 20.0)), NOW + 20) == 1000


def test_calls_begun_since_the_answered_one_are_taken_off_what_remains() -> None:
    assert count_open(window(Allowance(NOW, 100, 5, 20.0), since=3), NOW) == 2
    assert count_open(window(Allowance(NOW, 100, 5, 20.0), since=9), NOW) == 0


def test_what_a_call_that_was_not_made_took_may_begin_again() -> None:
    gate = window(Allowance(NOW, 100, 1, 20.0))
    count_open(gate, NOW)
    gate.put_back(NOW, 1)

    assert count_open(gate, NOW) == 1


@pytest.mark.parametrize(
    ("reset", "wait"), [(86400.0, 120.0), (math.inf, 120.0), (0.0, 0.0), (-5.0, 0.0), (math.nan, 0.0)]
)
def test_no_header_makes_a_call_wait_longer_than_two_minutes(reset: float, wait: float) -> None:
    assert window(Allowance(NOW, 100, -7, reset)).opens_at(NOW, 1) == NOW + wait


def test_two_headers_tell_a_window_that_is_refilled_evenly() -> None:
    # 120 a minute: 2 come back each second.
    gate = window(Allowance(NOW, 120, 100, 10.0), Allowance(NOW + 1, 120, 2, 59.0))

    assert count_open(gate, NOW + 1) == 2
    assert gate.opens_at(NOW + 1, 1) == pytest.approx(NOW + 1.5)
    assert count_open(gate, NOW + 6) == 10


def test_a_window_that_is_refilled_is_open_at_the_latest_when_it_is_full() -> None:
    gate = window(Allowance(NOW, 120, 100, 10.0), Allowance(NOW + 1, 120, 2, 59.0))

    assert gate.opens_at(NOW + 1, 10**6) == NOW + 60


def test_two_headers_tell_a_window_that_is_renewed_at_once() -> None:
    gate = window(Allowance(NOW, 120, 100, 50.0), Allowance(NOW + 1, 120, 2, 49.0))

    assert count_open(gate, NOW + 1) == 2
    assert gate.opens_at(NOW + 40, 1) == NOW + 50


def test_headers_that_fit_both_kinds_of_window_prove_nothing() -> None:
    gate = window(Allowance(NOW, 120, 118, 1.0), Allowance(NOW + 0.5, 120, 117, 1.4))
    count_open(gate, NOW + 0.5)

    assert gate.opens_at(NOW + 0.5, 1) == NOW + 1.9


def test_headers_of_two_windows_are_not_compared() -> None:
    # In one window, 20 used at 1 s and 110 used at 5.5 s would look refilled.
    gate = window(Allowance(NOW, 120, 100, 1.0), Allowance(NOW + 30, 120, 10, 5.5))
    count_open(gate, NOW + 30)

    assert gate.opens_at(NOW + 30, 1) == NOW + 35.5


def test_headers_of_different_limits_are_not_compared() -> None:
    gate = window(Allowance(NOW, 120, 100, 10.0), Allowance(NOW + 1, 60, 2, 29.0))
    count_open(gate, NOW + 1)

    assert gate.opens_at(NOW + 1, 1) == NOW + 30


@pytest.mark.parametrize("limit", [None, 120])
def test_headers_without_anything_used_are_not_compared(limit: int | None) -> None:
    gate = window(Allowance(NOW, limit, 120, 10.0), Allowance(NOW + 1, limit, 2, 59.0))
    count_open(gate, NOW + 1)

    assert gate.opens_at(NOW + 1, 1) == NOW + 60


def test_an_unused_window_ends_a_comparison() -> None:
    gate = window(Allowance(NOW, 120, 100, 60.0), Allowance(NOW + 1, 120, 120, 60.0), Allowance(NOW + 2, 120, 2, 58.0))
    count_open(gate, NOW + 2)

    assert gate.opens_at(NOW + 2, 1) == NOW + 60


def test_calls_and_tokens_are_bounded_each_by_its_own_header() -> None:
    rates = Rates(None, None, NOW)
    rates.note(RateLimits(100, 1, 30.0, 9000, 500, 10.0), NOW, 0, 0)

    assert rates.opens_at(NOW, 500) == NOW
    assert rates.opens_at(NOW, 501) == NOW + 10
    rates.take(NOW, 10)
    assert rates.opens_at(NOW, 1) == NOW + 30


def test_tokens_begun_since_the_answered_call_are_taken_off() -> None:
    rates = Rates(None, None, NOW)
    rates.note(RateLimits(tokens_remaining=500, tokens_reset=10.0), NOW, 1, 200)

    assert rates.opens_at(NOW, 300) == NOW
    assert rates.opens_at(NOW, 301) == NOW + 10


@pytest.mark.parametrize(
    "limits",
    [
        RateLimits(),
        RateLimits(requests_remaining=0, tokens_remaining=0),
        RateLimits(requests_reset=9.0, tokens_reset=9.0),
        RateLimits(0, 0, 9.0, 0, 0, 9.0),
    ],
)
def test_headers_that_are_missing_or_say_that_there_is_no_limit_bound_nothing(limits: RateLimits) -> None:
    rates = Rates(None, None, NOW)
    rates.note(limits, NOW, 0, 0)

    assert rates.opens_at(NOW, 1000) == NOW


def test_what_the_user_knows_bounds_calls_and_tokens() -> None:
    rates = Rates(60, 6000, NOW)
    rates.take(NOW, 100)

    assert rates.opens_at(NOW, 1) == pytest.approx(NOW + 1)
    assert rates.opens_at(NOW, 300) == pytest.approx(NOW + 1)
    rates.correct(NOW, -100)
    assert rates.opens_at(NOW, 300) == pytest.approx(NOW + 2)
    rates.put_back(NOW, 200)
    assert rates.opens_at(NOW, 300) <= NOW


def test_a_correction_without_a_known_rate_of_tokens_changes_nothing() -> None:
    rates = Rates(60, None, NOW)
    rates.correct(NOW, -(10**9))

    assert rates.opens_at(NOW, 10**9) == NOW
