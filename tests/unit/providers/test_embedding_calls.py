"""Texts to vectors: what is sent to a server, and what is made of its answer."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.errors import ProviderConfigError, ProviderError, ProviderStatusError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.answers import Answer
from pytest_promptevals.providers.api_calls import ApiCalls
from pytest_promptevals.providers.embeddings import EmbeddingCalls, split_tokens
from pytest_promptevals.providers.embeddings_wire import read_vectors
from pytest_promptevals.providers.wire import UnreadableAnswerError
from pytest_promptevals.records.cases import ProviderConfig
from pytest_promptevals.records.embeddings import decode_vector
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response, Usage
from tests.unit.providers.endpoints import make_endpoint

TOO_LONG = "too long "


def entry(index: Any, embedding: Any) -> dict[str, Any]:
    return {"object": "embedding", "index": index, "embedding": embedding}


def packed(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


class Server:
    """A transport that answers with vectors of two numbers, the second being the length of the text.

    Args:
        most: texts that it takes at once.
        refuse: returns why it refuses a body, ``None`` if it does not.
    """

    def __init__(self, most: int = 1000, refuse: Callable[[dict[str, Any]], str | None] = lambda _: None) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.closed = 0
        self._most = most
        self._refuse = refuse

    @property
    def inputs(self) -> list[list[str]]:
        return [body["input"] for body in self.bodies]

    async def open(self) -> Server:
        return self

    async def send(self, payload: bytes) -> Answer:
        body: dict[str, Any] = json.loads(payload)
        self.bodies.append(body)
        await asyncio.sleep(0)
        texts = body["input"]
        problem = self._refuse(body)
        if problem is not None:
            return self._answer(400, {"error": {"message": problem}})
        if len(texts) > self._most:
            return self._answer(413, {"error": {"message": "too many inputs"}})
        if any(text.startswith(TOO_LONG) for text in texts):
            return self._answer(400, {"error": {"message": "maximum context length is 8192 tokens"}})
        data = [entry(index, [1.0, float(len(text))]) for index, text in enumerate(texts)]
        return self._answer(200, {"data": data[::-1], "model": "m-1", "usage": {"prompt_tokens": 10 * len(texts)}})

    async def close(self) -> None:
        self.closed += 1

    def _answer(self, status: int, body: Any) -> Answer:
        return Answer(status, "", {}, json.dumps(body).encode())


def request(text: str, **parameters: Any) -> Request:
    return Request("m", (Message("user", text),), parameters, kind="embedding")


def embed(server: Server, *texts: str, rounds: int = 1, **parameters: Any) -> list[Any]:
    """Return what comes of the texts, asked for together, as often as that."""

    async def main() -> list[Any]:
        context = ProviderContext(ProviderConfig("acme", "openai"), Path(), timeout=1.0)
        calls = EmbeddingCalls(ApiCalls(server.open, make_endpoint(), context))
        try:
            outcomes: list[Any] = []
            for _ in range(rounds):
                wanted = (calls.embed(request(text, **parameters)) for text in texts)
                outcomes = await asyncio.gather(*wanted, return_exceptions=True)
            return outcomes
        finally:
            await calls.close()

    return asyncio.run(main())


def vectors(outcomes: list[Response]) -> list[list[float]]:
    return [list(decode_vector(outcome.embedding)) for outcome in outcomes]


def test_texts_are_sent_together_and_each_gets_its_own_vector_whatever_the_order_of_the_answer() -> None:
    server = Server()

    outcomes = embed(server, "a", "bcd", "ef", dimensions=2)

    assert server.bodies == [{"model": "m", "input": ["a", "bcd", "ef"], "encoding_format": "base64", "dimensions": 2}]
    assert vectors(outcomes) == [[1, 1], [1, 3], [1, 2]]
    assert {(item.text, item.model, item.latency > 0) for item in outcomes} == {("", "m-1", True)}
    assert server.closed == 1


def test_equal_texts_are_sent_once_and_their_tokens_are_split() -> None:
    server = Server()

    outcomes = embed(server, "same", "other", "same", "same")

    assert server.inputs == [["same", "other"]]
    assert vectors(outcomes) == [[1, 4], [1, 5], [1, 4], [1, 4]]
    assert sum(item.usage.input_tokens for item in outcomes) == 20
    assert outcomes[1].usage == Usage(11, 0)


def test_a_text_that_is_too_long_fails_alone() -> None:
    server = Server()
    texts = ["a", "b", TOO_LONG + "c", "d", "e"]

    outcomes = embed(server, *texts)

    assert [type(outcome) for outcome in outcomes] == [Response, Response, ProviderStatusError, Response, Response]
    assert vectors([item for item in outcomes if isinstance(item, Response)]) == [[1, 1]] * 4
    assert "(400: maximum context length is 8192 tokens)" in str(outcomes[2])
    assert outcomes[2].status == 400
    assert server.inputs[0] == texts


def test_of_an_odd_number_of_texts_the_first_part_is_the_larger_one() -> None:
    server = Server(most=2)

    embed(server, "a", "b", "c")
    assert server.inputs == [["a", "b", "c"], ["a", "b"], ["c"]]


def test_a_server_that_takes_fewer_texts_is_sent_fewer_from_then_on() -> None:
    server = Server(most=3)
    texts = [f"text {number}" for number in range(8)]

    outcomes = embed(server, *texts, rounds=2)

    assert vectors(outcomes) == [[1, 6]] * 8
    assert sorted(map(len, server.inputs)) == [2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 8]


@pytest.mark.parametrize(
    ("status", "code"), [(401, None), (404, None), (429, None), (500, None), (400, "insufficient_quota")]
)
def test_no_other_refusal_is_tried_again_in_parts(status: int, code: str | None) -> None:
    class Refusing(Server):
        async def send(self, payload: bytes) -> Answer:
            self.bodies.append(json.loads(payload))
            return self._answer(status, {"error": {"message": "no", "code": code}})

    server = Refusing()

    outcomes = embed(server, "a", "b")

    assert [type(outcome) for outcome in outcomes] == [ProviderStatusError] * 2
    assert len(server.bodies) == 1


def test_a_failure_of_the_connection_is_that_of_all() -> None:
    class Broken(Server):
        async def send(self, payload: bytes) -> Answer:
            raise LookupError("broken")

    outcomes = embed(Broken(), "a", "b")

    assert [type(outcome) for outcome in outcomes] == [ProviderError] * 2
    assert "LookupError: broken" in str(outcomes[0])


def test_a_server_that_knows_no_base64_is_asked_for_numbers_from_then_on() -> None:
    def refuse(body: dict[str, Any]) -> str | None:
        return "encoding_format must be float" if body["encoding_format"] == "base64" else None

    server = Server(refuse=refuse)

    assert vectors(embed(server, "a", "b", rounds=2)) == [[1, 1]] * 2
    assert [body["encoding_format"] for body in server.bodies] == ["base64", "float", "float"]


def test_a_server_that_refuses_numbers_too_is_not_asked_forever() -> None:
    server = Server(refuse=lambda _: "encoding_format is unknown")

    (outcome,) = embed(server, "a")

    assert isinstance(outcome, ProviderStatusError)
    assert len(server.bodies) == 2


@pytest.mark.parametrize(
    ("parameters", "text", "message"),
    [
        ({}, "", "an empty text has no vector; leave it out"),
        ({"input": "x"}, "a", "the parameter 'input' cannot be set; it is the text"),
        ({"model": "x"}, "a", "the parameter 'model' cannot be set; name the model as 'provider/model'"),
        (
            {"encoding_format": "float"},
            "a",
            "the parameter 'encoding_format' cannot be set; vectors are read in either form",
        ),
    ],
)
def test_what_cannot_be_sent_is_said_before_anything_is(parameters: dict[str, Any], text: str, message: str) -> None:
    server = Server()

    (outcome,) = embed(server, text, **parameters)

    assert isinstance(outcome, ProviderConfigError)
    assert str(outcome) == message
    assert server.bodies == []


def test_half_a_surrogate_pair_is_sent_as_a_replacement() -> None:
    server = Server()

    embed(server, "a\ud800b")

    assert server.inputs == [["a\ufffdb"]]


# Reading an answer.


def test_numbers_are_read_in_either_form() -> None:
    body: Any = {"data": [entry(1, [0.5, -2]), entry(0, packed(1.5, 2.0))]}

    found = read_vectors(body, 2)

    assert [list(decode_vector(text)) for text in found.embeddings] == [[1.5, 2.0], [0.5, -2.0]]
    assert (found.tokens, found.model) == (None, None)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 5, "total_tokens": 6}, 5),
        ({"total_tokens": 6}, 6),
        ({"prompt_tokens": -1}, None),
        (None, None),
    ],
)
def test_tokens_are_those_of_the_prompt(usage: Any, tokens: int | None) -> None:
    assert read_vectors({"data": [entry(0, [1.0])], "usage": usage}, 1).tokens == tokens


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "answered with 0 vectors to 2 texts"),
        ([entry(0, [1.0])], "answered with 1 vector to 2 texts"),
        ([entry(n, [1.0]) for n in range(3)], "answered with 3 vectors to 2 texts"),
        ([entry(0, [1.0]), entry(0, [1.0])], "answered with vectors that do not say which text each belongs to"),
        ([entry(0, [1.0]), entry(2, [1.0])], "answered with vectors that do not say which text each belongs to"),
        ([entry(0, [1.0]), {"embedding": [1.0]}], "answered with vectors that do not say which text each belongs to"),
        ([entry(0, [1.0]), entry(True, [1.0])], "answered with vectors that do not say which text each belongs to"),
        ([entry(0, [1.0]), entry(1, [])], "answered with no vector for text 2: it has no numbers"),
        ([entry(0, [1.0]), entry(1, [0, -0.0])], "answered with no vector for text 2: all of its numbers are 0"),
        ([entry(0, [1.0]), entry(1, [1e-300])], "answered with no vector for text 2: all of its numbers are 0"),
        ([entry(0, [1.0]), entry(1, packed(0.0))], "answered with no vector for text 2: all of its numbers are 0"),
        ([entry(0, [1.0]), entry(1, None)], "answered with no vector for text 2: it is no list of numbers"),
        (
            [entry(0, [1.0]), entry(1, ["1"])],
            "answered with no vector for text 2: it holds something that is no number",
        ),
        (
            [entry(0, [1.0]), entry(1, [True])],
            "answered with no vector for text 2: it holds something that is no number",
        ),
        (
            [entry(0, [1.0]), entry(1, [float("nan")])],
            "answered with no vector for text 2: it holds a number that is not finite",
        ),
        (
            [entry(0, [1.0]), entry(1, [1e300])],
            "answered with no vector for text 2: it holds a number that is not finite",
        ),
        (
            [entry(0, [1.0]), entry(1, [10**400])],
            "answered with no vector for text 2: int too large to convert to float",
        ),
        (
            [entry(0, [1.0]), entry(1, packed(float("inf")))],
            "answered with no vector for text 2: no vector: it holds a number that is not finite",
        ),
        ([entry(0, [1.0]), entry(1, [1.0, 2.0])], "answered with vectors of different lengths, 1 and 2"),
    ],
)
def test_a_bad_answer_is_an_error_and_never_a_wrong_vector(data: Any, message: str) -> None:
    with pytest.raises(UnreadableAnswerError) as caught:
        read_vectors({"data": data}, 2)

    assert str(caught.value) == message


def test_a_bad_answer_names_the_server() -> None:
    class Odd(Server):
        async def send(self, payload: bytes) -> Answer:
            return self._answer(200, {"data": []})

    (outcome,) = embed(Odd(), "a")

    assert isinstance(outcome, ProviderError)
    assert "answered with 0 vectors to 1 text. If that is the wrong server, correct " in str(outcome)


# Splitting tokens.


@pytest.mark.parametrize(
    ("tokens", "weights", "shares"),
    [
        (10, [1, 1], [5, 5]),
        (10, [1, 1, 1], [4, 3, 3]),
        (1, [1, 3, 2], [0, 1, 0]),
        (0, [1, 2], [0, 0]),
        (7, [1], [7]),
        (100, [333, 333, 334], [33, 33, 34]),
        (None, [1, 2], [None, None]),
    ],
)
def test_tokens_are_split_to_the_last_one(tokens: int | None, weights: list[int], shares: list[int | None]) -> None:
    assert split_tokens(tokens, weights) == shares
