"""All that bounds the calls and tokens a minute of one limiter."""

from __future__ import annotations

from pytest_promptevals.engine.rate_windows import Allowance, Gate, HeaderWindow, TokenBucket
from pytest_promptevals.records.limits import RateLimits


class Rates:
    """Says when the rates let a call begin: what the user knows of them, and what the server says.

    Args:
        requests_per_minute: most calls a minute, above 0; ``None`` if not known.
        tokens_per_minute: most tokens a minute, above 0; ``None`` if not known.
        now: the moment from which on they count.
    """

    def __init__(self, requests_per_minute: float | None, tokens_per_minute: float | None, now: float) -> None:
        self._call_window = HeaderWindow()
        self._token_window = HeaderWindow()
        self._token_bucket = None if tokens_per_minute is None else TokenBucket(tokens_per_minute, now)
        self._call_gates: list[Gate] = [self._call_window]
        self._token_gates: list[Gate] = [self._token_window]
        if requests_per_minute is not None:
            self._call_gates.append(TokenBucket(requests_per_minute, now))
        if self._token_bucket is not None:
            self._token_gates.append(self._token_bucket)

    def opens_at(self, now: float, tokens: int) -> float:
        """Return the moment from which a call with so many tokens may begin; one that has passed if it may now."""
        moment = now
        for gate in self._call_gates:
            moment = max(moment, gate.opens_at(now, 1))
        for gate in self._token_gates:
            moment = max(moment, gate.opens_at(now, tokens))
        return moment

    def take(self, now: float, tokens: int) -> None:
        """Take note that a call with so many tokens began."""
        for gate in self._call_gates:
            gate.take(now, 1)
        for gate in self._token_gates:
            gate.take(now, tokens)

    def put_back(self, now: float, tokens: int) -> None:
        """Take note that a call with so many tokens was not made after all."""
        for gate in self._call_gates:
            gate.put_back(now, 1)
        for gate in self._token_gates:
            gate.put_back(now, tokens)

    def correct(self, now: float, unused: int) -> None:
        """Take note that a call used so many tokens less than was estimated; a negative number is more.

        What the server says of its tokens needs no correction: it knows.
        """
        if self._token_bucket is not None:
            self._token_bucket.put_back(now, unused)

    def note(self, limits: RateLimits, now: float, calls_since: int, tokens_since: int) -> None:
        """Take in an answer's headers; ``since`` is what was begun after the call that they answer."""
        _note(
            self._call_window,
            now,
            (limits.requests_limit, limits.requests_remaining, limits.requests_reset),
            calls_since,
        )
        _note(
            self._token_window, now, (limits.tokens_limit, limits.tokens_remaining, limits.tokens_reset), tokens_since
        )


def _note(window: HeaderWindow, now: float, said: tuple[int | None, int | None, float | None], since: int) -> None:
    limit, remaining, reset = said
    # A limit of 0 is what servers send that have none.
    if remaining is not None and reset is not None and limit != 0:
        window.note(Allowance(now, limit, remaining, reset), since)
