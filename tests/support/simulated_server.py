"""A model server in virtual time: it takes so many calls at once, so many a second, and refuses the others."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from pytest_promptevals.engine.ceiling import Ceiling
from pytest_promptevals.engine.limiter import Limiter, Permit
from pytest_promptevals.engine.retrying import RetryPolicy, call_with_retries
from pytest_promptevals.errors import ProviderStatusError
from pytest_promptevals.records.limits import RateLimits
from pytest_promptevals.records.responses import Response, Usage
from tests.support.virtual_time import now, run_virtually


@dataclass(frozen=True)
class Server:
    """What a server allows."""

    capacity: int = 10**6
    """Calls at once."""
    per_window: int | None = None
    """Calls in a window; ``None`` for any number."""
    window: float = 60.0
    """Seconds of a window."""
    is_refilled: bool = True
    """Whether the window is refilled evenly; else it is renewed all at once."""
    latency: float = 0.2
    """Mean seconds of an answer; they vary by half."""
    refusal: float = 0.005
    """Seconds of a refusal."""
    tells_retry_after: bool = False
    """Whether a refusal says when to come back."""
    has_headers: bool = False
    """Whether answers have rate-limit headers."""
    faults: float = 0.0
    """Share of calls that fail with a server error."""


@dataclass
class Outcome:
    """What became of the calls."""

    seconds: float
    """How long all of them took."""
    refused: int
    """Refusals."""
    answered: int
    """Answers."""
    most_running: int
    """Most calls under way at once."""
    began: list[int]
    """The calls in the order in which they were first tried; they came in that of their numbers."""
    longest_call: float
    """Most seconds from the first try of a call to its answer."""
    steady_rate: float
    """Answers a second between the first and last tenth of them."""


class WatchedLimiter(Limiter):
    """A limiter that checks at each begin that no limit is exceeded."""

    def _begin(self, tokens: int) -> Permit:
        permit = super()._begin(tokens)
        assert self.running <= self.limit
        assert self.running <= self._ceiling.running <= self._ceiling.size
        return permit


class _Simulation:
    def __init__(self, server: Server, limiter: Limiter, chance: random.Random) -> None:
        self.server, self.limiter, self.chance = server, limiter, chance
        self.running = self.most_running = self.refused = 0
        self.left = float(server.per_window or 0)
        self.left_at = now()
        self.answers: list[float] = []

    async def answer(self) -> Response:
        """Be the server."""
        self.most_running = max(self.most_running, self.limiter.running)
        if not self._admit():
            self.refused += 1
            wait = self._seconds_until_one() if self.server.tells_retry_after else None
            await asyncio.sleep(self.server.refusal)
            raise ProviderStatusError("busy", status=429, retryable=True, is_overload=True, retry_after=wait)
        headers = self._headers()
        self.running += 1
        try:
            await asyncio.sleep(self.server.latency * self.chance.uniform(0.5, 1.5))
        finally:
            self.running -= 1
        if self.chance.random() < self.server.faults:
            raise ProviderStatusError("broken", status=500, retryable=True)
        if headers is not None:
            self.limiter.note(headers)
        self.answers.append(now())
        return Response("ok", usage=Usage(10, 10))

    def _admit(self) -> bool:
        self._refill()
        is_limited = self.server.per_window is not None
        if self.running >= self.server.capacity or (is_limited and self.left < 1 - 1e-6):
            return False
        self.left -= 1
        return True

    def _refill(self) -> None:
        if self.server.per_window is None:
            return
        passed = now() - self.left_at
        if self.server.is_refilled:
            self.left = min(self.server.per_window, self.left + passed * self.server.per_window / self.server.window)
            self.left_at = now()
        elif passed >= self.server.window:
            self.left = self.server.per_window
            self.left_at = now() - passed % self.server.window

    def _seconds_until_one(self) -> float:
        if self.server.per_window is None:
            return 1.0
        if self.server.is_refilled:
            return max(0.0, 1 - self.left) * self.server.window / self.server.per_window
        return self.server.window - (now() - self.left_at)

    def _headers(self) -> RateLimits | None:
        limit = self.server.per_window
        if not self.server.has_headers or limit is None:
            return None
        reset = (limit - self.left) * self.server.window / limit
        if not self.server.is_refilled:
            reset = self.server.window - (now() - self.left_at)
        return RateLimits(limit, int(self.left), reset)


def simulate(
    server: Server,
    calls: int,
    ceiling: int = 64,
    *,
    seed: int = 0,
    at_once: int = 256,
    policy: RetryPolicy | None = None,
    requests_per_minute: float | None = None,
) -> Outcome:
    """Make so many calls of a server, ``at_once`` of them in line at a time, and say how that went."""

    async def main() -> Outcome:
        chance = random.Random(seed)  # noqa: S311 - no secret
        shared = Ceiling(ceiling)
        limiter = WatchedLimiter(
            ceiling, shared=shared, clock=now, chance=chance, requests_per_minute=requests_per_minute
        )
        simulation = _Simulation(server, limiter, chance)
        began: dict[int, float] = {}
        longest = 0.0
        start = now()
        places = asyncio.Semaphore(at_once)

        async def call(number: int) -> None:
            nonlocal longest

            async def attempt() -> Response:
                began.setdefault(number, now() - start)
                return await simulation.answer()

            async with places:
                await call_with_retries(attempt, limiter, policy or RetryPolicy(50, 600.0), 20)
                longest = max(longest, now() - start - began[number])

        await asyncio.gather(*(call(number) for number in range(calls)))
        assert limiter.running == shared.running == 0
        times = simulation.answers
        first, last = len(times) // 10, len(times) * 9 // 10
        rate = (last - first) / max(times[last] - times[first], 1e-9)
        return Outcome(now() - start, simulation.refused, len(times), simulation.most_running, [*began], longest, rate)

    return run_virtually(main())
