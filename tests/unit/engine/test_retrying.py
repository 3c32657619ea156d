"""When a call is made again, how long it waits, and what is said when it is given up."""

from __future__ import annotations

import asyncio
import random
import unittest.mock
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import pytest

from pytest_promptevals.engine.limiter import Limiter, Outcome
from pytest_promptevals.engine.retrying import RetryPolicy, call_with_retries
from pytest_promptevals.errors import (
    CallNotMadeError,
    ProviderConnectionError,
    ProviderError,
    ProviderStatusError,
    ProviderTimeoutError,
)
from pytest_promptevals.records.responses import Response, Usage
from tests.support.virtual_time import now, run_virtually

OK = Response("ok")
Answer: TypeAlias = Response | BaseException


@dataclass
class Script:
    """What a server answers, one after the other, the last one for ever, each after a second."""

    answers: Sequence[Answer]
    calls: list[float] = field(default_factory=list)
    """When each call was made."""

    async def __call__(self) -> Response:
        self.calls.append(now())
        await asyncio.sleep(1)
        answer = self.answers[min(len(self.calls), len(self.answers)) - 1]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @property
    def waits(self) -> list[float]:
        """Seconds between the end of each call and the next one."""
        return [later - call - 1 for call, later in zip(self.calls, self.calls[1:], strict=False)]


def fault(retry_after: float | None = None) -> ProviderStatusError:
    return ProviderStatusError("broken", status=500, retryable=True, retry_after=retry_after)


def busy(retry_after: float | None = None) -> ProviderStatusError:
    return ProviderStatusError("busy", status=429, retryable=True, retry_after=retry_after, is_overload=True)


def make_limiter(seed: int = 1, **options: float) -> Limiter:
    return Limiter(8, clock=now, chance=random.Random(seed), **options)  # type: ignore[arg-type]  # noqa: S311 - a seed


def call(script: Script, policy: RetryPolicy | None = None, seed: int = 1) -> Response:
    """Make the call; afterwards all slots are free."""

    async def main() -> Response:
        limiter = make_limiter(seed)
        try:
            return await call_with_retries(script, limiter, policy or RetryPolicy(), 10)
        finally:
            assert limiter.running == 0

    return run_virtually(main())


def test_a_call_that_succeeds_is_made_once() -> None:
    script = Script([OK])

    assert call(script) is OK
    assert len(script.calls) == 1


@pytest.mark.parametrize("error", [fault(), ProviderConnectionError("reset", retryable=True), busy(), busy(2.0)])
def test_what_may_succeed_later_is_tried_again(error: ProviderError) -> None:
    script = Script([error, error, OK])

    assert call(script) is OK
    assert len(script.calls) == 3


@pytest.mark.parametrize(
    "error",
    [
        ProviderStatusError("bad request", status=400),
        ProviderTimeoutError("too slow", retryable=True),
        CallNotMadeError("no money", reason="budget"),
        ProviderStatusError("no quota", status=429, retryable=True, is_overload=True, is_exhausted=True),
        ProviderStatusError("too large", status=429, is_overload=True),
        LookupError("a defect"),
    ],
)
def test_what_cannot_succeed_or_may_have_been_paid_is_not_tried_again(error: Exception) -> None:
    script = Script([error, OK])

    with pytest.raises(type(error)) as caught:
        call(script)
    assert caught.value is error
    assert len(script.calls) == 1


def test_a_fault_is_tried_again_as_often_as_the_policy_says() -> None:
    script = Script([fault()])

    with pytest.raises(ProviderStatusError):
        call(script, RetryPolicy(retries=3))
    assert len(script.calls) == 4


def test_no_retries_means_one_try_and_the_error_as_it_is() -> None:
    error = fault()

    with pytest.raises(ProviderStatusError) as caught:
        call(Script([error]), RetryPolicy(retries=0))
    assert caught.value is error


def test_waits_after_faults_double_from_half_a_second_up_to_30_with_full_jitter() -> None:
    waits: list[list[float]] = []
    for seed in range(50):
        script = Script([fault()])
        with pytest.raises(ProviderStatusError):
            call(script, RetryPolicy(retries=9), seed)
        waits.append(script.waits)

    for number, column in enumerate(zip(*waits, strict=True)):
        most = min(0.5 * 2**number, 30)
        assert max(column) <= most + 1e-6
        assert 0.3 * most < sum(column) / len(column) < 0.7 * most
        assert len(set(column)) == 50


def test_a_fault_that_says_when_to_come_back_is_not_tried_before() -> None:
    script = Script([fault(20.0), fault(0.0), OK])
    call(script)

    assert script.waits[0] == pytest.approx(20)
    assert script.waits[1] <= 1.0


def test_overloads_are_no_retries() -> None:
    script = Script([busy(1.0)] * 20 + [OK])

    assert call(script, RetryPolicy(retries=0)) is OK


def test_an_overload_is_tried_again_soon_after_the_server_allows_it() -> None:
    script = Script([busy(5.0), OK])
    call(script)

    assert 5 < script.waits[0] <= 5.1


def test_a_call_that_is_refused_again_and_again_leaves_longer_and_longer_gaps_to_others() -> None:
    script = Script([busy(5.0)])
    with pytest.raises(ProviderStatusError):
        call(script, RetryPolicy(max_wait=2000))

    assert sum(script.waits[:3]) < 18
    assert max(script.waits) <= 35 + 30
    assert sum(script.waits[-10:]) / 10 > 15


def test_the_last_wait_ends_when_the_call_waited_as_long_as_it_may() -> None:
    script = Script([busy(5.0), OK])
    call(script, RetryPolicy(max_wait=5.0))

    assert script.waits == [5.0]


def test_overloads_are_given_up_when_the_call_waited_as_long_as_it_may() -> None:
    script = Script([busy()])
    with pytest.raises(ProviderStatusError):
        call(script, RetryPolicy(max_wait=100))

    assert 70 < sum(script.waits) <= 100.001


def test_no_patience_means_that_an_overload_is_not_tried_again() -> None:
    script = Script([busy()])

    with pytest.raises(ProviderStatusError) as caught:
        call(script, RetryPolicy(max_wait=0))
    assert str(caught.value) == "busy (tried once in 1.0 s; --evals-max-wait allows 0 s of waiting)"


def test_no_patience_means_so_even_where_the_refusal_of_others_is_over() -> None:
    script = Script([busy()])

    async def slow() -> Response:
        await asyncio.sleep(5)
        return await script()

    async def main() -> list[Response | BaseException]:
        limiter, policy = make_limiter(), RetryPolicy(max_wait=0)
        calls = [call_with_retries(attempt, limiter, policy, 10) for attempt in (script, slow)]
        return await asyncio.gather(*calls, return_exceptions=True)

    ends = run_virtually(main())
    assert [type(end) for end in ends] == [ProviderStatusError] * 2
    assert len(script.calls) == 2


def test_faults_are_tried_again_even_without_patience_for_overloads() -> None:
    assert call(Script([fault(), OK]), RetryPolicy(max_wait=0)) is OK


@pytest.mark.parametrize("error", [busy(3600.0), fault(3600.0)])
def test_a_wait_that_is_longer_than_allowed_is_not_begun(error: ProviderStatusError) -> None:
    script = Script([error])

    with pytest.raises(ProviderStatusError) as caught:
        call(script)
    assert script.calls == [1000.0]
    assert str(caught.value) == (
        f"{error} (tried once in 1.0 s; the server asks to wait 3600 s, and --evals-max-wait allows 600 s)"
    )


def test_what_is_left_of_the_patience_counts_and_not_all_of_it() -> None:
    script = Script([busy(40.0)])

    with pytest.raises(ProviderStatusError):
        call(script, RetryPolicy(max_wait=100))
    assert len(script.calls) == 3


def test_an_error_after_several_tries_keeps_its_type_and_data_and_says_how_often_it_was_tried() -> None:
    cause = OSError("cable")
    error = fault(3.0)
    error.__cause__ = cause
    script = Script([fault(8.0)] * 5 + [error])

    with pytest.raises(ProviderStatusError) as caught:
        call(script)
    final = caught.value
    assert str(final) == "broken (tried 6 times in 46 s)"
    assert (final.status, final.retryable, final.retry_after) == (500, True, 3.0)
    assert final.__cause__ is cause
    assert final.__suppress_context__
    assert str(error) == "broken"


def test_an_error_that_ends_the_tries_says_how_many_came_before() -> None:
    script = Script([busy(2.0), ProviderTimeoutError("too slow", retryable=True)])

    with pytest.raises(ProviderTimeoutError, match=r"^too slow \(tried 2 times in 4\.\d s\)$"):
        call(script)


def test_the_slot_is_free_while_a_call_waits() -> None:
    async def main() -> float:
        limiter = Limiter(1, clock=now, chance=random.Random(1))  # noqa: S311 - a seed
        failing = asyncio.create_task(call_with_retries(Script([fault()]), limiter, RetryPolicy(), 10))
        await asyncio.sleep(0.5)
        start = now()
        await call_with_retries(Script([OK]), limiter, RetryPolicy(), 10)
        failing.cancel()
        return now() - start

    assert run_virtually(main()) == pytest.approx(1.5)


def test_a_call_that_was_tried_goes_ahead_of_those_that_were_not() -> None:
    order = []

    async def main() -> None:
        limiter = Limiter(1, clock=now, chance=random.Random(1))  # noqa: S311 - a seed

        async def one(name: str, *answers: Answer) -> None:
            script = Script(answers)

            async def attempt() -> Response:
                order.append(name)
                return await script()

            await call_with_retries(attempt, limiter, RetryPolicy(), 10)

        await asyncio.gather(one("a", fault(0.3), OK), one("b", OK), one("c", OK))

    run_virtually(main())
    assert order == ["a", "b", "a", "c"]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (OK, Outcome.SUCCEEDED),
        (busy(), Outcome.OVERLOADED),
        (fault(), Outcome.FAULT),
        (LookupError("a defect"), Outcome.FAULT),
        (asyncio.CancelledError(), Outcome.CANCELLED),
    ],
)
def test_the_limiter_is_told_how_each_call_ended(answer: Answer, outcome: Outcome) -> None:
    async def main() -> None:
        limiter = make_limiter()
        with unittest.mock.patch.object(limiter, "release", wraps=limiter.release) as release:
            task = asyncio.create_task(
                call_with_retries(Script([answer]), limiter, RetryPolicy(retries=0, max_wait=0), 10)
            )
            await asyncio.wait([task])
            task.cancelled() or task.exception()
        assert release.call_args.kwargs["outcome"] is outcome

    run_virtually(main())


def test_a_cancelled_call_frees_its_slot_and_says_nothing_about_the_server() -> None:
    async def main() -> None:
        limiter = make_limiter()
        task = asyncio.create_task(call_with_retries(Script([OK]), limiter, RetryPolicy(), 10))
        await asyncio.sleep(0.5)
        assert limiter.running == 1
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (task.cancelled(), limiter.running, limiter.limit) == (True, 0, 8)

    run_virtually(main())


def test_an_overload_halves_the_limit_and_a_fault_does_not() -> None:
    async def limit_after(error: ProviderError) -> int:
        limiter = make_limiter()
        with pytest.raises(ProviderError):
            await call_with_retries(Script([error]), limiter, RetryPolicy(retries=0, max_wait=0), 10)
        return limiter.limit

    assert run_virtually(limit_after(busy())) == 4
    assert run_virtually(limit_after(fault())) == 8


@pytest.mark.parametrize(
    ("usage", "wait"), [(Usage(300, 200), 4.0), (Usage(0, 0), 0.0), (Usage(10, None), 0.0), (Usage(None, 10), 0.0)]
)
def test_what_an_answer_used_corrects_the_rate_of_tokens(usage: Usage, wait: float) -> None:
    async def main() -> float:
        limiter = make_limiter(tokens_per_minute=6000)
        await call_with_retries(Script([Response("ok", usage=usage)]), limiter, RetryPolicy(), 100)
        start = now()
        await limiter.acquire(100)
        return now() - start

    assert run_virtually(main()) == pytest.approx(wait)


def test_a_server_that_refuses_everything_fails_all_calls_after_one_wait_and_later_ones_at_once() -> None:
    async def main() -> tuple[int, list[float]]:
        limiter, script = make_limiter(), Script([busy()])
        policy = RetryPolicy(max_wait=300)

        async def one() -> float:
            start = now()
            with pytest.raises(ProviderStatusError):
                await call_with_retries(script, limiter, policy, 10)
            return now() - start

        seconds = list(await asyncio.gather(*(one() for _ in range(300))))
        later = [await one() for _ in range(300)]
        return len(script.calls), [max(seconds), *later]

    calls, (first, *later) = run_virtually(main())

    assert first < 400
    assert max(later) <= 31 + 1
    assert sum(later) < 60
    assert calls < 150


def test_a_call_in_line_sits_out_a_short_refusal_however_little_patience_it_has() -> None:
    async def main() -> None:
        limiter = make_limiter()
        policy = RetryPolicy(max_wait=0)
        limiter.release(await limiter.acquire(1), outcome=Outcome.OVERLOADED, error=busy(29.0))
        assert await call_with_retries(Script([OK]), limiter, policy, 10) is OK
        limiter.release(await limiter.acquire(1), outcome=Outcome.OVERLOADED, error=busy(31.0))
        with pytest.raises(ProviderStatusError, match="not tried"):
            await call_with_retries(Script([OK]), limiter, policy, 10)

    run_virtually(main())


def test_a_tried_call_gives_up_when_others_are_asked_to_wait_longer_than_it_may() -> None:
    async def main() -> tuple[float, BaseException]:
        limiter = make_limiter()
        start = now()
        call = asyncio.create_task(call_with_retries(Script([fault(50.0)]), limiter, RetryPolicy(max_wait=100), 10))
        permit = await limiter.acquire(1)
        await asyncio.sleep(50.5)
        limiter.release(permit, outcome=Outcome.SUCCEEDED)
        limiter.pause(55, busy())
        await asyncio.wait([call])
        error = call.exception()
        assert error is not None
        return now() - start, error

    seconds, error = run_virtually(main())
    assert seconds == pytest.approx(51)
    assert str(error) == "broken (tried once in 51 s; --evals-max-wait allows 100 s of waiting)"


def test_time_spent_in_line_for_another_try_counts_as_waiting() -> None:
    script = Script([busy(10.0)])

    async def main() -> None:
        limiter = Limiter(1, clock=now, chance=random.Random(1))  # noqa: S311 - a seed
        call = asyncio.create_task(call_with_retries(script, limiter, RetryPolicy(max_wait=100), 10))
        await asyncio.sleep(1.5)
        permit = await limiter.acquire(1)
        await asyncio.sleep(75)
        limiter.release(permit, outcome=Outcome.SUCCEEDED)
        with pytest.raises(ProviderStatusError):
            await call

    run_virtually(main())
    # After 85 s the second try; 15 s are left: one more wait of 10 s.
    assert len(script.calls) == 3


def test_how_to_wait_can_be_given() -> None:
    naps: list[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    async def main() -> None:
        await call_with_retries(Script([fault(7.0), OK]), make_limiter(), RetryPolicy(), 10, sleep=nap)

    run_virtually(main())
    assert naps == [7.0]


def test_a_moment_in_the_past_is_not_waited_for() -> None:
    naps: list[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    async def main() -> None:
        await call_with_retries(Script([busy(-9.0), fault(-9.0), OK]), make_limiter(), RetryPolicy(), 10, sleep=nap)

    run_virtually(main())
    assert 0 <= naps[0] <= 0.1
    assert 0 <= naps[1] <= 0.5


def test_a_call_that_was_not_made_ends_with_just_that_error() -> None:
    shared = CallNotMadeError("not run: no quota", reason="quota")
    errors: list[ProviderError] = [ProviderStatusError("500", status=500, retryable=True), shared]

    async def attempt() -> Response:
        raise errors.pop(0)

    async def main() -> None:
        with pytest.raises(CallNotMadeError, match=r"^not run: no quota$"):
            await call_with_retries(attempt, Limiter(1), RetryPolicy(), 1, sleep=lambda _: asyncio.sleep(0))

    asyncio.run(main())
