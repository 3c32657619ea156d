"""Vectors of texts go the way of all calls: counted, priced, planned, and made by providers that can."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.engine.asking import CountedAsk
from pytest_promptevals.engine.estimates import PlannedCall, Range, estimate_plan
from pytest_promptevals.engine.judge_preview import preview_judges
from pytest_promptevals.engine.preview import preview_calls
from pytest_promptevals.errors import ProviderConfigError, ProviderError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.prices.bounds import call_bound
from pytest_promptevals.records.embeddings import encode_vector
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response, Usage
from tests.support.word_vectors import word_vector
from tests.unit.engine.plans import CountingProvider, plan, run_all
from tests.unit.engine.servers import Server, endpoint, pipeline

WORD_PRICE = "prices: {vectors/m: {input: 1000000, output: 5}, counting/m: free}\n"
"""A dollar for each word."""


class WordProvider(CountingProvider):
    """Makes vectors that count words, too."""

    async def embed(self, request: Request) -> Response:
        self.requests.append(request)
        text = request.messages[0].content
        return Response("", embedding=encode_vector(word_vector(text)), usage=Usage(len(text.split()), 0))


def embedding_of(text: str = "hi", **parameters: Any) -> Request:
    return Request("m", (Message("user", text),), parameters, kind="embedding")


def call_server(server: Any, request: Request) -> Response:
    return asyncio.run(pipeline().call(endpoint(server), request))


# A judge's calls.


def test_a_text_that_is_asked_for_again_is_the_same_call() -> None:
    sent: list[Request] = []

    async def send(model: str, request: Request) -> Response:
        sent.append(request)
        return Response("", cost=0.5)

    async def main() -> CountedAsk:
        asked = CountedAsk(send)
        for _ in range(2):
            await asked.embed("a/m", "hi", {"dimensions": 2})
        await asked("a/m", (Message("user", "hi"),), {"dimensions": 2})
        return asked

    asked = asyncio.run(main())

    assert sent == [
        *[embedding_of("hi", dimensions=2)] * 2,
        Request("m", (Message("user", "hi"),), {"dimensions": 2}),
    ]
    assert (asked.calls, asked.cost) == (3, 1.5)


def test_the_score_tells_the_calls_and_their_cost(tmp_path: Path) -> None:
    made: list[WordProvider] = []

    def make(context: ProviderContext) -> WordProvider:
        made.append(WordProvider(context))
        return made[-1]

    judges = "judges: [{embedding: {model: vectors/m, dimensions: 8, name: near}}, {all_of: [{embedding: vectors/m}]}]"
    case = "cases: [{id: a, input: hello there, expected: hello you all}]"
    planned = plan(tmp_path, f"model: counting/m\n{WORD_PRICE}{judges}\n{case}", vectors=make)

    (result,) = run_all(planned, tmp_path)

    near, group = result.trials[0].scores
    assert (near.calls, near.cost, near.spent) == (2, 5.0, 5.0)
    assert (group.calls, group.cost) == (2, 5.0)
    assert near.value == pytest.approx(1 / 6**0.5, abs=1e-4)
    (provider,) = made
    assert {(request.kind, request.trial) for request in provider.requests} == {("embedding", 1)}
    assert [dict(request.parameters) for request in provider.requests] == [{"dimensions": 8}] * 2 + [{}] * 2


# The pipeline.


def test_a_vector_is_made_by_embed_and_priced_by_its_text() -> None:
    class Vectors(Server):
        async def embed(self, request: Request) -> Response:
            return Response("", embedding=encode_vector([1.0]), usage=Usage(3, 0))

    to = endpoint(Vectors(), prices={"mine/m": Price(input=1_000_000, output=7)})

    response = asyncio.run(pipeline().call(to, embedding_of()))

    assert (response.embedding, response.cost) == (encode_vector([1.0]), 3.0)


def test_a_provider_that_makes_no_vectors_says_so() -> None:
    with pytest.raises(ProviderConfigError) as caught:
        call_server(Server(), embedding_of())

    assert str(caught.value) == (
        "provider 'mine' makes no vectors of texts, so mine/m cannot embed one; name a model of a provider that does, "
        "such as openai/text-embedding-3-small"
    )


@pytest.mark.parametrize(
    ("gives", "message"),
    [
        ("hi", "Broken.embed returned 'hi', not a Response"),
        (Response("hi"), "Broken.embed returned a Response whose 'embedding' is no vector: it has no numbers"),
    ],
)
def test_what_a_provider_makes_must_be_a_vector(gives: Any, message: str) -> None:
    class Broken(Server):
        async def embed(self, request: Request) -> Any:
            return gives

    with pytest.raises(ProviderError) as caught:
        call_server(Broken(), embedding_of())

    assert str(caught.value) == message


def test_embed_must_be_a_coroutine_function() -> None:
    class Broken(Server):
        def embed(self, request: Request) -> Response:
            return Response("")

    with pytest.raises(ProviderError) as caught:
        call_server(Broken(), embedding_of())

    assert str(caught.value) == "Broken.embed is no coroutine function: make it 'async def'"


def test_the_budget_reserves_nothing_for_an_answer() -> None:
    price = Price(input=1_000_000, output=1_000_000)

    assert call_bound(embedding_of("x" * 100), price) == 64 + 16 + len("user") + 100
    assert call_bound(Request("m", (Message("user", "x" * 100),)), price) > 100_000


# A plan.


def planned_calls(folder: Path, text: str) -> tuple[PlannedCall, ...]:
    planned = plan(folder, f"model: counting/m\n{WORD_PRICE}{text}", vectors=WordProvider)
    return preview_judges(planned, preview_calls(planned, folder, None, None), folder)[0]


def test_a_plan_has_one_call_for_each_text_and_one_for_each_answer(tmp_path: Path) -> None:
    text = (
        "trials: 2\njudges: [{embedding: vectors/m}]\ncases: [{id: a, input: x, expected: same}, "
        "{id: b, input: y, expected: same}, {id: c, input: z, expected: [same, other]}]"
    )

    calls = planned_calls(tmp_path, text)

    assert len(calls) == 2 + 3 * 2
    assert {(call.label, call.is_judge, call.request.kind) for call in calls} == {("vectors/m", True, "embedding")}


def test_another_length_of_vectors_is_another_call(tmp_path: Path) -> None:
    judges = "judges: [{embedding: vectors/m}, {embedding: {model: vectors/m, dimensions: 2}}]"

    calls = planned_calls(tmp_path, f"{judges}\ncases: [{{id: a, input: x, output: y, expected: z}}]")

    assert len(calls) == 4


def test_a_text_costs_its_own_tokens_and_a_vector_none(tmp_path: Path) -> None:
    case = f"cases: [{{id: a, input: x, output: {'y' * 100}, expected: {'z' * 100}}}]"

    (model,) = estimate_plan(planned_calls(tmp_path, f"judges: [{{embedding: vectors/m}}]\n{case}")).models

    assert (model.calls, model.prompt_tokens, model.answer_tokens) == (2, Range(40, 80), Range())
    assert model.cost == Range(40, 80)
