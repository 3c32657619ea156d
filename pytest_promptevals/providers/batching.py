"""Requests that come in within a few milliseconds, put together into one."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
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

_FIRST_SPREAD: Final = 0.5
"""Seconds within which requests come back that failed together; doubled for each further failure."""
_LONGEST_SPREAD: Final = 8.0
_MOST_DOUBLINGS: Final = 20

Outcome: TypeAlias = Response | ProviderError
SendBatch: TypeAlias = "Callable[[Sequence[Request]], Awaitable[Sequence[Outcome]]]"
"""Sends requests for the same model with the same parameters, and returns what came of each, in their order."""


@dataclass(slots=True, eq=False)
class _Batch:
    waiting: list[tuple[Request, asyncio.Future[Response]]] = field(default_factory=list)
    size: int = 0
    failures: int = 0
    """Batches of its key that had failed in a row when it was sent."""
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None

    @property
    def is_given_up(self) -> bool:
        return all(future.cancelled() for _, future in self.waiting)


@dataclass(slots=True)
class _Trouble:
    """What failed of one key since something last went well."""

    failures: int = 0
    """Batches in a row. Those that were under way at once are one."""
    until: float = 0.0
    """The moment by which the requests of the last one have come back."""

    def note(self, batch: _Batch, outcomes: Sequence[Outcome]) -> None:
        """Note what came of a batch."""
        if not any(map(_is_fault, outcomes)):
            self.failures, self.until = 0, 0.0
            return
        spread = min(_LONGEST_SPREAD, _FIRST_SPREAD * 2.0 ** min(batch.failures, _MOST_DOUBLINGS))
        self.failures = max(self.failures, batch.failures + 1)
        self.until = max(self.until, asyncio.get_running_loop().time() + spread)


class Batches:
    """Puts requests together. Used on one loop.

    Whoever asks again after a failure does so at a moment of its own. Until all had the time to, requests are gathered,
    or each of a batch would be sent alone to a server that can least bear it.

    Args:
        send: sends a batch.
    """

    def __init__(self, send: SendBatch) -> None:
        self.most_texts = MOST_TEXTS
        """Requests of one batch; may be lowered for a server that takes fewer."""
        self._send = send
        self._open: dict[str, _Batch] = {}
        self._troubles: defaultdict[str, _Trouble] = defaultdict(_Trouble)
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
            loop = asyncio.get_running_loop()
            batch.timer = loop.call_at(max(loop.time(), self._troubles[key].until) + WINDOW, self._dispatch, key)
        batch.size += size
        return batch

    def _dispatch(self, key: str) -> None:
        batch = self._open.pop(key)
        if batch.timer is not None:
            batch.timer.cancel()
        if batch.is_given_up:
            return
        self._under_way.add(batch)
        trouble = self._troubles[key]
        batch.failures = trouble.failures
        batch.task = asyncio.create_task(self._run(batch, trouble))
        batch.task.add_done_callback(lambda _: self._finish(batch))

    async def _run(self, batch: _Batch, trouble: _Trouble) -> None:
        waiting = [(request, future) for request, future in batch.waiting if not future.done()]
        try:
            outcomes = await self._send([request for request, _ in waiting])
        except Exception as error:  # noqa: BLE001 - whatever happens, those who wait are told
            outcomes = [ProviderError(f"the call failed: {type(error).__name__}: {error}")] * len(waiting)
        trouble.note(batch, outcomes)
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


def _is_fault(outcome: Outcome) -> bool:
    """Return whether a request is worth another try. An overload is left to the limiter, which sends fewer at once."""
    return isinstance(outcome, ProviderError) and outcome.retryable and not outcome.is_overload


def _settle(future: asyncio.Future[Response], outcome: Outcome) -> None:
    if future.done():
        return  # whoever waited was cancelled
    if isinstance(outcome, ProviderError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
