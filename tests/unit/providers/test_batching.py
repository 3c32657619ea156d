"""Requests that come in together are sent together."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import pytest

from pytest_promptevals.engine.limiter import Limiter
from pytest_promptevals.engine.retrying import RetryPolicy, call_with_retries
from pytest_promptevals.errors import ProviderError
from pytest_promptevals.providers.batching import MOST_BYTES, WINDOW, Batches, Outcome
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response
from tests.support.virtual_time import now, run_virtually

T = TypeVar("T")


def request(text: str, model: str = "m", **parameters: Any) -> Request:
    return Request(model, (Message("user", text),), parameters, kind="embedding")


class Sender:
    """Answers each request with its own text after some seconds; what begins with ``bad`` fails."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.sent: list[list[str]] = []
        self.started = 0.0
        self.times: list[float] = []
        self.cancelled = 0
        self._seconds = seconds

    async def send(self, requests: Sequence[Request]) -> Sequence[Outcome]:
        texts = [item.messages[0].content for item in requests]
        self.sent.append(texts)
        self.times.append(now())
        try:
            await asyncio.sleep(self._seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return [ProviderError(text) if text.startswith("bad") else Response(text) for text in texts]


def run(work: Callable[[Batches], Awaitable[T]], sender: Sender) -> T:
    async def main() -> T:
        sender.started = now()
        return await work(Batches(sender.send))

    return run_virtually(main())


def test_what_comes_in_within_the_window_is_one_batch_and_each_gets_its_own_answer() -> None:
    sender = Sender()

    async def work(batches: Batches) -> list[str]:
        async def late(text: str, seconds: float) -> str:
            await asyncio.sleep(seconds)
            return (await batches.add(request(text))).text

        pauses = [0.0, WINDOW / 2, WINDOW * 2]
        return list(await asyncio.gather(*(late(f"t{n}", pause) for n, pause in enumerate(pauses))))

    assert run(work, sender) == ["t0", "t1", "t2"]
    assert sender.sent == [["t0", "t1"], ["t2"]]
    assert sender.times == pytest.approx([sender.started + WINDOW, sender.started + 3 * WINDOW])


def test_other_models_and_parameters_are_batches_of_their_own() -> None:
    sender = Sender()

    async def work(batches: Batches) -> None:
        wanted = [request("a"), request("b", "n"), request("c", dimensions=2), request("d"), request("e", dimensions=2)]
        await asyncio.gather(*(batches.add(item) for item in wanted))

    run(work, sender)

    assert sorted(sender.sent) == [["a", "d"], ["b"], ["c", "e"]]


def test_a_full_batch_does_not_wait() -> None:
    sender = Sender()

    async def work(batches: Batches) -> None:
        batches.most_texts = 2
        await asyncio.gather(*(batches.add(request(f"t{n}")) for n in range(5)))

    run(work, sender)

    assert [len(texts) for texts in sender.sent] == [2, 2, 1]
    assert sender.times == pytest.approx([sender.started] * 2 + [sender.started + WINDOW])


def test_a_batch_holds_so_many_bytes_and_a_longer_text_goes_alone() -> None:
    sender = Sender()
    half = "é" * (MOST_BYTES // 4)

    async def work(batches: Batches) -> None:
        await asyncio.gather(*(batches.add(request(text)) for text in (half, "x", half, "y", "z" * MOST_BYTES, "w")))

    run(work, sender)

    assert [[len(text) for text in texts] for texts in sender.sent] == [
        [len(half), 1],
        [len(half), 1],
        [MOST_BYTES],
        [1],
    ]


def test_an_error_is_raised_for_its_request_alone() -> None:
    async def work(batches: Batches) -> list[Any]:
        return await asyncio.gather(
            *(batches.add(request(text)) for text in ("good", "bad text", "fine")), return_exceptions=True
        )

    good, bad, fine = run(work, Sender())

    assert (good.text, fine.text) == ("good", "fine")
    assert repr(bad) == "ProviderError('bad text')"


def test_whatever_else_goes_wrong_all_are_told() -> None:
    async def send(requests: Sequence[Request]) -> Sequence[Outcome]:
        raise LookupError("no such thing")

    async def main() -> list[Any]:
        batches = Batches(send)
        return await asyncio.gather(*(batches.add(request(text)) for text in "ab"), return_exceptions=True)

    assert [str(error) for error in asyncio.run(main())] == ["the call failed: LookupError: no such thing"] * 2


def test_who_gives_up_leaves_the_others_alone() -> None:
    sender = Sender()

    async def work(batches: Batches) -> str:
        first, second = (asyncio.ensure_future(batches.add(request(text))) for text in ("a", "b"))
        await asyncio.sleep(0.5)
        first.cancel()
        return (await second).text

    assert run(work, sender) == "b"
    assert sender.cancelled == 0


def test_what_nobody_waits_for_any_more_is_given_up() -> None:
    sender = Sender()

    async def work(batches: Batches) -> None:
        tasks = [asyncio.ensure_future(batches.add(request(text))) for text in ("a", "b")]
        await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await asyncio.sleep(0)

    run(work, sender)

    assert (sender.sent, sender.cancelled) == ([["a", "b"]], 1)


def test_what_was_given_up_before_it_was_sent_is_not_sent() -> None:
    sender = Sender()

    async def work(batches: Batches) -> None:
        tasks = [asyncio.ensure_future(batches.add(request(text))) for text in ("a", "b")]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await tasks[1]
        alone = asyncio.ensure_future(batches.add(request("c")))
        await asyncio.sleep(0)
        alone.cancel()
        await asyncio.sleep(1)

    run(work, sender)

    assert sender.sent == [["b"]]


def test_closing_ends_what_is_waited_for_with_an_error() -> None:
    sender = Sender()

    async def work(batches: Batches) -> list[Any]:
        tasks = [asyncio.ensure_future(batches.add(request("a")))]
        await asyncio.sleep(0.5)
        tasks.append(asyncio.ensure_future(batches.add(request("b"))))
        await asyncio.sleep(0)
        await batches.close()
        return await asyncio.gather(*tasks, return_exceptions=True)

    outcomes = run(work, sender)

    assert [repr(outcome) for outcome in outcomes] == ["ProviderError('the call was given up')"] * 2
    assert sender.sent == [["a"]]


class FailingSender(Sender):
    """Fails batches after some seconds: those of such numbers, from 1."""

    def __init__(self, *failing: int, **error: Any) -> None:
        super().__init__(seconds=0.2)
        self._failing = failing
        self._error = {"retryable": True, **error}

    async def send(self, requests: Sequence[Request]) -> Sequence[Outcome]:
        number = len(self.sent) + 1
        answers = await super().send(requests)
        return [ProviderError("no", **self._error)] * len(requests) if number in self._failing else answers


async def persist(batches: Batches, count: int) -> list[Any]:
    """Ask for so many texts as a run does, with all its tries."""
    limiter = Limiter(count, clock=now, chance=random.Random(7))  # noqa: S311 - jitter, no secret
    calls = (
        call_with_retries(partial(batches.add, request(f"t{number}")), limiter, RetryPolicy(), 1)
        for number in range(count)
    )
    return await asyncio.gather(*calls, return_exceptions=True)


async def seconds_of(batches: Batches, texts: str) -> list[float]:
    """Ask for each letter after the other, whatever comes of it, and return how long each took."""
    seconds = []
    for text in texts:
        begun = now()
        await asyncio.gather(batches.add(request(text)), return_exceptions=True)
        seconds.append(now() - begun)
    return seconds


def test_what_failed_together_is_tried_again_together() -> None:
    sender = FailingSender(*range(1, 1001))

    outcomes = run(lambda batches: persist(batches, 64), sender)

    assert [len(texts) for texts in sender.sent] == [64] * 6
    assert {str(outcome).partition(" in ")[0] for outcome in outcomes} == {"no (tried 6 times"}


@pytest.mark.parametrize("error", [{"is_overload": True}, {"retryable": False}], ids=str)
def test_what_the_limiter_spreads_or_nobody_tries_again_is_not_gathered(error: dict[str, bool]) -> None:
    sender = FailingSender(1, **error)

    assert run(lambda batches: seconds_of(batches, "ab"), sender) == pytest.approx([0.2 + WINDOW] * 2)


def test_after_each_further_failure_they_are_gathered_for_twice_as_long_until_one_goes_well() -> None:
    sender = FailingSender(1, 2, 4)

    waits = [WINDOW, 0.5 + WINDOW, 1 + WINDOW, WINDOW, 0.5 + WINDOW]
    assert run(lambda batches: seconds_of(batches, "abcde"), sender) == pytest.approx([0.2 + wait for wait in waits])


def test_batches_that_fail_at_once_are_one_failure() -> None:
    sender = FailingSender(1, 2, 3)

    async def work(batches: Batches) -> list[float]:
        batches.most_texts = 1
        await asyncio.gather(*(batches.add(request(text)) for text in "ab"), return_exceptions=True)
        batches.most_texts = 2
        return await seconds_of(batches, "cd")

    assert run(work, sender) == pytest.approx([0.7 + WINDOW, 1.2 + WINDOW])


def test_a_model_that_failed_keeps_no_other_waiting_nor_itself_once_it_answers() -> None:
    sender = FailingSender(1)

    async def work(batches: Batches) -> list[float]:
        moments = []
        with pytest.raises(ProviderError):
            await batches.add(request("a"))
        for model in ("other", "m", "m"):
            begun = now()
            await batches.add(request("b", model))
            moments.append(now() - begun)
        return moments

    assert run(work, sender) == pytest.approx([0.2 + WINDOW, 0.5, 0.2 + WINDOW])


def test_who_comes_long_after_a_failure_does_not_wait_for_it() -> None:
    sender = FailingSender(1)

    async def work(batches: Batches) -> float:
        with pytest.raises(ProviderError):
            await batches.add(request("a"))
        await asyncio.sleep(60)
        begun = now()
        await batches.add(request("b"))
        return now() - begun

    assert run(work, sender) == pytest.approx(0.2 + WINDOW)
