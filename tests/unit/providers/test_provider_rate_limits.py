from __future__ import annotations

import pytest

from pytest_promptevals.providers.rate_limits import read_rate_limits
from pytest_promptevals.records.limits import RateLimits

DATE = {"date": "Wed, 21 Oct 2015 12:00:00 GMT"}


def anthropic(what: str, limit: str, remaining: str, reset: str) -> dict[str, str]:
    prefix = f"anthropic-ratelimit-{what}"
    return {f"{prefix}-limit": limit, f"{prefix}-remaining": remaining, f"{prefix}-reset": f"2015-10-21T{reset}Z"}


def test_an_answer_without_limits_tells_none() -> None:
    assert read_rate_limits({"content-type": "application/json", **DATE}) is None


def test_the_durations_of_openai_are_read() -> None:
    assert read_rate_limits(
        {
            "x-ratelimit-limit-requests": "60",
            "x-ratelimit-remaining-requests": "59",
            "x-ratelimit-reset-requests": "1s",
            "x-ratelimit-limit-tokens": "150000",
            "x-ratelimit-remaining-tokens": "149984",
            "x-ratelimit-reset-tokens": "6m0s",
        }
    ) == RateLimits(60, 59, 1.0, 150_000, 149_984, 360.0)


def test_the_dates_of_anthropic_are_read_by_the_clock_of_the_server() -> None:
    headers = {
        **DATE,
        **anthropic("requests", "50", "49", "12:00:30"),
        **anthropic("tokens", "1000", "900", "12:01:00"),
    }
    assert read_rate_limits(headers) == RateLimits(50, 49, 30.0, 1000, 900, 60.0)


@pytest.mark.parametrize(
    ("tokens", "of_input", "of_output", "read"),
    [
        ("900", "800", "50", (100, 50, 30.0)),
        ("100", "800", "50", (1000, 100, 10.0)),
        ("900", "80", "99", (1000, 80, 20.0)),
    ],
)
def test_of_all_tokens_those_count_that_end_first(
    tokens: str, of_input: str, of_output: str, read: tuple[int, int, float]
) -> None:
    headers = {
        **DATE,
        **anthropic("tokens", "1000", tokens, "12:00:10"),
        **anthropic("input-tokens", "1000", of_input, "12:00:20"),
        **anthropic("output-tokens", "100", of_output, "12:00:30"),
    }
    assert read_rate_limits(headers) == RateLimits(None, None, None, *read)


@pytest.mark.parametrize(
    ("headers", "limits"),
    [
        ({"anthropic-ratelimit-input-tokens-limit": "9"}, RateLimits(tokens_limit=9)),
        (
            {"anthropic-ratelimit-tokens-limit": "9", "anthropic-ratelimit-output-tokens-remaining": "3"},
            RateLimits(tokens_remaining=3),
        ),
        (
            {"anthropic-ratelimit-tokens-remaining": "9", "anthropic-ratelimit-input-tokens-remaining": "0"},
            RateLimits(tokens_remaining=0),
        ),
        ({"anthropic-ratelimit-requests-limit": "0"}, RateLimits(requests_limit=0)),
        ({"x-ratelimit-limit-requests": "60.0"}, RateLimits(requests_limit=60)),
        ({"X-RateLimit-Limit": "60"}, None),
        ({"x-ratelimit-limit-requests": "many", "x-ratelimit-limit-tokens": "-1"}, None),
    ],
)
def test_what_is_not_told_is_none(headers: dict[str, str], limits: RateLimits | None) -> None:
    assert read_rate_limits(headers) == limits
