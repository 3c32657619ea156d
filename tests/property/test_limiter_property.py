"""The limits against simulated servers: never exceeded, seldom refused, hardly anything left unused."""

from __future__ import annotations

import asyncio
import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_promptevals.engine.ceiling import Ceiling
from pytest_promptevals.engine.limiter import Limiter
from pytest_promptevals.engine.retrying import RetryPolicy, call_with_retries
from pytest_promptevals.errors import ProviderError, ProviderStatusError
from pytest_promptevals.records.limits import RateLimits
from pytest_promptevals.records.responses import Response, Usage
from tests.support.simulated_server import Server, WatchedLimiter, simulate
from tests.support.virtual_time import now, run_virtually

FEW = settings(max_examples=15)


@st.composite
def bounded_servers(draw: st.DrawFn) -> tuple[Server, int]:
    """A server that takes fewer calls at once than the ceiling, or as many, and the ceiling."""
    ceiling = draw(st.integers(2, 48))
    server = Server(
        capacity=draw(st.integers(2, ceiling)),
        latency=draw(st.sampled_from([0.2, 1.0, 10.0])),
        tells_retry_after=draw(st.booleans()),
    )
    return server, ceiling


def most_refused_while_halving(ceiling: int) -> int:
    """Return how many calls may be refused on the way down: at each halving no more than the limit was.

    All of the first burst may be too much, and of the half of it that follows, too: the calls which the server does
    take stay there for as long as an answer takes, and refusals come at once.
    """
    return ceiling + most_refused_while_halving(ceiling // 2) if ceiling else 0


@FEW
@given(bounded_servers(), st.integers(0, 10**6))
@example((Server(capacity=2, latency=0.2), 38), 0)  # 38, 19, 9 and 4 at once: 62 refused, and 15 for 15 tries of 3
@example((Server(capacity=2, latency=10.0), 48), 0)
def test_what_a_server_takes_at_once_is_found_used_and_seldom_exceeded(bounded: tuple[Server, int], seed: int) -> None:
    server, ceiling = bounded
    calls = 400 + 40 * server.capacity

    outcome = simulate(server, calls, ceiling, seed=seed)

    assert outcome.answered == calls
    assert outcome.most_running <= ceiling
    assert outcome.steady_rate >= 0.8 * server.capacity / server.latency
    assert outcome.refused <= 0.05 * calls + most_refused_while_halving(ceiling)
    assert outcome.began == list(range(calls))


@FEW
@given(
    st.sampled_from([10, 50, 100]), st.booleans(), st.booleans(), st.sampled_from([0.0, 0.02]), st.integers(0, 10**6)
)
def test_the_rate_that_headers_tell_is_used_and_hardly_ever_exceeded(
    rate: int, is_refilled: bool, tells_retry_after: bool, faults: float, seed: int
) -> None:
    server = Server(
        per_window=rate,
        window=1.0,
        is_refilled=is_refilled,
        tells_retry_after=tells_retry_after,
        has_headers=True,
        faults=faults,
    )

    outcome = simulate(server, 600, seed=seed)

    assert outcome.steady_rate >= 0.8 * rate
    at_the_start = 64 + 32  # the first calls, before the rate is known, and some of these again
    assert outcome.refused <= 0.02 * 600 + at_the_start


@FEW
@given(st.sampled_from([10, 50, 100]), st.integers(0, 10**6))
def test_a_rate_that_only_refusals_tell_is_used_in_four_parts_of_five(rate: int, seed: int) -> None:
    outcome = simulate(Server(per_window=rate, window=1.0, tells_retry_after=True), 600, seed=seed)

    assert outcome.steady_rate >= 0.8 * rate
    assert outcome.refused <= 0.15 * 600 + 64


def test_a_window_that_is_refilled_is_not_waited_for_to_its_end() -> None:
    # 500 at once, and 20 at a rate of 8 a second.
    outcome = simulate(Server(per_window=500, window=60.0, has_headers=True), 520)

    assert outcome.seconds < 5
    assert outcome.refused == 0


def test_a_window_that_is_renewed_at_once_costs_no_refusal() -> None:
    outcome = simulate(Server(per_window=500, window=60.0, has_headers=True, is_refilled=False), 520)

    assert 60 <= outcome.seconds < 62
    assert outcome.refused == 0


def test_a_rate_that_the_user_knows_is_kept_without_any_refusal() -> None:
    outcome = simulate(Server(per_window=10, window=1.0), 200, requests_per_minute=600)

    assert outcome.refused == 0
    assert outcome.steady_rate >= 9.9


class Chaos:
    """Several limiters below one ceiling, whose servers do whatever a server may do."""

    def __init__(self, seed: int, ceiling: int, limiters: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - no secret
        self.shared = Ceiling(ceiling)
        self.limiters = [self._make_limiter(ceiling) for _ in range(limiters)]

    def _make_limiter(self, ceiling: int) -> Limiter:
        rates = {"requests_per_minute": self._maybe(6000.0), "tokens_per_minute": self._maybe(600_000.0)}
        return WatchedLimiter(ceiling, shared=self.shared, clock=now, chance=self.chance, **rates)

    def _maybe(self, value: float) -> float | None:
        return value if self.chance.random() < 0.3 else None

    async def call(self, limiter: Limiter) -> Response:
        """Make one call."""

        async def attempt() -> Response:
            assert sum(one.running for one in self.limiters) == self.shared.running <= self.shared.size
            await asyncio.sleep(self.chance.uniform(0, 2))
            limiter.note(self._headers())
            self._fail_perhaps()
            return Response("ok", usage=Usage(self.chance.randint(0, 500), self.chance.randint(0, 500)))

        return await call_with_retries(attempt, limiter, RetryPolicy(5, 100.0), self.chance.randint(0, 1000))

    def _headers(self) -> RateLimits:
        amounts = [None, -3, 0, 1, 5, 100]
        resets = [None, -1.0, 0.0, 0.5, 20.0, 1e9]
        draw = self.chance.choice
        return RateLimits(draw(amounts), draw(amounts), draw(resets), draw(amounts), draw(amounts), draw(resets))

    def _fail_perhaps(self) -> None:
        what = self.chance.random()
        wait = self.chance.choice([None, 0.0, 0.3, 5.0, 500.0])
        if what < 0.1:
            raise ProviderStatusError("busy", status=429, retryable=True, is_overload=True, retry_after=wait)
        if what < 0.2:
            raise ProviderStatusError("broken", status=503, retryable=True, retry_after=wait)
        if what < 0.25:
            raise ProviderError("bad request")


@FEW
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 4))
def test_whatever_servers_do_and_whoever_is_cancelled_every_call_ends_and_no_slot_is_lost(
    seed: int, ceiling: int, limiters: int
) -> None:
    async def main() -> list[Response | BaseException]:
        chaos = Chaos(seed, ceiling, limiters)
        tasks = [asyncio.create_task(chaos.call(chaos.chance.choice(chaos.limiters))) for _ in range(150)]
        for task in chaos.chance.sample(tasks, 30):
            asyncio.get_running_loop().call_later(chaos.chance.uniform(0, 30), task.cancel)
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert chaos.shared.running == 0
        assert all(limiter.running == 0 for limiter in chaos.limiters)
        return ends

    ends = run_virtually(main())

    assert all(isinstance(end, Response | ProviderError | asyncio.CancelledError) for end in ends)
