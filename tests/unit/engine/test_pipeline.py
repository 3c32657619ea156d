"""The one way to a model: what a call goes through, and what keeps it from being made."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from pytest_promptevals.cache.responses import ResponseCache
from pytest_promptevals.engine.budget import Budget
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.routes import CLOSE_SECONDS
from pytest_promptevals.errors import (
    CallNotMadeError,
    FunctionError,
    ProviderConfigError,
    ProviderConnectionError,
    ProviderError,
    ProviderStatusError,
    ProviderTimeoutError,
)
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response, Usage
from tests.support.virtual_time import now, run_virtually
from tests.unit.engine.servers import QUARTER, Notebook, Purse, Server, endpoint, pipeline, request

UNREACHABLE = "http://here cannot be reached (Connection refused)"
POOR = "http://here grants this account no more calls"


async def outcome(pipe: Pipeline, to: Any, asked: Request | None = None) -> str:
    """Return the text of the answer, or of the error with its type before it."""
    try:
        return (await pipe.call(to, asked or request())).text
    except ProviderError as error:
        return f"{type(error).__name__}: {error}"


async def called(server: Server) -> None:
    """Wait until a call has reached the server."""
    while not server.asked:  # noqa: ASYNC110 - the server under test tells nobody
        await asyncio.sleep(0.001)


def unreachable(asked: Request) -> Response:
    raise ProviderConnectionError(UNREACHABLE, retryable=True, was_sent=False)


def exhausted(asked: Request) -> Response:
    raise ProviderStatusError(POOR, status=429, is_exhausted=True)


# What a call goes through.


def test_a_call_goes_from_the_cache_to_its_turn_the_budget_the_provider_the_price_and_the_cache() -> None:
    notebook = Notebook()

    def answer(asked: Request) -> str:
        notebook.write("call")
        return "hello"

    async def main() -> Response:
        notebook.pipeline = pipeline(open_cache=notebook.open, budget=Purse(notebook))
        return await notebook.pipeline.call(endpoint(Server({"url": "u"}, answer), prices=QUARTER), request())

    response = asyncio.run(main())

    assert notebook.lines == [
        "look up, 0 running",
        "reserve, 1 running",
        "call, 1 running",
        "settle 0.25, 1 running",
        "store 0.25, 0 running",
    ]
    assert (response.text, response.cost) == ("hello", 0.25)
    assert notebook.files == ["a.eval.yaml"]


def test_the_cache_is_opened_once_and_only_for_what_may_be_in_it() -> None:
    notebook = Notebook()

    async def main() -> list[int]:
        pipe = notebook.pipeline = pipeline(open_cache=notebook.open)
        counts = []
        for to in (endpoint(Server()), endpoint(Server({"url": 1})), endpoint(Server({"url": 2}))):
            await pipe.call(to, request())
            counts.append(notebook.opened)
        return counts

    assert asyncio.run(main()) == [0, 1, 1]


@pytest.mark.parametrize(
    ("identity", "wish", "is_kept"),
    [
        (None, None, False),
        (None, False, False),
        (None, True, True),
        ({"url": "u"}, None, True),
        ({"url": "u"}, False, False),
        ({"url": "u"}, True, True),
    ],
)
def test_what_is_kept_is_what_has_an_identity_unless_the_user_says_otherwise(
    identity: Any, wish: bool | None, is_kept: bool
) -> None:
    notebook = Notebook()

    async def main() -> None:
        notebook.pipeline = pipeline(open_cache=notebook.open)
        await notebook.pipeline.call(endpoint(Server(identity), cache=wish), request())

    asyncio.run(main())

    assert bool(notebook.files) is is_kept


def test_a_recorded_output_needs_no_turn_and_costs_nothing_of_the_budget() -> None:
    purse = Purse()

    async def main() -> tuple[str, int]:
        pipe = pipeline(1, budget=purse, is_replay=True)
        server = Server(answer=lambda _: asyncio.Event().wait())
        under_way = asyncio.create_task(pipe.call(endpoint(server, type="scripted"), request()))
        await called(server)
        assert pipe.progress(total=0, done=0).running == 1
        response = await asyncio.wait_for(pipe.call(endpoint(Server(), "recorded", "recorded"), request("said")), 1)
        assert purse.settled == []
        under_way.cancel()
        return response.text, pipe.progress(total=0, done=0).calls

    assert asyncio.run(main()) == ("said", 0)


def test_equal_calls_under_way_are_one_call_and_its_owner_may_be_cancelled(tmp_path: Path) -> None:
    async def slow(asked: Request) -> str:
        await asyncio.sleep(0.02)
        return "hello"

    server = Server({"url": "u"}, slow)
    purse = Purse()

    async def main() -> tuple[list[str], int]:
        cache = ResponseCache.open(tmp_path / "cache.db", "use", None, "s")
        pipe = pipeline(open_cache=lambda: cache, budget=purse)
        to = endpoint(server, prices=QUARTER)
        owner = asyncio.create_task(pipe.call(to, request()))
        await called(server)
        others = [asyncio.create_task(pipe.call(to, request())) for _ in range(3)]
        await asyncio.sleep(0)
        owner.cancel()
        answers = [response.text for response in await asyncio.gather(*others)]
        progress = pipe.progress(total=4, done=3)
        await pipe.close()
        return answers, progress.cached

    assert asyncio.run(main()) == (["hello"] * 3, 2)
    assert server.asked == ["hi", "hi"]
    # What the cancelled one cost is unknown: it was sent.
    assert purse.settled == [None, 0.25]


def test_a_cancelled_call_gives_its_turn_back() -> None:
    server = Server(answer=lambda asked: asyncio.Event().wait() if asked.messages[0].content == "wait" else "hello")

    async def main() -> str:
        pipe = pipeline(1)
        to = endpoint(server)
        under_way = asyncio.create_task(pipe.call(to, request("wait")))
        in_line = asyncio.create_task(pipe.call(to, request("in line")))
        await called(server)
        in_line.cancel()
        under_way.cancel()
        return (await asyncio.wait_for(pipe.call(to, request()), 1)).text

    assert asyncio.run(main()) == "hello"
    assert server.asked == ["wait", "hi"]


# Replay.


@pytest.mark.parametrize("prices", [{}, {"mine/m": Price(call=0.01)}, {"mine/m": Price(output=0.01)}])
def test_replaying_never_calls_what_costs_or_may_cost(prices: dict[str, Price]) -> None:
    server = Server()

    async def main() -> None:
        await pipeline(is_replay=True).call(endpoint(server, prices=prices), request())

    with pytest.raises(CallNotMadeError) as caught:
        asyncio.run(main())

    assert server.asked == []
    assert caught.value.reason == "replay"
    assert str(caught.value) == (
        "not run: mine/m: its responses are not kept, so they cannot be replayed. Set 'cache: true' for that "
        "provider, or leave out --evals-cache=replay."
    )


def test_a_replay_calls_nobody_whatever_the_price_but_scripts_are_read() -> None:
    called = Server()

    async def main() -> list[str]:
        pipe = pipeline(is_replay=True)
        return [
            await outcome(pipe, endpoint(Server(), "scripted", "scripted")),
            await outcome(pipe, endpoint(called, prices={"mine/m": Price()})),
        ]

    scripted, free = asyncio.run(main())

    assert scripted == "hi"
    assert free.startswith("CallNotMadeError: not run: mine/m: its responses are not kept")
    assert called.asked == []


# Servers that give no more answers.


def test_an_exhausted_quota_shuts_its_server_for_all_models_and_files_but_no_other() -> None:
    poor, rich = Server({"url": "poor"}, exhausted), Server({"url": "rich"})

    async def main() -> list[str]:
        pipe = pipeline()
        return [
            await outcome(pipe, endpoint(poor)),
            await outcome(pipe, endpoint(poor), request(model="other")),
            await outcome(pipe, endpoint(poor, "again", file="b.eval.yaml")),
            await outcome(pipe, endpoint(rich)),
        ]

    *refused, answered = asyncio.run(main())

    assert refused == [f"CallNotMadeError: not run: mine grants no more calls: {POOR}"] * 3
    assert answered == "hi"
    assert poor.asked == ["hi"]


def test_calls_in_line_for_an_exhausted_server_are_not_made() -> None:
    poor = Server({"url": "poor"}, exhausted)

    async def main() -> list[str]:
        pipe, to = pipeline(1), endpoint(poor)
        return await asyncio.gather(*(outcome(pipe, to, request(str(number))) for number in range(5)))

    assert len(set(asyncio.run(main()))) == 1
    assert poor.asked == ["0"]


def test_a_call_that_waits_for_the_budget_is_not_made_once_the_quota_is_exhausted() -> None:
    async def answer(asked: Request) -> Response:
        await asyncio.sleep(0.001)
        return exhausted(asked)

    poor = Server({"url": "poor"}, answer)

    async def main() -> tuple[list[str], float]:
        budget = Budget(0.25)
        pipe, to = pipeline(budget=budget), endpoint(poor, prices=QUARTER)
        refused = await asyncio.gather(*(outcome(pipe, to, request(str(number))) for number in range(3)))
        await budget.reserve(0.25)
        return refused, budget.spent

    refused, spent = asyncio.run(main())

    assert len(set(refused)) == 1
    assert poor.asked == ["0"]
    assert spent == 0


def test_a_server_that_was_never_reached_is_not_tried_again_and_again() -> None:
    dead, alive = Server({"url": "dead"}, unreachable), Server({"url": "alive"})

    async def main() -> list[str]:
        pipe = pipeline(retries=2)
        first = await outcome(pipe, endpoint(dead))
        return [
            first,
            await outcome(pipe, endpoint(dead), request(model="other")),
            await outcome(pipe, endpoint(alive)),
        ]

    first, second, third = run_virtually(main())

    assert len(dead.asked) == 3
    assert first == second
    assert first.startswith(f"CallNotMadeError: not run: {UNREACHABLE} (tried 3 times in ")
    assert third == "hi"


@pytest.mark.parametrize(
    "sign_of_life",
    [
        "an answer",
        ProviderStatusError("500", status=500),
        ProviderConnectionError("dropped", was_sent=True),
        ProviderTimeoutError("no answer"),
    ],
    ids=["answer", "status", "dropped", "timeout"],
)
def test_a_server_that_was_reached_before_is_tried_again_each_time(sign_of_life: object) -> None:
    def answer(asked: Request) -> object:
        if len(server.asked) > 1:
            return unreachable(asked)
        if isinstance(sign_of_life, Exception):
            raise sign_of_life
        return sign_of_life

    server = Server({"url": "u"}, answer)

    async def main() -> None:
        pipe = pipeline(retries=0)
        for _ in range(3):
            await outcome(pipe, endpoint(server))

    asyncio.run(main())

    assert len(server.asked) == 3


@pytest.mark.parametrize("no_sign", [ProviderConfigError("no key"), CallNotMadeError("no", reason="budget")], ids=str)
def test_what_failed_before_it_was_sent_is_no_sign_that_a_server_can_be_reached(no_sign: Exception) -> None:
    def answer(asked: Request) -> object:
        if len(server.asked) == 1:
            raise no_sign
        return unreachable(asked)

    server = Server({"url": "u"}, answer)

    async def main() -> None:
        pipe = pipeline(retries=0)
        for _ in range(4):
            await outcome(pipe, endpoint(server))

    asyncio.run(main())

    assert len(server.asked) == 2


def test_an_error_that_is_raised_for_a_thousand_calls_keeps_none_of_them_alive() -> None:
    poor = Server({"url": "poor"}, exhausted)
    depths: list[int] = []

    async def main() -> None:
        pipe, to = pipeline(), endpoint(poor)
        for _ in range(20):
            try:
                await pipe.call(to, request())
            except CallNotMadeError as error:
                depths.append(len(traceback.extract_tb(error.__traceback__)))

    asyncio.run(main())

    assert max(depths[1:]) == min(depths[1:])


# Retries.


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_a_call_is_tried_again_as_often_as_the_settings_say(retries: int) -> None:
    def refuse(asked: Request) -> object:
        raise ProviderStatusError("down", status=500, retryable=True)

    server = Server(answer=refuse)

    async def main() -> None:
        await outcome(pipeline(retries=retries), endpoint(server))

    run_virtually(main())

    assert len(server.asked) == retries + 1


def test_a_call_waits_no_longer_than_the_settings_say() -> None:
    def refuse(asked: Request) -> object:
        raise ProviderStatusError("slow down", status=429, retryable=True, retry_after=10.0, is_overload=True)

    server = Server(answer=refuse)

    async def main() -> tuple[str, float]:
        started = now()
        return await outcome(pipeline(max_wait=5), endpoint(server)), now() - started

    said, seconds = run_virtually(main())

    assert len(server.asked) == 1
    assert seconds == 0
    assert said.endswith("the server asks to wait 10 s, and --evals-max-wait allows 5 s)")


# Pause.


def test_a_pause_holds_further_calls_and_lets_those_under_way_end() -> None:
    first = asyncio.Event()

    async def answer(asked: Request) -> str:
        if asked.messages[0].content == "first":
            await first.wait()
        return "hello"

    server = Server(answer=answer)

    async def main() -> tuple[str, list[int], list[str]]:
        pipe, to = pipeline(), endpoint(server)
        under_way = asyncio.create_task(pipe.call(to, request("first")))
        await called(server)
        pipe.pause(is_paused=True)
        later = asyncio.create_task(pipe.call(to, request("later")))
        await asyncio.sleep(0.001)
        running = [pipe.progress(total=2, done=0).running]
        assert pipe.progress(total=2, done=0).is_paused
        first.set()
        ended = (await under_way).text
        running.append(pipe.progress(total=2, done=1).running)
        asked = list(server.asked)
        pipe.pause(is_paused=False)
        await later
        assert not pipe.progress(total=2, done=2).is_paused
        return ended, running, asked

    assert asyncio.run(main()) == ("hello", [1, 0], ["first"])
    assert server.asked == ["first", "later"]


def test_a_call_that_waits_for_the_budget_is_held_by_a_pause_too() -> None:
    first = asyncio.Event()

    async def answer(asked: Request) -> Response:
        await first.wait()
        return Response("hello", cost=0.1)

    server = Server(answer=answer)

    async def main() -> float:
        budget = Budget(0.5)
        pipe, to = pipeline(budget=budget), endpoint(server, prices={"mine/m": Price(call=0.4)})
        under_way = asyncio.create_task(pipe.call(to, request("first")))
        waiting = asyncio.create_task(pipe.call(to, request("second")))
        await called(server)
        pipe.pause(is_paused=True)
        first.set()
        await under_way
        await asyncio.sleep(0.001)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return budget.spent

    assert asyncio.run(main()) == pytest.approx(0.1)
    assert server.asked == ["first"]


def test_who_is_cancelled_in_a_pause_has_spent_nothing() -> None:
    purse = Purse()

    async def main() -> int:
        pipe = pipeline(budget=purse)
        pipe.pause(is_paused=True)
        held = asyncio.create_task(pipe.call(endpoint(Server(), prices=QUARTER), request()))
        while not purse.reserved:  # noqa: ASYNC110 - the budget tells nobody
            await asyncio.sleep(0.001)
        held.cancel()
        await asyncio.gather(held, return_exceptions=True)
        return pipe.progress(total=1, done=0).running

    assert asyncio.run(main()) == 0
    assert purse.settled == [0.0]


# Costs.


def test_what_calls_cost_is_counted_where_it_is_known() -> None:
    answers = {"own": Response("x", cost=0.5), "tokens": Response("x", usage=Usage(1000, 500)), "none": Response("x")}

    async def main() -> tuple[list[float | None], Any]:
        pipe = pipeline()
        to = endpoint(
            Server(answer=lambda asked: answers[asked.messages[0].content]), prices={"mine/m": Price(1000.0, 2000.0)}
        )
        costs = [(await pipe.call(to, request(text))).cost for text in answers]
        return costs, pipe.progress(total=5, done=3)

    costs, progress = asyncio.run(main())

    assert costs == [0.5, 2.0, None]
    assert (progress.calls, progress.cached, progress.spent, progress.unpriced) == (3, 0, 2.5, 1)
    assert (progress.total, progress.done, progress.limit, progress.is_paused) == (5, 3, 4, False)


def test_a_model_of_unknown_price_is_not_called_where_there_is_a_budget() -> None:
    server, purse = Server(), Purse()

    async def main() -> str:
        return await outcome(pipeline(budget=purse), endpoint(server))

    assert asyncio.run(main()) == (
        "CallNotMadeError: not run: the price of mine/m is not known, so the budget could not be kept. Write it into "
        "the eval file or an evals.yaml as 'prices: {mine/m: {input: 0.25, output: 2.0}}', in US dollars for a million "
        "tokens, or 'free'."
    )
    assert (server.asked, purse.settled) == ([], [])


@pytest.mark.parametrize(
    ("error", "cost"),
    [
        (ProviderStatusError("no", status=400), 0.0),
        (ProviderConfigError("no"), 0.0),
        (ProviderConnectionError("no", was_sent=False), 0.0),
        (ProviderConnectionError("no", was_sent=True), None),
        (ProviderTimeoutError("no"), None),
        (ProviderError("no"), None),
        (LookupError("no"), None),
        (FunctionError("no"), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_what_may_have_been_paid_counts_as_paid(error: Exception, cost: float | None) -> None:
    purse = Purse()

    def refuse(asked: Request) -> object:
        raise error

    async def main() -> None:
        await pipeline(budget=purse).call(endpoint(Server(answer=refuse), prices=QUARTER), request())

    with pytest.raises((ProviderError, FunctionError)):
        asyncio.run(main())
    assert purse.settled == [cost]


def test_the_price_depends_on_the_service_tier_and_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[object] = []

    def find(to: object, identity: object, model: str, parameters: Any) -> Price:
        looked_up.append(parameters.get("service_tier"))
        return Price(call=(1.0 if parameters else 2.0) + 4.0 * (model == "other"))

    monkeypatch.setattr("pytest_promptevals.engine.pipeline.find_price", find)

    async def main() -> list[float | None]:
        pipe, to = pipeline(), endpoint(Server())
        tiers = [request(), request(service_tier="flex")]
        asked = [*tiers, *tiers, request(model="other")]
        return [(await pipe.call(to, each)).cost for each in asked]

    assert asyncio.run(main()) == [2.0, 1.0, 2.0, 1.0, 6.0]
    assert looked_up == [None, "flex", None]


# What providers do.


@pytest.mark.parametrize(
    ("complete", "message"),
    [
        (lambda _: Response("x"), "Odd.complete is no coroutine function: make it 'async def'"),
        (None, "Odd.complete returned 'x', not a Response"),
    ],
)
def test_a_provider_that_breaks_its_protocol_is_told_how(complete: Callable[[Request], Any], message: str) -> None:
    class Odd(Server):
        async def complete(self, request: Request) -> Response:
            return cast("Response", "x")

    odd: Any = Odd()
    if complete is not None:
        odd.complete = complete

    assert asyncio.run(outcome_alone(odd)) == f"ProviderError: {message}"


def test_a_timeout_of_the_providers_own_is_not_taken_for_ours() -> None:
    def refuse(asked: Request) -> object:
        raise TimeoutError("its own")

    assert asyncio.run(outcome_alone(Server(answer=refuse))) == (
        "ProviderError: provider 'mine' raised TimeoutError: its own"
    )


async def outcome_alone(server: Any) -> str:
    """Return what a pipeline makes of one call."""
    return await outcome(pipeline(), endpoint(server))


# Closing.


def test_closing_writes_what_is_paid_for_and_closes_all() -> None:
    notebook, purse, server = Notebook(), Purse(), Server({"url": "u"})

    async def main() -> tuple[str, ...]:
        pipe = notebook.pipeline = pipeline(open_cache=notebook.open, budget=purse)
        assert pipe.notices == ()
        await pipe.call(endpoint(server, prices=QUARTER), request())
        await pipe.close()
        return tuple(pipe.notices)

    assert asyncio.run(main()) == ("the cache is full",)
    assert notebook.lines[-1] == "flush"
    assert (server.closed, purse.is_closed) == (1, True)


def test_a_provider_that_hangs_when_it_is_closed_keeps_nothing_from_the_disk_and_nobody_waiting() -> None:
    notebook, other = Notebook(), Server({"url": "other"})

    class Hanging(Server):
        async def close(self) -> None:
            notebook.lines.append("hang")
            await asyncio.Event().wait()

    async def main() -> float:
        pipe = notebook.pipeline = pipeline(open_cache=notebook.open)
        await pipe.call(endpoint(Hanging({"url": "u"})), request())
        await pipe.call(endpoint(other), request())
        started = now()
        await pipe.close()
        return now() - started

    assert run_virtually(main()) == pytest.approx(CLOSE_SECONDS)
    assert CLOSE_SECONDS < 1
    assert notebook.lines[-2:] == ["flush", "hang"]
    assert other.closed == 1


@pytest.mark.parametrize(
    "error", [ValueError("odd"), SystemExit(3), asyncio.CancelledError()], ids=lambda error: type(error).__name__
)
def test_a_provider_that_fails_when_it_is_closed_keeps_no_other_open(error: BaseException) -> None:
    notebook, other = Notebook(), Server({"url": "other"})

    class Rude(Server):
        async def close(self) -> None:
            raise error

    async def main() -> None:
        pipe = notebook.pipeline = pipeline(open_cache=notebook.open)
        for to in (endpoint(Rude({"url": "u"})), endpoint(other)):
            await pipe.call(to, request())
        await pipe.close()

    asyncio.run(main())

    assert other.closed == 1
    assert notebook.lines[-1] == "flush"


def test_the_budget_is_left_even_if_the_cache_cannot_be_closed() -> None:
    purse = Purse()

    class Broken(Notebook):
        async def close(self) -> None:
            raise OSError("gone")

    notebook = Broken()

    async def main() -> None:
        pipe = notebook.pipeline = pipeline(open_cache=notebook.open, budget=purse)
        await pipe.call(endpoint(Server({"url": "u"}), prices=QUARTER), request())
        await pipe.close()

    with pytest.raises(OSError, match="gone"):
        asyncio.run(main())
    assert purse.is_closed
