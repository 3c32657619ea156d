"""The one place that makes a call again.

Two kinds of failure are worth it. After a *fault* (a server error, a dropped connection) the same call is made again, a
few times. An *overload* is no failure of the call: it is made again for as long as the user has patience. A timeout is
neither: the server may have done the work, and taken the money.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from pytest_promptevals.engine.backoff import LONGEST, back_off
from pytest_promptevals.engine.limiter import OVERLOAD_BACKOFF, Limiter, Outcome, Permit
from pytest_promptevals.engine.refusal import restate, show_seconds
from pytest_promptevals.errors import CallNotMadeError, ProviderError, ProviderTimeoutError
from pytest_promptevals.records.responses import Response, Usage

Attempt: TypeAlias = Callable[[], Awaitable[Response]]
"""Makes the call once. Raises ``ProviderError``."""
Sleep: TypeAlias = Callable[[float], Awaitable[None]]
"""Waits for some seconds."""

_FAULT_BACKOFF: Final = 0.5
"""Seconds, doubled for each further fault."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How persistent a call is."""

    retries: int = 5
    """How often it is made again after a fault."""
    max_wait: float = 600.0
    """Seconds that it may wait in all for a provider that limits or is overloaded."""


async def call_with_retries(
    attempt: Attempt, limiter: Limiter, policy: RetryPolicy, tokens: int, *, sleep: Sleep = asyncio.sleep
) -> Response:
    """Make a call until it succeeds or is given up; its slot is free while it waits.

    Args:
        attempt: makes the call once.
        limiter: says when.
        policy: how often and how long.
        tokens: estimate of the tokens of prompt and answer.
        sleep: how to wait.

    Raises:
        ProviderError: the last error of the server; after several tries its message says how many, and why no more.
    """
    tries = _Tries(limiter, policy)
    while True:
        permit = await tries.begin(tokens)
        try:
            return await _try_once(attempt, limiter, permit)
        except ProviderError as error:
            delay = tries.next_delay(error)
        await sleep(delay)


async def _try_once(attempt: Attempt, limiter: Limiter, permit: Permit) -> Response:
    outcome, tokens_used, said = Outcome.CANCELLED, None, None
    try:
        response = await attempt()
        outcome, tokens_used = Outcome.SUCCEEDED, _tokens_of(response.usage)
    except ProviderError as error:
        outcome = Outcome.OVERLOADED if error.is_overload else Outcome.FAULT
        said = error
        raise
    except Exception:
        outcome = Outcome.FAULT
        raise
    else:
        return response
    finally:
        limiter.release(permit, outcome=outcome, tokens_used=tokens_used, error=said)


def _tokens_of(usage: Usage) -> int | None:
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    return usage.input_tokens + usage.output_tokens


class _Tries:
    """What was tried for one call so far, and whether it is tried again."""

    def __init__(self, limiter: Limiter, policy: RetryPolicy) -> None:
        self._limiter = limiter
        self._policy = policy
        self._count = 0
        self._faults = 0
        self._overloads = 0
        self._started = 0.0
        self._waited = 0.0
        self._waits_since = 0.0
        self._last: ProviderError | None = None

    async def begin(self, tokens: int) -> Permit:
        """Wait for the permit of the next try."""
        if self._last is None:
            # However little a call may wait after a refusal: those in line sit out a short one before they are tried.
            permit = await self._limiter.acquire(tokens, patience=max(self._policy.max_wait, LONGEST))
            self._started = self._limiter.clock()
        else:
            permit = await self._begin_again(tokens, self._last)
        self._count += 1
        return permit

    def next_delay(self, error: ProviderError) -> float:
        """Return the seconds until the next try. Raises the error, with a word on the tries, if there is none."""
        if isinstance(error, CallNotMadeError):
            raise error  # it is no answer of the server's, and others share it
        self._last = error
        self._waits_since = self._limiter.clock()
        if not error.retryable or error.is_exhausted or isinstance(error, ProviderTimeoutError):
            raise self._give_up(error)
        asked = max(0.0, error.retry_after or 0.0)
        return self._delay_of_overload(error, asked) if error.is_overload else self._delay_of_fault(error, asked)

    def _delay_of_overload(self, error: ProviderError, asked: float) -> float:
        left = self._patience()
        if asked > left:
            raise self._give_up(error, self._explain_patience(asked))
        # Its own wait comes on top of what the server asks of all, or a call that is refused each time would keep the
        # others from ever being next.
        delay = asked + back_off(OVERLOAD_BACKOFF, self._overloads, self._limiter.chance)
        self._overloads += 1
        return min(delay, left)

    def _delay_of_fault(self, error: ProviderError, asked: float) -> float:
        if self._faults >= self._policy.retries:
            raise self._give_up(error)
        if asked > self._policy.max_wait - self._waited:
            raise self._give_up(error, self._explain_patience(asked))
        delay = max(asked, back_off(_FAULT_BACKOFF, self._faults, self._limiter.chance))
        self._faults += 1
        return delay

    async def _begin_again(self, tokens: int, last: ProviderError) -> Permit:
        slept = self._limiter.clock() - self._waits_since
        try:
            permit = await self._limiter.acquire(tokens, patience=max(0.0, self._patience(slept)), was_tried=True)
        except ProviderError:
            raise self._give_up(last, self._explain_patience(0.0)) from None
        self._waited += self._limiter.clock() - self._waits_since
        return permit

    def _patience(self, slept: float = 0.0) -> float:
        """Return the seconds that it may wait still: it waits for this call's sake, or because all were refused."""
        return self._policy.max_wait - max(self._waited + slept, self._limiter.refused_seconds)

    def _explain_patience(self, asked: float) -> str:
        allowed = f"--evals-max-wait allows {self._policy.max_wait:g} s"
        return f"; the server asks to wait {show_seconds(asked)}, and {allowed}" if asked else f"; {allowed} of waiting"

    def _give_up(self, error: ProviderError, reason: str = "") -> ProviderError:
        if self._count == 1 and not reason:
            return error
        times = "once" if self._count == 1 else f"{self._count} times"
        final = restate(error, f"tried {times} in {show_seconds(self._limiter.clock() - self._started)}{reason}")
        final.__cause__ = error.__cause__
        return final
