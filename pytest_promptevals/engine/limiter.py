"""Who may call a model when: the one gate before every call of one provider and model.

It puts together how many calls may be under way (``AdaptiveLimit``, ``Ceiling``), how many a minute
(``Rates``), and whether the server wants any now (``Refusal``). Calls begin in the order in which they came.
There is no task and no timer for a call: whoever ends a call begins the next one, and one timer serves all that wait
for time to pass.
"""

from __future__ import annotations

import asyncio
import enum
import math
import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

from pytest_promptevals.engine.adaptive_limit import AdaptiveLimit
from pytest_promptevals.engine.backoff import back_off
from pytest_promptevals.engine.ceiling import Ceiling
from pytest_promptevals.engine.rates import Rates
from pytest_promptevals.engine.refusal import Refusal
from pytest_promptevals.engine.waiting_line import Waiter, WaitingLine
from pytest_promptevals.errors import ProviderError
from pytest_promptevals.records.limits import RateLimits

OVERLOAD_BACKOFF: Final = 0.1
"""Seconds, doubled for each further refusal. Short, since the halved limit already takes the load away."""
_SHORTEST_TIMER: Final = 0.001
"""Seconds. Some loops round a timer down; without a least wait one that fires too early would spin."""


class Outcome(enum.Enum):
    """How a call ended, as far as the limits care."""

    SUCCEEDED = "succeeded"
    OVERLOADED = "overloaded"
    """The server refused it as too much."""
    FAULT = "fault"
    """It failed for a reason that asking for less does not mend."""
    CANCELLED = "cancelled"
    """Nobody waited for its end."""


class Permit:
    """Leave to make one call. ``Limiter.release`` takes it back."""

    __slots__ = ("is_open", "limiter", "number", "tokens", "tokens_begun")

    def __init__(self, limiter: Limiter, number: int, tokens: int, tokens_begun: int) -> None:
        self.limiter = limiter
        self.number = number
        """1-based count of the limiter's calls."""
        self.tokens = tokens
        """What the call was estimated to use."""
        self.tokens_begun = tokens_begun
        """Estimated tokens of all calls up to this one."""
        self.is_open = True
        """Whether it was not released yet."""


_CURRENT: Final[ContextVar[Permit | None]] = ContextVar("promptevals_permit", default=None)
"""The permit under which this task makes its call: so a header is counted from the call that it answers."""


class Limiter:
    """Decides when calls of one provider and model begin. Lives on one event loop.

    Args:
        ceiling: most calls under way at once.
        shared: a ceiling that this limiter shares with others; ``None`` if it has nobody to share with.
        requests_per_minute: most calls a minute, above 0; ``None`` if not known.
        tokens_per_minute: most tokens a minute, above 0; ``None`` if not known.
        clock: seconds that never jump.
        chance: draws the jitter of waits.
    """

    def __init__(
        self,
        ceiling: int,
        *,
        shared: Ceiling | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: random.Random | None = None,
    ) -> None:
        self.clock = clock
        self.chance = chance or random.Random()  # noqa: S311 - jitter, no secret
        self._limit = AdaptiveLimit(ceiling)
        self._ceiling = shared or Ceiling(ceiling)
        self._refusal = Refusal()
        self._rates = Rates(requests_per_minute, tokens_per_minute, clock())
        self._line: WaitingLine[Permit] = WaitingLine()
        self._running = 0
        self._begun = 0
        self._tokens_begun = 0
        self._newest_noted = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf

    @property
    def limit(self) -> int:
        """Calls that may be under way now."""
        return self._limit.value

    @property
    def running(self) -> int:
        """Calls that are under way."""
        return self._running

    @property
    def refused_seconds(self) -> float:
        """Seconds for which the server has refused calls since one last succeeded."""
        return self._refusal.seconds(self.clock())

    async def acquire(self, tokens: int, *, patience: float = math.inf, was_tried: bool = False) -> Permit:
        """Wait until a call may begin, and return the permit for it.

        Args:
            tokens: estimate of what prompt and answer will use.
            patience: seconds of refusal that the call may sit out. If the server refuses calls for longer, its error
                is raised at once, instead of after the wait.
            was_tried: whether the call failed before. It goes ahead of those that were not tried, and what was refused
                before it came back does not count against its patience again.

        Raises:
            ProviderError: the refusal outlasts the patience.
        """
        permit = self._try_begin(tokens) if self._line.first() is None else None
        if permit is None:
            permit = await self._stand_in_line(tokens, patience, was_tried=was_tried)
        _CURRENT.set(permit)
        return permit

    def release(
        self, permit: Permit, *, outcome: Outcome, tokens_used: int | None = None, error: ProviderError | None = None
    ) -> None:
        """Take back the permit of a call that ended, learn from it, and begin the next.

        Args:
            permit: what ``acquire`` returned; each is released once.
            outcome: how the call ended.
            tokens_used: tokens of prompt and answer, if known.
            error: what the server said. If it asks to wait, no call begins before.
        """
        if not permit.is_open:
            raise ValueError(f"the permit of call {permit.number} was released before; release each permit once")
        permit.is_open = False
        now = self.clock()
        is_full = self._running >= self._limit.value
        self._running -= 1
        if tokens_used is not None:
            self._rates.correct(now, permit.tokens - tokens_used)
        if outcome is Outcome.SUCCEEDED:
            self._limit.count_success(permit.number, now, is_full=is_full)
            self._refusal.relent(now)
        else:
            self._learn_from_failure(permit, outcome, error)
        self._ceiling.give_back()
        self._serve_line()

    def pause(self, seconds: float, error: ProviderError | None = None) -> None:
        """Let no call begin for so many seconds from now.

        Args:
            seconds: how long; a pause that lasts longer already stays as it is.
            error: what the server said. Waiting calls whose patience is shorter than the pause end with it now.
        """
        now = self.clock()
        self._refusal.extend(now, max(0.0, seconds), error)
        self._line.dismiss_impatient(self._refusal, now)

    def note(self, limits: RateLimits) -> None:
        """Take in what an answer's headers said of the server's limits.

        To be called by the task that makes the call; from elsewhere, they are taken as those of the newest call.
        """
        permit = _CURRENT.get()
        number, tokens_begun = self._begun, self._tokens_begun
        if permit is not None and permit.limiter is self:
            number, tokens_begun = permit.number, permit.tokens_begun
        if number < self._newest_noted:
            return  # answers overtake each other; the newest call's knows of all before it
        self._newest_noted = number
        self._rates.note(limits, self.clock(), self._begun - number, self._tokens_begun - tokens_begun)
        self._serve_line()

    def use_turn(self) -> bool:
        """Begin the first waiting call with a slot of the shared ceiling, which calls this; return whether one did."""
        waiter = self._line.first()
        if waiter is None or not self._may_begin(waiter.tokens):
            return False
        waiter.future.set_result(self._begin(waiter.tokens))
        self._serve_line()
        return True

    def _learn_from_failure(self, permit: Permit, outcome: Outcome, error: ProviderError | None) -> None:
        now = self.clock()
        asked = (error.retry_after or 0.0) if error is not None and error.retryable else 0.0
        seconds = asked
        if outcome is Outcome.OVERLOADED and self._limit.count_overload(permit.number, self._begun):
            self._limit.hold_after_pause(now, asked)
            # The server's own word is enough the first time; if it goes on refusing, it has not said enough.
            doublings = self._limit.refusals - (2 if asked > 0 else 1)
            if doublings >= 0:
                seconds = max(asked, back_off(OVERLOAD_BACKOFF, doublings, self.chance))
        if seconds > 0:
            self.pause(seconds, error)

    def _try_begin(self, tokens: int) -> Permit | None:
        if self._may_begin(tokens) and self._ceiling.take(self):
            return self._begin(tokens)
        return None

    def _may_begin(self, tokens: int) -> bool:
        if self._running >= self._limit.value:
            return False
        now = self.clock()
        opens_at = max(self._refusal.until, self._rates.opens_at(now, tokens))
        if opens_at <= now:
            return True
        self._wake_at(opens_at, now)
        return False

    def _begin(self, tokens: int) -> Permit:
        self._rates.take(self.clock(), tokens)
        self._running += 1
        self._begun += 1
        self._tokens_begun += tokens
        return Permit(self, self._begun, tokens, self._tokens_begun)

    async def _stand_in_line(self, tokens: int, patience: float, *, was_tried: bool) -> Permit:
        now = self.clock()
        refused_before = self._refusal.seconds(now) if was_tried else None
        if self._refusal.exceeds(patience, now, refused_before or 0.0):
            raise self._refusal.explain(now)
        waiter: Waiter[Permit] = Waiter(tokens, patience, refused_before)
        self._line.join(waiter)
        try:
            return await waiter.future
        except asyncio.CancelledError:
            self._leave_line(waiter.future)
            raise

    def _leave_line(self, future: asyncio.Future[Permit]) -> None:
        """Give back what a call got that was cancelled before it heard of it, and let the next one have it."""
        if future.cancelled() or future.exception() is not None:
            self._serve_line()
            return
        permit = future.result()
        self._rates.put_back(self.clock(), permit.tokens)
        self.release(permit, outcome=Outcome.CANCELLED)

    def _serve_line(self) -> None:
        while (waiter := self._line.first()) is not None:
            permit = self._try_begin(waiter.tokens)
            if permit is None:
                return
            waiter.future.set_result(permit)

    def _wake_at(self, moment: float, now: float) -> None:
        if self._timer is not None:
            if self._timer_at <= moment:
                return  # it wakes too early, looks again and waits on
            self._timer.cancel()
        self._timer_at = moment
        self._timer = asyncio.get_running_loop().call_later(max(moment - now, _SHORTEST_TIMER), self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._serve_line()
