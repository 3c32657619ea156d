"""What a server says about how much more it may be asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The rate-limit headers of one answer. ``None`` is what the server did not say."""

    requests_limit: int | None = None
    """Most calls in a window."""
    requests_remaining: int | None = None
    """Calls that are left in this window."""
    requests_reset: float | None = None
    """Seconds until the window of calls is full again."""
    tokens_limit: int | None = None
    """Most tokens in a window."""
    tokens_remaining: int | None = None
    """Tokens that are left in this window."""
    tokens_reset: float | None = None
    """Seconds until the window of tokens is full again."""
