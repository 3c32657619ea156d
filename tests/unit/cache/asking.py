"""Requests to put to a cache, and calls that are counted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from pytest_promptevals.cache.entries import Entry, encode_response
from pytest_promptevals.cache.keys import canonical_json, request_content, request_key
from pytest_promptevals.cache.responses import CacheRequest, ResponseCache
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response, Usage

FILE = "evals/support.eval.yaml"

Result = TypeVar("Result")
Work = Callable[[ResponseCache], Coroutine[Any, Any, Result]]


def ask(text: str = "hi", *, file: str = FILE, trial: int = 1, model: str = "gpt-5-mini") -> CacheRequest:
    """A request as the pipeline makes it."""
    request = Request(model, (Message("user", text),), {"temperature": 0}, trial)
    content = request_content("openai", {"base_url": "https://api.example.org/v1"}, request)
    return CacheRequest(request_key(content), content, file)


def respond(text: str = "hello", **changes: Any) -> Response:
    """A response with all the numbers."""
    fields: dict[str, Any] = {"usage": Usage(100, 20), "latency": 0.25, "cost": 0.001, "model": "gpt-5-mini-2026"}
    return Response(text, **(fields | changes))


def make_entry(text: str = "hi", answer: str | None = None, **changes: Any) -> Entry:
    """What is stored for a request of that text."""
    request = ask(text)
    response = respond(answer or f"answer to {text}", **changes)
    return Entry(request.key, canonical_json(request.content), encode_response(response))


class Model:
    """Answers ``answer to TEXT``, and counts."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.asked: list[str] = []
        self._seconds = seconds

    def call(self, text: str, error: Exception | None = None) -> Callable[[], Awaitable[Response]]:
        """Return what makes the call."""

        async def answer() -> Response:
            self.asked.append(text)
            await asyncio.sleep(self._seconds)
            if error is not None:
                raise error
            return respond(f"answer to {text}")

        return answer


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so; fail after ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - another thread or process makes it so
            await asyncio.sleep(0.005)


def with_cache(
    path: Path, work: Work[Result], *, mode: str = "use", recordings: Path | None = None, session: str = "s1"
) -> Result:
    """Return what some work with a cache of its own returns; the cache is closed after it."""

    async def main() -> Result:
        cache = ResponseCache.open(path, mode, recordings, session)
        try:
            return await work(cache)
        finally:
            await cache.close()

    return asyncio.run(main())
