"""Vectors of texts from a server: those that are asked for together are sent together, equal ones once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final, TypeAlias

from pytest_promptevals.errors import ProviderError, ProviderStatusError
from pytest_promptevals.providers.api_calls import ApiCalls
from pytest_promptevals.providers.batching import Batches, Outcome
from pytest_promptevals.providers.embeddings_wire import Vectors, build_body, read_vectors, text_to_embed
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response, Usage

_REFUSED: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
"""What a server answers to a text that is too long, or to too many texts."""
_COMPACT: Final = "base64"
"""A fifth of the bytes, and what OpenAI's own packages ask for by themselves."""
_PLAIN: Final = "float"
_ENCODING: Final = "encoding_format"


@dataclass(frozen=True, slots=True)
class _Found:
    """What came of one text."""

    embedding: str
    tokens: int | None
    latency: float
    model: str | None


_Finding: TypeAlias = _Found | ProviderError


class EmbeddingCalls:
    """Asks a server for vectors of texts.

    Args:
        calls: calls of its path for embeddings.
    """

    def __init__(self, calls: ApiCalls) -> None:
        self._calls = calls
        self._batches = Batches(self._send)
        self._encoding = _COMPACT

    async def embed(self, request: Request) -> Response:
        """Return the vector of a text. Raises ``ProviderError``; never retries by itself."""
        text_to_embed(request)
        return await self._batches.add(request)

    async def close(self) -> None:
        """Give up what is under way, and close the connections; more than once does no harm."""
        await self._batches.close()
        await self._calls.close()

    async def _send(self, requests: Sequence[Request]) -> list[Outcome]:
        texts = [text_to_embed(request) for request in requests]
        distinct = list(dict.fromkeys(texts))
        found = dict(zip(distinct, await self._find(requests[0], distinct), strict=True))
        shares = _share_tokens(texts, found)
        return [_outcome(found[text], tokens) for text, tokens in zip(texts, shares, strict=True)]

    async def _find(self, request: Request, texts: Sequence[str]) -> list[_Finding]:
        try:
            vectors, latency = await self._ask(request, texts)
        except ProviderStatusError as error:
            if error.status in _REFUSED and not error.is_exhausted and len(texts) > 1:
                return await self._find_halves(request, texts)
            return [error] * len(texts)
        except ProviderError as error:
            return [error] * len(texts)
        tokens = split_tokens(vectors.tokens, [len(text.encode()) for text in texts])
        return [
            _Found(embedding, share, latency, vectors.model)
            for embedding, share in zip(vectors.embeddings, tokens, strict=True)
        ]

    async def _find_halves(self, request: Request, texts: Sequence[str]) -> list[_Finding]:
        """Ask for each half alone, and so on, so that a text which is too long fails alone.

        Many servers take fewer texts at once than others. If all goes well with half as many, so it will from now on.
        """
        middle = (len(texts) + 1) // 2
        halves = await asyncio.gather(*(self._find(request, part) for part in (texts[:middle], texts[middle:])))
        found = [finding for half in halves for finding in half]
        if not any(isinstance(finding, ProviderError) for finding in found):
            self._batches.most_texts = min(self._batches.most_texts, middle)
        return found

    async def _ask(self, request: Request, texts: Sequence[str]) -> tuple[Vectors, float]:
        encoding, read = self._encoding, partial(read_vectors, count=len(texts))
        try:
            return await self._calls.make(build_body(request, texts, encoding), request.model, read)
        except ProviderStatusError as error:
            if encoding == _PLAIN or error.status not in _REFUSED or _ENCODING not in str(error):
                raise
        self._encoding = _PLAIN
        return await self._calls.make(build_body(request, texts, _PLAIN), request.model, read)


def split_tokens(tokens: int | None, weights: Sequence[int]) -> list[int | None]:
    """Return a share of the tokens for each weight, in whole numbers whose sum is exactly the tokens.

    By the method of largest remainders: each gets the whole part of its share, and those whose share was cut most get
    one more.
    """
    if tokens is None:
        return [None] * len(weights)
    total = sum(weights)
    shares = [tokens * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: -(tokens * weights[index] % total))
    for index in by_remainder[: tokens - sum(shares)]:
        shares[index] += 1
    return [*shares]


def _share_tokens(texts: Sequence[str], found: Mapping[str, _Finding]) -> list[int | None]:
    """Return the tokens of each text; what a text took that is there more than once is split over them."""
    times, left = Counter(texts), dict[str, list[int | None]]()
    for text, finding in found.items():
        tokens = None if isinstance(finding, ProviderError) else finding.tokens
        left[text] = split_tokens(tokens, [1] * times[text])
    return [left[text].pop() for text in texts]


def _outcome(finding: _Finding, tokens: int | None) -> Outcome:
    if isinstance(finding, ProviderError):
        return finding
    return Response(
        "",
        usage=Usage(tokens, None if tokens is None else 0),
        latency=finding.latency,
        model=finding.model,
        embedding=finding.embedding,
    )
