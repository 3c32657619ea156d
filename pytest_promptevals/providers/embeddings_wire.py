"""OpenAI's embeddings, the API that most other servers speak too: texts to vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from pytest_promptevals.errors import CodecError, ProviderConfigError
from pytest_promptevals.providers.texts import clean_text
from pytest_promptevals.providers.wire import (
    JsonBody,
    UnreadableAnswerError,
    check_parameters,
    count_of,
    object_of,
    objects_of,
    text_of,
)
from pytest_promptevals.records.embeddings import Vector, decode_vector, encode_vector
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.requests import Request

EMBEDDINGS_PATH: Final = "/embeddings"
"""Appended to the base URL."""

_REFUSED: Final = {
    "model": "name the model as 'provider/model'",
    "input": "it is the text",
    "encoding_format": "vectors are read in either form",
}


@dataclass(frozen=True, slots=True)
class Vectors:
    """What a server made of some texts."""

    embeddings: tuple[str, ...]
    """A vector for each text, as ``Response.embedding`` holds it."""
    tokens: int | None
    """Tokens of all texts; ``None`` if the server does not say."""
    model: str | None
    """The model as the server resolved it."""


def text_to_embed(request: Request) -> str:
    """Return the text whose vector is asked for.

    Raises ``ProviderConfigError`` if there is none, or for parameters that cannot be sent.
    """
    check_parameters(request, _REFUSED)
    text = "".join(message.content for message in request.messages)
    if not text:
        raise ProviderConfigError("an empty text has no vector; leave it out")
    return clean_text(text)


def build_body(request: Request, texts: Sequence[str], encoding: str) -> JsonBody:
    """Return the JSON of one call: those texts, with the model and the parameters of the request."""
    return {"model": request.model, "input": [*texts], "encoding_format": encoding, **request.parameters}


def read_vectors(body: JsonBody, count: int) -> Vectors:
    """Return the vectors of so many texts, in their order. Raises ``UnreadableAnswerError`` if they are not all there.

    A server may send them in any order, so only their ``index`` says whose each is. Whatever form was asked for, each
    is base64 or a list of numbers: many servers know only the latter.
    """
    data = objects_of(body.get("data"))
    if len(data) != count:
        raise UnreadableAnswerError(f"answered with {_count(len(data), 'vector')} to {_count(count, 'text')}")
    by_index = {count_of(item.get("index")): item.get("embedding") for item in data}
    if by_index.keys() != set(range(count)):
        raise UnreadableAnswerError("answered with vectors that do not say which text each belongs to")
    vectors = [_read_vector(by_index[index], index) for index in range(count)]
    lengths = {len(vector) for vector in vectors}
    if len(lengths) > 1:
        raise UnreadableAnswerError(f"answered with vectors of different lengths, {min(lengths)} and {max(lengths)}")
    return Vectors(tuple(map(encode_vector, vectors)), _read_tokens(body), text_of(body.get("model")))


def _read_vector(value: Json, index: int) -> Vector:
    try:
        vector = decode_vector(value if isinstance(value, str) else encode_vector(_numbers(value)))
    except (CodecError, ValueError, OverflowError) as error:
        raise UnreadableAnswerError(f"answered with no vector for text {index + 1}: {error}") from None
    if not any(vector):
        raise UnreadableAnswerError(f"answered with no vector for text {index + 1}: all of its numbers are 0")
    return vector


def _numbers(value: Json) -> list[float]:
    if not isinstance(value, list):
        raise ValueError("it is no list of numbers")  # noqa: TRY004 - what a server sent is no type of ours
    if not set(map(type, value)) <= {int, float}:
        raise ValueError("it holds something that is no number")
    return cast("list[float]", value)


def _read_tokens(body: JsonBody) -> int | None:
    usage = object_of(body.get("usage"))
    tokens = count_of(usage.get("prompt_tokens"))
    return count_of(usage.get("total_tokens")) if tokens is None else tokens


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
