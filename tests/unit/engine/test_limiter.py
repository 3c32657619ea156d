"""Who may call when: order, limits, pauses, headers, rates and the ceiling over all."""

from __future__ import annotations

import asyncio
import random
import unittest.mock
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pytest_promptevals.engine.ceiling import Ceiling
from pytest_promptevals.engine.limiter import Limiter, Outcome, Permit
from pytest_promptevals.errors import ProviderError, ProviderStatusError
from pytest_promptevals.records.limits import RateLimits
from tests.support.virtual_time import now, run_virtually


class Bench:
    """A limiter, and calls that note when they begin."""

    def __init__(self, ceiling: int = 4, **options: Any) -> None:
        self.limiter = Limiter(ceiling, clock=now, chance=random.Random(1), **options)  # noqa: S311 - a seed
        self.start = now()
        self.began: dict[str, float] = {}
        self.permits: dict[str, Permit] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def _acquire(self, name: str, tokens: int, options: dict[str, Any]) -> None:
        self.permits[name] = await self.limiter.acquire(tokens, **options)
        self.began[name] = round(now() - self.start, 6)

    async def ask(self, *names: str, tokens: int = 1, **options: Any) -> str:
        """Let calls ask for leave, in this order; return the names of all that have begun so far."""
        for name in names:
            self.tasks[name] = asyncio.create_task(self._acquire(name, tokens, options))
        return await self.settle()

    async def settle(self) -> str:
        """Let everything happen that needs no time; return the names of all that have begun so far."""
        for _ in range(5):
            await asyncio.sleep(0)
        return " ".join(self.began)

    async def end(self, *names: str, outcome: Outcome = Outcome.SUCCEEDED, **options: Any) -> str:
        """Let calls end; return the names of all that have begun so far."""
        for name in names:
            self.limiter.release(self.permits.pop(name), outcome=outcome, **options)
        return await self.settle()

    async def refuse(self, *names: str, retry_after: float | None = None) -> str:
        """Let calls end with a refusal; return the names of all that have begun so far."""
        return await self.end(*names, outcome=Outcome.OVERLOADED, error=busy(retry_after))


def busy(retry_after: float | None = None, *, retryable: bool = True) -> ProviderStatusError:
    return ProviderStatusError("busy", status=429, retryable=retryable, retry_after=retry_after, is_overload=True)


def virtually(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Make a test of a coroutine that runs in virtual time."""

    def run() -> None:
        run_virtually(test())

    run.__name__ = test.__name__
    return run


@virtually
async def test_calls_begin_up_to_the_limit_and_then_in_the_order_in_which_they_came() -> None:
    bench = Bench(2)

    assert await bench.ask("a", "b", "c", "d") == "a b"
    assert (bench.limiter.running, bench.limiter.limit) == (2, 2)
    assert await bench.end("b") == "a b c"
    assert await bench.ask("e") == "a b c"
    assert await bench.end("a", "c") == "a b c d e"


@virtually
async def test_a_call_that_was_tried_before_goes_ahead_of_those_that_were_not() -> None:
    bench = Bench(1)
    await bench.ask("a", "new")
    await bench.ask("again", "once more", was_tried=True)

    assert await bench.end("a") == "a again"
    assert await bench.end("again") == "a again once more"
    assert await bench.end("once more") == "a again once more new"


@virtually
async def test_a_free_slot_is_not_taken_by_a_newcomer_while_others_stand_in_line() -> None:
    bench = Bench(1)
    await bench.ask("a", "b")
    bench.limiter.release(bench.permits["a"], outcome=Outcome.SUCCEEDED)
    newcomer = asyncio.create_task(bench.limiter.acquire(1))

    assert await bench.settle() == "a b"
    assert not newcomer.done()
    newcomer.cancel()


@virtually
async def test_a_call_that_is_cancelled_in_line_is_passed_over() -> None:
    bench = Bench(1)
    await bench.ask("a", "b", "c")
    bench.tasks["b"].cancel()

    assert await bench.end("a") == "a c"
    assert bench.limiter.running == 1


@virtually
async def test_a_call_that_is_cancelled_as_it_begins_passes_its_slot_on() -> None:
    bench = Bench(1)
    await bench.ask("a", "b", "c")
    bench.limiter.release(bench.permits["a"], outcome=Outcome.SUCCEEDED)
    bench.tasks["b"].cancel()

    assert await bench.settle() == "a c"
    assert bench.limiter.running == 1


@virtually
async def test_a_call_that_is_cancelled_as_it_begins_puts_back_what_it_took_of_a_rate() -> None:
    bench = Bench(8, requests_per_minute=60, tokens_per_minute=6000)
    await bench.ask("a", "b", "c", tokens=50)
    bench.limiter.note(RateLimits(None, 1, 5.0, None, 50, 5.0))
    # In the same round of the loop as the limiter's own timer, just after it.
    asyncio.get_running_loop().call_later(1 + 1e-10, bench.tasks["b"].cancel)
    await asyncio.sleep(1.5)

    assert bench.began == {"a": 0, "c": 1.0}


@virtually
async def test_when_the_first_in_line_is_cancelled_the_next_begins_if_it_may() -> None:
    bench = Bench(8)
    await bench.ask("a")
    bench.limiter.note(RateLimits(tokens_remaining=10, tokens_reset=60.0))
    assert await bench.ask("large", tokens=500) == "a"
    assert await bench.ask("small", tokens=5) == "a"
    bench.tasks["large"].cancel()

    assert await bench.settle() == "a small"


@virtually
async def test_a_call_that_is_dismissed_and_cancelled_at_once_leaves_nothing_behind() -> None:
    bench = Bench(1)
    await bench.ask("a")
    await bench.ask("b", patience=5)
    bench.limiter.pause(10, busy())
    bench.tasks["b"].cancel()

    await bench.settle()
    assert bench.tasks["b"].cancelled()
    assert bench.limiter.running == 1


@virtually
async def test_a_permit_is_released_only_once() -> None:
    bench = Bench()
    permit = await bench.limiter.acquire(1)
    bench.limiter.release(permit, outcome=Outcome.SUCCEEDED)

    with pytest.raises(ValueError, match="^the permit of call 1 was released before; release each permit once$"):
        bench.limiter.release(permit, outcome=Outcome.SUCCEEDED)
    assert bench.limiter.running == 0


@virtually
async def test_the_limit_grows_only_while_all_slots_are_in_use() -> None:
    bench = Bench(100)
    names = [f"c{n}" for n in range(64)]
    await bench.ask(*names[:63])
    await bench.end(names[0])
    assert bench.limiter.limit == 64

    await bench.ask("more", "most", "one in line")
    await bench.end(names[1])
    assert bench.limiter.limit == 65


@virtually
async def test_an_overload_halves_the_limit_and_calls_under_way_with_it_do_not_again() -> None:
    bench = Bench(8)
    await bench.ask(*"abcdefgh")

    await bench.refuse(*"abc", retry_after=1.0)
    assert bench.limiter.limit == 4
    assert await bench.ask("i") == "a b c d e f g h"
    await asyncio.sleep(1.5)
    assert bench.began.get("i") is None
    await bench.end(*"de")
    assert "i" in bench.began
    await bench.refuse("i", retry_after=1.0)
    assert bench.limiter.limit == 2


@pytest.mark.parametrize("outcome", [Outcome.FAULT, Outcome.CANCELLED])
def test_faults_and_cancelled_calls_change_no_limit(outcome: Outcome) -> None:
    async def main() -> None:
        bench = Bench(100)
        await bench.ask(*(f"c{n}" for n in range(72)))
        await bench.end(*list(bench.permits), outcome=outcome)
        assert (bench.limiter.limit, bench.limiter.running) == (64, 8)

    run_virtually(main())


@virtually
async def test_after_a_refusal_nobody_begins_before_the_server_allows_it_and_then_no_more_than_the_limit() -> None:
    bench = Bench(8)
    await bench.ask(*"abcdefghijklmnop")
    await bench.refuse(*"abcdefgh", retry_after=7.5)
    assert "i" not in bench.began

    await asyncio.sleep(8)
    assert {name: bench.began[name] for name in bench.began if name > "h"} == dict.fromkeys("ijkl", 7.5)


@virtually
async def test_a_call_that_comes_during_a_pause_waits_for_its_end() -> None:
    bench = Bench()
    bench.limiter.pause(3)

    assert await bench.ask("a") == ""
    await asyncio.sleep(4)
    assert bench.began == {"a": 3.0}


@virtually
async def test_a_shorter_pause_does_not_end_a_longer_one_and_a_negative_one_is_none() -> None:
    bench = Bench()
    bench.limiter.pause(3)
    await bench.ask("a")
    bench.limiter.pause(1)
    bench.limiter.pause(-5)
    await asyncio.sleep(2.9)
    assert bench.began == {}

    bench.limiter.pause(2)
    await asyncio.sleep(3)
    assert bench.began == {"a": 4.9}


@virtually
async def test_a_negative_pause_does_not_make_up_for_refusals() -> None:
    bench = Bench()
    bench.limiter.pause(-5)
    bench.limiter.pause(3)
    await asyncio.sleep(4)

    assert bench.limiter.refused_seconds == 3


@virtually
async def test_a_fault_that_says_when_to_come_back_pauses_too() -> None:
    bench = Bench()
    await bench.ask("a")
    await bench.end("a", outcome=Outcome.FAULT, error=ProviderError("down", retryable=True, retry_after=2.0))
    await bench.ask("b")
    await asyncio.sleep(3)

    assert bench.began["b"] == 2.0
    assert bench.limiter.limit == 4


@virtually
async def test_a_failure_of_one_call_alone_does_not_pause_the_others() -> None:
    bench = Bench()
    await bench.ask("a")
    await bench.end("a", outcome=Outcome.FAULT, error=ProviderError("bad request", retry_after=99.0))

    assert await bench.ask("b") == "a b"


async def pauses_of_refusals(retry_after: float | None, count: int) -> list[float]:
    bench = Bench(1)
    waits = []
    for number in range(count):
        permit = await bench.limiter.acquire(1)
        refused_at = now()
        bench.limiter.release(permit, outcome=Outcome.OVERLOADED, error=busy(retry_after))
        permit = await bench.limiter.acquire(1)
        waits.append(now() - refused_at)
        bench.limiter.release(permit, outcome=Outcome.CANCELLED)
        assert bench.limiter.limit == 1, number
    return waits


def test_without_a_word_of_the_server_pauses_double_with_jitter_up_to_30_seconds() -> None:
    waits = run_virtually(pauses_of_refusals(None, 300))

    for number, wait in enumerate(waits):
        assert wait <= min(0.1 * 2**number, 30) + 0.001
    assert 12 < sum(waits[10:]) / 290 < 18
    assert len(set(waits)) == 300


def test_a_server_that_goes_on_refusing_after_its_own_pauses_is_given_longer_ones() -> None:
    waits = run_virtually(pauses_of_refusals(0.05, 30))

    assert waits[0] == pytest.approx(0.05)
    assert all(wait >= 0.0499 for wait in waits)
    assert waits[1] <= 0.101
    assert sum(waits[10:]) > 100


@virtually
async def test_a_refusal_that_gives_no_error_pauses_as_well() -> None:
    bench = Bench(1)
    await bench.ask("a")
    await bench.end("a", outcome=Outcome.OVERLOADED)

    assert await bench.ask("b") == "a"
    await asyncio.sleep(0.2)
    assert 0 < bench.began["b"] <= 0.1


@virtually
async def test_after_a_pause_that_a_refusal_asked_for_the_limit_is_raised_late() -> None:
    async def limit_after(retry_after: float | None) -> int:
        limiter = Limiter(8, clock=now, chance=random.Random(1))  # noqa: S311 - a seed
        limiter.release(await limiter.acquire(1), outcome=Outcome.OVERLOADED, error=busy(retry_after))
        for _ in range(60):
            permits = [await limiter.acquire(1) for _ in range(limiter.limit)]
            for permit in permits:
                limiter.release(permit, outcome=Outcome.SUCCEEDED)
        return limiter.limit

    assert (await limit_after(None), await limit_after(5.0)) == (8, 7)


@virtually
async def test_calls_without_the_patience_for_a_refusal_end_with_its_error_at_once() -> None:
    bench = Bench(4)
    await bench.ask(*"abcd")
    await bench.ask("hasty", patience=59)
    await bench.ask("patient", patience=60)
    await bench.ask("hasty again", patience=59, was_tried=True)
    await bench.refuse("a", retry_after=60.0)

    with pytest.raises(ProviderStatusError):
        await bench.tasks["hasty again"]
    with pytest.raises(ProviderStatusError) as caught:
        await bench.tasks["hasty"]
    assert str(caught.value) == (
        "busy (not tried: the server wants no call for another 60 s; --evals-max-wait allows less)"
    )
    assert (caught.value.status, caught.value.retry_after, caught.value.is_overload) == (429, 60.0, True)
    assert not bench.tasks["patient"].done()
    await bench.end(*"bcd")
    with pytest.raises(ProviderStatusError, match="no call for another 60 s"):
        await bench.limiter.acquire(1, patience=10)
    await asyncio.sleep(61)
    assert bench.began["patient"] == 60.0


@virtually
async def test_refusals_before_a_call_came_count_against_its_patience_until_one_succeeds() -> None:
    bench = Bench(8)
    await bench.ask("older")
    for _ in range(3):
        permit = await bench.limiter.acquire(1)
        bench.limiter.release(permit, outcome=Outcome.OVERLOADED, error=busy(40.0))
    await asyncio.sleep(1)

    assert bench.limiter.refused_seconds == pytest.approx(81)
    with pytest.raises(ProviderError) as caught:
        await bench.limiter.acquire(1, patience=100)
    assert str(caught.value) == (
        "busy (not tried: the server refused all calls for 81 s and wants no call for another 39 s; "
        "--evals-max-wait allows less)"
    )
    await bench.ask("tried", patience=100, was_tried=True)
    assert not bench.tasks["tried"].done()

    await bench.end("older")
    assert bench.limiter.refused_seconds == 0
    await bench.ask("newer", patience=100)
    await asyncio.sleep(40)
    await bench.end("tried")
    assert (bench.began["tried"], bench.began["newer"]) == (120.0, 121.0)


@virtually
async def test_overlapping_pauses_count_once() -> None:
    bench = Bench()
    bench.limiter.pause(10)
    await asyncio.sleep(4)
    bench.limiter.pause(10)
    bench.limiter.pause(2)
    await asyncio.sleep(100)

    assert bench.limiter.refused_seconds == pytest.approx(14)


@virtually
async def test_a_pause_without_an_error_dismisses_nobody() -> None:
    bench = Bench()
    bench.limiter.pause(3)
    await bench.ask("a", patience=0)
    await asyncio.sleep(4)

    assert bench.began == {"a": 3.0}


@virtually
async def test_a_pause_without_an_error_that_lengthens_a_refusal_has_its_reason() -> None:
    bench = Bench()
    bench.limiter.pause(50, busy())
    await bench.ask("a", patience=60)
    bench.limiter.pause(100)

    with pytest.raises(ProviderStatusError, match="busy"):
        await bench.tasks["a"]


@virtually
async def test_a_tried_call_that_waits_on_after_a_success_has_no_more_patience_than_before() -> None:
    bench = Bench(1)
    bench.limiter.pause(80, busy())
    await asyncio.sleep(80)
    await bench.ask("other")
    await bench.ask("tried", "tried too", patience=5, was_tried=True)
    await bench.end("other")
    bench.limiter.pause(60, busy())

    with pytest.raises(ProviderStatusError):
        await bench.tasks["tried too"]


@virtually
async def test_a_refusal_that_is_over_dismisses_nobody() -> None:
    bench = Bench(1)
    bench.limiter.pause(3, busy())
    await asyncio.sleep(4)
    await bench.ask("a", patience=0)

    assert await bench.ask("b", patience=0) == "a"
    assert not bench.tasks["b"].done()


@virtually
async def test_as_many_calls_begin_as_a_header_says_remain_and_the_others_after_the_reset() -> None:
    bench = Bench(32)
    await bench.ask("first")
    bench.limiter.note(RateLimits(requests_limit=100, requests_remaining=3, requests_reset=20.0))

    assert await bench.ask(*"abcdef") == "first a b c"
    await asyncio.sleep(21)
    assert [bench.began[name] for name in "cdef"] == [0, 20.0, 20.0, 20.0]


@virtually
async def test_a_header_that_allows_more_lets_waiting_calls_begin() -> None:
    bench = Bench(32)
    await bench.ask("first")
    bench.limiter.note(RateLimits(requests_remaining=0, requests_reset=20.0))
    assert await bench.ask("a", "b") == "first"

    bench.limiter.note(RateLimits(requests_remaining=1, requests_reset=20.0))
    assert await bench.settle() == "first a"


@virtually
async def test_a_header_counts_from_the_call_that_it_answers() -> None:
    limiter = Limiter(32, clock=now)
    answer, begun = asyncio.Event(), []

    async def first() -> None:
        await limiter.acquire(100)
        await answer.wait()
        limiter.note(RateLimits(None, 3, 60.0, None, 1000, 60.0))

    async def later() -> None:
        await limiter.acquire(100)
        begun.append(now())

    tasks = [asyncio.create_task(first()), *(asyncio.create_task(later()) for _ in range(2))]
    await asyncio.sleep(1)
    answer.set()
    await tasks[0]
    more = [asyncio.create_task(later()) for _ in range(4)]
    await asyncio.sleep(1)

    assert len(begun) == 3  # two of the three that remained had begun before the answer came
    await asyncio.gather(*more)


@virtually
async def test_tokens_of_calls_begun_since_the_answered_one_are_taken_off_what_a_header_says() -> None:
    limiter = Limiter(32, clock=now)

    async def answered() -> None:
        await limiter.acquire(100)
        await asyncio.sleep(1)
        limiter.note(RateLimits(tokens_remaining=500, tokens_reset=60.0))

    async def later() -> None:
        await limiter.acquire(400)

    await asyncio.gather(answered(), later())
    await limiter.acquire(100)
    assert now() == 1001
    await limiter.acquire(1)

    assert now() == 1061


@virtually
async def test_a_header_that_was_overtaken_by_that_of_a_later_call_is_ignored() -> None:
    limiter = Limiter(32, clock=now)

    async def call(seconds: float, remaining: int) -> None:
        await limiter.acquire(1)
        await asyncio.sleep(seconds)
        limiter.note(RateLimits(requests_remaining=remaining, requests_reset=60.0))

    start = now()
    await asyncio.gather(call(2, 50), call(1, 0))
    await limiter.acquire(1)

    assert now() - start == pytest.approx(61)


@virtually
async def test_headers_of_another_model_are_not_counted_from_calls_of_this_one() -> None:
    other, limiter = Limiter(32, clock=now), Limiter(32, clock=now)
    for _ in range(5):
        await limiter.acquire(1)
    await other.acquire(1)
    limiter.note(RateLimits(requests_remaining=1, requests_reset=60.0))
    start = now()
    await limiter.acquire(1)
    assert now() == start
    await limiter.acquire(1)

    assert now() == start + 60


@virtually
async def test_calls_a_minute_are_spread_evenly() -> None:
    bench = Bench(32, requests_per_minute=120)
    await bench.ask(*"abcdef")
    await asyncio.sleep(5)

    assert list(bench.began.values()) == [0, 0, 0.5, 1.0, 1.5, 2.0]


@virtually
async def test_tokens_a_minute_are_corrected_by_what_calls_used() -> None:
    bench = Bench(32, tokens_per_minute=6000)
    await bench.ask("a", "b", tokens=100)
    assert list(bench.began) == ["a"]

    assert await bench.end("a", tokens_used=20) == "a"
    await bench.ask("c", tokens=100)
    await asyncio.sleep(5)
    assert (bench.began["b"], bench.began["c"]) == (0.2, 1.2)

    await bench.end("b", tokens_used=-(10**9))  # nonsense is as good as nothing
    await bench.ask("d", "e", tokens=100)
    await asyncio.sleep(5)
    assert bench.began["e"] <= 7.0


@virtually
async def test_an_earlier_reason_to_wake_moves_the_timer_forward() -> None:
    bench, loop = Bench(32), asyncio.get_running_loop()
    await bench.ask("first")
    timers: list[asyncio.TimerHandle] = []
    call_later = loop.call_later

    def keep(*arguments: Any) -> asyncio.TimerHandle:
        timers.append(call_later(*arguments))
        return timers[-1]

    with unittest.mock.patch.object(loop, "call_later", keep):
        bench.limiter.note(RateLimits(tokens_remaining=5, tokens_reset=60.0))
        await bench.ask("large", tokens=50)
        bench.limiter.note(RateLimits(tokens_remaining=5, tokens_reset=10.0))
    await asyncio.sleep(11)

    assert bench.began["large"] == 10.0
    assert [timer.cancelled() for timer in timers] == [True, False]


@virtually
async def test_one_timer_serves_all_that_wait() -> None:
    bench, loop = Bench(32), asyncio.get_running_loop()
    bench.limiter.pause(3)
    with unittest.mock.patch.object(loop, "call_later", wraps=loop.call_later) as call_later:
        await bench.ask(*"abcdefgh")
    await asyncio.sleep(4)

    assert call_later.call_count == 1
    assert set(bench.began.values()) == {3.0}


@virtually
async def test_a_timer_that_fires_too_early_is_set_again_but_not_for_less_than_a_millisecond() -> None:
    lag = 0.0
    limiter = Limiter(1, clock=lambda: now() - lag)
    limiter.pause(3)
    start = now()
    waiting = asyncio.create_task(limiter.acquire(1))
    await asyncio.sleep(1)
    lag = 0.0004
    await waiting

    assert now() - start == pytest.approx(3.001, abs=1e-6)


@virtually
async def test_the_shared_ceiling_bounds_the_calls_of_all_limiters_together() -> None:
    shared = Ceiling(3)
    left, right = Bench(8, shared=shared), Bench(8, shared=shared)

    assert await left.ask("a", "b") == "a b"
    assert await right.ask("x", "y") == "x"
    assert shared.running == 3
    await left.end("a")
    assert (left.limiter.running, right.limiter.running) == (1, 2)


@virtually
async def test_slots_of_the_ceiling_go_round_so_that_a_long_line_shuts_nobody_out() -> None:
    shared = Ceiling(2)
    left, right = Bench(8, shared=shared), Bench(8, shared=shared)
    await left.ask(*"abcdefgh")
    assert await right.ask("x", "y", "z") == ""

    await left.end("a")
    assert (list(left.began), list(right.began)) == (["a", "b", "c"], [])
    await left.end("b")
    assert (list(left.began), list(right.began)) == (["a", "b", "c"], ["x"])
    await left.end("c")
    assert (list(left.began), list(right.began)) == (["a", "b", "c", "d"], ["x"])
    await right.end("x")
    assert (list(left.began), list(right.began)) == (["a", "b", "c", "d"], ["x", "y"])


@virtually
async def test_a_limiter_that_waits_for_time_to_pass_leaves_its_turn_at_the_ceiling_to_others() -> None:
    shared = Ceiling(1)
    left, right = Bench(8, shared=shared), Bench(8, shared=shared)
    await left.ask("a", "b")
    await right.ask("x")
    left.limiter.pause(5)
    await left.end("a")

    assert list(right.began) == ["x"]
    await right.end("x")
    assert shared.running == 0
    await asyncio.sleep(6)
    assert left.began["b"] == 5.0


@virtually
async def test_a_turn_at_the_ceiling_of_which_nobody_makes_use_goes_on() -> None:
    shared = Ceiling(1)
    left, right = Bench(8, shared=shared), Bench(8, shared=shared)
    await left.ask("a", "b")
    await right.ask("x")
    left.tasks["b"].cancel()
    await left.end("a")

    assert list(right.began) == ["x"]
    assert shared.running == 1


@virtually
async def test_a_limiter_takes_all_slots_that_nobody_else_wants() -> None:
    shared = Ceiling(2)
    left, right = Bench(8, shared=shared), Bench(8, shared=shared)
    await right.ask("x", "y")
    await left.ask("a", "b", "c")
    await right.end("x", "y")

    assert list(left.began) == ["a", "b"]


def test_two_limiters_use_real_time_and_chance_of_their_own_by_default() -> None:
    async def main() -> None:
        limiter = Limiter(1)
        other = Limiter(1)
        assert limiter.chance.random() != other.chance.random()
        limiter.pause(0.005)
        begin = limiter.clock()
        await limiter.acquire(1)
        assert 0.004 <= limiter.clock() - begin < 1

    asyncio.run(main())
