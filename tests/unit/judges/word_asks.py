"""An ``ask`` whose vectors count the words of a text, for judges that compare texts by them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pytest_promptevals.records.embeddings import encode_vector
from pytest_promptevals.records.responses import Message, Response, Usage
from tests.support.word_vectors import word_vector

AskFunction: TypeAlias = Callable[[str, Sequence[Message], Mapping[str, object]], Awaitable[Response]]


class WordVectors:
    """The half of an ``Ask`` that makes vectors."""

    async def embed(self, model: str, text: str, parameters: Mapping[str, object]) -> Response:
        """Return the vector of a text."""
        del model, parameters
        return Response("", embedding=encode_vector(word_vector(text)), usage=Usage(len(text.split()), 0))


@dataclass(frozen=True)
class FunctionAsk(WordVectors):
    """An ``Ask`` whose other half is a function."""

    function: AskFunction

    async def __call__(self, model: str, messages: Sequence[Message], parameters: Mapping[str, object]) -> Response:
        return await self.function(model, messages, parameters)


@dataclass
class VectorAsk(WordVectors):
    """An ``Ask`` that keeps which texts it was asked for, and answers nothing else.

    Args:
        vectors: those of some texts; of the others it counts the words.
        error: what is raised in the place of every vector.
    """

    vectors: Mapping[str, Sequence[float]] = field(default_factory=dict)
    error: Exception | None = None
    asked: list[tuple[str, str, Mapping[str, object]]] = field(default_factory=list)

    async def __call__(self, model: str, messages: Sequence[Message], parameters: Mapping[str, object]) -> Response:
        raise AssertionError(f"a judge that compares vectors asked {model} {messages} {parameters}")

    async def embed(self, model: str, text: str, parameters: Mapping[str, object]) -> Response:
        self.asked.append((model, text, dict(parameters)))
        if self.error is not None:
            raise self.error
        if text in self.vectors:
            return Response("", embedding=encode_vector(self.vectors[text]))
        return await super().embed(model, text, parameters)
