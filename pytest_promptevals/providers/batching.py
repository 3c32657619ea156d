"""Requests that come in within a few milliseconds, put together into one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pytest_promptevals.errors import ProviderError
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response

WINDOW: Final = 0.005
"""Seconds for which the first request of a batch waits for others; an answer takes many times as long."""
MOST_TEXTS: Final = 256
"""Texts of one batch. OpenAI takes 2,048, but then all would wait for the slowest."""
MOST_BYTES: Final = 250_000
"""Bytes of a batch's texts. OpenAI takes 300,000 tokens at once, and no token is shorter than a byte."""

Outcome: TypeAlias = Response | ProviderError
SendBatch: TypeAlias = "Callable[[Sequence[Request]], Awaitable[Sequence[Outcome]]]"
"""Sends requests for the same model with the same parameters, and returns what came of each, in their order."""


@dataclass(slots=True, eq=False)
class _Batch:
    waiting: list[tuple[Request, asyncio.Future[Response]]] = field(default_factory=list)
    size: int = 0
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None

    @property
    def is_given_up(self) -> bool:
        return all(future.cancelled() for _, future in self.waiting)


class Batches:
    """Puts requests together. Used on one loop.

    Args:
        send: sends a batch.
    """

    def __init__(self, send: SendBatch) -> None:
        self.most_texts = MOST_TEXTS
        """Requests of one batch; may be lowered for a server that takes fewer."""
        self._send = send
        self._open: dict[str, _Batch] = {}
        self._under_way: set[_Batch] = set()

    async def add(self, request: Request) -> Response:
        """Return the response to a request that is sent with others. Raises ``ProviderError``."""
        key = f"{request.model} {json.dumps(request.parameters, sort_keys=True, default=repr)}"
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        batch = self._place_for(key, size_of(request))
        batch.waiting.append((request, future))
        if len(batch.waiting) >= self.most_texts or batch.size >= MOST_BYTES:
            self._dispatch(key)
        try:
            return await future
        except asyncio.CancelledError:
            # The others still wait for the batch; what nobody waits for is given up.
            if batch.is_given_up and batch.task is not None:
                batch.task.cancel()
            raise

    async def close(self) -> None:
        """Give up what is under way."""
        for key in list(self._open):
            self._dispatch(key)
        tasks = [batch.task for batch in self._under_way if batch.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _place_for(self, key: str, size: int) -> _Batch:
        """Return the open batch of that key with room for so many bytes, or a new one."""
        if key in self._open and self._open[key].size + size > MOST_BYTES:
            self._dispatch(key)
        batch = self._open.get(key)
        if batch is None:
            batch = self._open[key] = _Batch()
            batch.timer = asyncio.get_running_loop().call_later(WINDOW, self._dispatch, key)
        batch.size += size
        return batch

    def _dispatch(self, key: str) -> None:
        batch = self._open.pop(key)
        if batch.timer is not None:
            batch.timer.cancel()
        if batch.is_given_up:
            return
        self._under_way.add(batch)
        batch.task = asyncio.create_task(self._run(batch))
        batch.task.add_done_callback(lambda _: self._finish(batch))

    async def _run(self, batch: _Batch) -> None:
        waiting = [(request, future) for request, future in batch.waiting if not future.done()]
        try:
            outcomes = await self._send([request for request, _ in waiting])
        except Exception as error:  # noqa: BLE001 - whatever happens, those who wait are told
            outcomes = [ProviderError(f"the call failed: {type(error).__name__}: {error}")] * len(waiting)
        for (_, future), outcome in zip(waiting, outcomes, strict=True):
            _settle(future, outcome)

    def _finish(self, batch: _Batch) -> None:
        # A task that is cancelled before its first step has done nothing at all.
        self._under_way.discard(batch)
        for _, future in batch.waiting:
            _settle(future, ProviderError("the call was given up"))


def size_of(request: Request) -> int:
    """Return the bytes of a request's text."""
    return sum(len(message.content.encode("utf-8", "surrogatepass")) for message in request.messages)


def _settle(future: asyncio.Future[Response], outcome: Outcome) -> None:
    if future.done():
        return  # whoever waited was cancelled
    if isinstance(outcome, ProviderError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
