"""The headers in which both APIs tell how much more they may be asked.

OpenAI's ``x-ratelimit-*`` hold durations, Anthropic's ``anthropic-ratelimit-*`` dates. Servers that speak one of their
APIs mostly send the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_promptevals.providers.server_time import parse_duration, parse_moment, parse_number, seconds_until
from pytest_promptevals.records.limits import RateLimits

_COMMON_PART: Final = "ratelimit"
_ANTHROPIC_TOKENS: Final = ("tokens", "input-tokens", "output-tokens")
_NONE: Final = RateLimits()


def read_rate_limits(headers: Mapping[str, str]) -> RateLimits | None:
    """Return the rate limits of an answer, ``None`` if it tells none."""
    if not any(_COMMON_PART in name.lower() for name in headers):
        return None
    for limits in (_read_durations(headers), _read_dates(headers)):
        if limits != _NONE:
            return limits
    return None


def _read_durations(headers: Mapping[str, str]) -> RateLimits:
    def count(what: str) -> int | None:
        return _count(headers.get(f"x-ratelimit-{what}"))

    def seconds(what: str) -> float | None:
        return parse_duration(headers.get(f"x-ratelimit-reset-{what}"))

    return RateLimits(
        requests_limit=count("limit-requests"),
        requests_remaining=count("remaining-requests"),
        requests_reset=seconds("requests"),
        tokens_limit=count("limit-tokens"),
        tokens_remaining=count("remaining-tokens"),
        tokens_reset=seconds("tokens"),
    )


def _read_dates(headers: Mapping[str, str]) -> RateLimits:
    def window(what: str) -> tuple[int | None, int | None, float | None]:
        prefix = f"anthropic-ratelimit-{what}"
        moment = parse_moment(headers.get(f"{prefix}-reset"))
        return (
            _count(headers.get(f"{prefix}-limit")),
            _count(headers.get(f"{prefix}-remaining")),
            None if moment is None else seconds_until(moment, headers),
        )

    # Prompt and answer have limits of their own; what counts is the one that is nearest to its end.
    tokens = min((window(what) for what in _ANTHROPIC_TOKENS), key=_share_left)
    return RateLimits(*window("requests"), *tokens)


def _share_left(window: tuple[int | None, int | None, float | None]) -> float:
    """Return the share of a window that is left; one that the answer does not tell comes last."""
    limit, remaining, _ = window
    if remaining is None:
        return 3.0 if limit is None else 2.0
    return remaining / limit if limit else float(remaining > 0)


def _count(text: str | None) -> int | None:
    number = parse_number(text)
    return int(number) if number is not None and number >= 0 else None
