"""What a judge is handed to call models: its calls counted, and its time limit held still meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pytest_promptevals.engine.asking import CountedAsk, Ledger, Send, sum_known, unhurried
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response
from pytest_promptevals.records.results import JudgeSpending
from tests.support.virtual_time import now, run_virtually
from tests.unit.engine.plans import CountingProvider, plan, result_of, run_all

HI = (Message("user", "hi"),)


def asking(*responses: Response, seconds: float = 0.0) -> tuple[Send, list[tuple[str, int]]]:
    """Return a ``send`` that gives those responses in turn, and the list of what it was asked."""
    asked: list[tuple[str, int]] = []

    async def send(model: str, request: Request) -> Response:
        asked.append((f"{model} {request.messages[0].content} {sorted(request.parameters)}", request.trial))
        await asyncio.sleep(seconds)
        return responses[(len(asked) - 1) % len(responses)]

    return send, asked


def test_what_is_asked_again_is_a_call_of_its_own_and_what_differs_begins_at_one() -> None:
    ask, asked = asking(Response("yes"))

    async def main() -> int:
        counted = CountedAsk(ask)
        for model, messages, parameters in (
            ("a/m", HI, {}),
            ("a/m", HI, {}),
            ("b/m", HI, {}),
            ("a/m", (Message("user", "ho"),), {}),
            ("a/m", HI, {"top_p": 1, "temperature": 0}),
            ("a/m", HI, {"temperature": 0, "top_p": 1}),
            ("a/m", HI, {}),
        ):
            await counted(model, messages, parameters)
        return counted.calls

    assert asyncio.run(main()) == 7
    assert [number for _, number in asked] == [1, 2, 1, 1, 1, 2, 3]


@pytest.mark.parametrize(
    ("responses", "cost", "spent"),
    [
        ((Response("x", cost=0.25), Response("x", cost=0.5)), 0.75, 0.75),
        ((Response("x", cost=0.25), Response("x", cost=0.5, cached=True)), 0.75, 0.25),
        ((Response("x", cost=0.25), Response("x")), None, None),
        ((Response("x", cost=0.25), Response("x", cached=True)), None, 0.25),
    ],
)
def test_what_the_calls_of_a_judge_cost_and_what_was_paid_of_it(
    responses: tuple[Response, ...], cost: float | None, spent: float | None
) -> None:
    async def main() -> CountedAsk:
        counted = CountedAsk(asking(*responses)[0])
        for _ in responses:
            await counted("a/m", HI, {})
        return counted

    counted = asyncio.run(main())

    assert (counted.cost, counted.spent) == (cost, spent)
    assert counted.cached == sum(response.cached for response in responses)


def test_what_judges_spent_without_a_score_says_how_much_came_from_the_cache() -> None:
    ledger = Ledger(asking(Response("x", cost=0.25), Response("x", cost=0.5, cached=True))[0])

    async def main() -> None:
        await ledger.send("a/m", Request("m", HI))
        await ledger.send("a/m", Request("m", HI))

    asyncio.run(main())

    assert ledger.spending == JudgeSpending(2, 0.75, 0.25, 1)


def test_the_sum_of_nothing_is_unknown() -> None:
    assert sum_known([]) is None
    assert sum_known([0.0]) == 0.0


def test_a_time_limit_stands_still_during_calls_and_goes_on_after_them() -> None:
    async def send(model: str, request: Request) -> Response:
        await asyncio.sleep(100 * request.trial)
        return Response("yes")

    async def judge() -> None:
        async with asyncio.timeout(1) as limit:
            send_unhurried = unhurried(send, limit)
            await asyncio.sleep(0.4)
            await asyncio.gather(*(send_unhurried("a/m", Request("m", HI, trial=number)) for number in (1, 2)))
            await asyncio.sleep(0.4)
            await send_unhurried("a/m", Request("m", HI, trial=3))
            await asyncio.sleep(0.4)

    async def main() -> float:
        started = now()
        with pytest.raises(TimeoutError):
            await judge()
        return now() - started

    assert run_virtually(main()) == pytest.approx(501)


def test_a_call_that_a_judge_leaves_behind_ends_in_peace() -> None:
    send, _ = asking(Response("yes"), seconds=10)

    async def main() -> str:
        async with asyncio.timeout(1) as limit:
            left_behind = asyncio.ensure_future(unhurried(send, limit)("a/m", Request("m", HI)))
            await asyncio.sleep(0.5)
        return (await left_behind).text

    assert run_virtually(main()) == "yes"


# Through a case.


def test_a_judge_that_asks_twice_gets_two_answers_and_both_are_paid(tmp_path: Path) -> None:
    made: list[CountingProvider] = []

    def make(context: object) -> CountingProvider:
        made.append(CountingProvider(context))  # type: ignore[arg-type]  # handed on as it came
        return made[-1]

    judges = "[{odd: mine/m}, {all_of: [{odd: {gives: mine/m, name: x}}, {odd: {gives: mine/m, name: y}}]}]"
    planned = plan(tmp_path, f"model: counting/m\njudges: {judges}\ncases: [{{id: a, input: hi}}]", mine=make)

    (result,) = run_all(planned, tmp_path)

    single, group = result.trials[0].scores
    assert [score.cached for score in (single, group)] == [0, 0]
    assert (single.calls, single.cost, single.spent) == (1, 0.25, 0.25)
    assert (group.calls, group.cost, group.spent) == (2, 0.5, 0.5)
    assert sorted(request.trial for request in made[0].requests) == [1, 1, 2]
    assert (result.cost, result.spent) == (1.0, 1.0)


def test_a_score_says_how_many_of_its_calls_came_from_the_cache(tmp_path: Path) -> None:
    class Caching(CountingProvider):
        async def complete(self, request: object) -> Response:
            return Response("0.75", cost=0.25, cached=True)

    judges = "[{odd: mine/m}, {all_of: [{odd: {gives: mine/m, name: x}}, {odd: {gives: counting/m, name: y}}, exact]}]"
    planned = plan(
        tmp_path, f"model: counting/m\njudges: {judges}\ncases: [{{id: a, input: '1', expected: '1'}}]", mine=Caching
    )

    (result,) = run_all(planned, tmp_path)

    assert [(score.calls, score.cached) for score in result.trials[0].scores] == [(1, 1), (2, 1)]


def test_the_cost_of_a_group_is_unknown_if_that_of_one_of_its_judges_is(tmp_path: Path) -> None:
    class Unpriced(CountingProvider):
        async def complete(self, request: object) -> Response:
            return Response("0.75")

    judges = "[{all_of: [{odd: {gives: counting/m, name: x}}, {odd: {gives: mine/m, name: y}}, exact]}]"
    planned = plan(
        tmp_path, f"model: counting/m\njudges: {judges}\ncases: [{{id: a, input: hi, expected: hi}}]", mine=Unpriced
    )

    (result,) = run_all(planned, tmp_path)

    (group,) = result.trials[0].scores
    assert (group.calls, group.cost, group.spent) == (2, None, None)
    assert (result.cost, result.spent) == (None, None)


def test_a_judge_that_asks_nothing_makes_no_calls(tmp_path: Path) -> None:
    (score,) = result_of(tmp_path, "[exact]").trials[0].scores

    assert (score.calls, score.cost, score.spent) == (0, None, None)
