"""All SQLite work of the cache, in one thread: what the loop asks for while a batch is done becomes the next batch."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Final

from pytest_promptevals.cache.keeper import Keeper
from pytest_promptevals.cache.operations import Answer, Batch, Lookup, NoResponse, Save
from pytest_promptevals.cache.store import Use
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.responses import Response

POLL_SECONDS: Final = 0.05
"""How often it is asked whether another process has the response by now."""

GATHER_SECONDS: Final = 0.005
"""How long operations are gathered after a batch that wrote: a transaction costs more than all that is in it."""


class CacheThread:
    """Collects operations and has them done, batch after batch. All methods are called on one loop.

    Args:
        keeper: does the work, in the thread.
        give_back: takes the key of a claim that came for a lookup which was cancelled.
    """

    def __init__(self, keeper: Keeper, give_back: Callable[[str], None]) -> None:
        self._keeper = keeper
        self._give_back = give_back
        self._loop = asyncio.get_running_loop()
        self._pending = Batch()
        self._is_at_work = False
        self._is_closed = False
        self._next_turn = 0.0
        self._waiting: list[Lookup] = []
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._queue: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        threading.Thread(target=self._main, name="promptevals-cache", daemon=True).start()

    async def look_up(self, key: str, file: str) -> Answer:
        """Return what there is for a key; a call that it tells to make is claimed, unless all is closed."""
        if self._is_closed:
            return NoResponse.CALL
        lookup = Lookup(key, file, self._loop.create_future())
        self._pending.lookups.append(lookup)
        self._schedule()
        return await lookup.future

    async def save(self, key: str, content: JsonObject, response: Response) -> None:
        """Store a response, unless all is closed. It is stored even if the one who waits for that is cancelled."""
        if self._is_closed:
            return
        save = Save(key, content, response, self._loop.create_future())
        self._pending.saves.append(save)
        self._schedule()
        await save.future

    def release(self, key: str) -> None:
        """Give up a claim."""
        self._pending.releases.append(key)
        self._schedule()

    def note_use(self, use: Use) -> None:
        """Note a use of a response that was not looked up."""
        self._pending.uses.append(use)
        self._schedule()

    async def close(self) -> None:
        """Have all that is pending done, then end the thread."""
        self._is_closed = True
        for lookup in self._waiting:
            lookup.future.cancel()
        self._hand_over()
        self._queue.put(None)
        await self._ended

    def _schedule(self) -> None:
        # Not before the end of the loop's turn, so that all who ask in one turn are in one batch.
        if not self._is_at_work:
            self._is_at_work = True
            self._loop.call_at(self._next_turn, self._hand_over)

    def _hand_over(self) -> None:
        self._queue.put(self._pending)
        self._pending = Batch()

    def _receive(self, batch: Batch, answered: list[tuple[Lookup, Answer]]) -> None:
        for save in batch.saves:
            if not save.future.done():
                save.future.set_result(None)
        for lookup, answer in answered:
            self._settle(lookup, answer)
        if batch.saves or any(answer is NoResponse.CALL for _, answer in answered):
            self._next_turn = self._loop.time() + GATHER_SECONDS
        self._is_at_work = False
        if not self._pending.is_empty:
            self._schedule()

    def _settle(self, lookup: Lookup, answer: Answer) -> None:
        if lookup.future.done():
            if answer is NoResponse.CALL:
                self._give_back(lookup.key)
        elif answer is NoResponse.WAIT:
            lookup.is_waiting = True
            if not self._waiting:
                self._loop.call_later(POLL_SECONDS, self._poll)
            self._waiting.append(lookup)
        else:
            lookup.future.set_result(answer)

    def _poll(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._pending.lookups.extend(waiting)
        self._schedule()

    def _main(self) -> None:
        try:
            while (batch := self._next_batch()) is not None:
                self._do(batch)
            self._keeper.finish()
        finally:
            self._in_loop(self._ended.set_result, None)

    def _do(self, batch: Batch) -> None:
        try:
            answered = self._keeper.run(batch)
        except Exception as error:  # noqa: BLE001 - whoever waits must be answered
            answered = self._keeper.give_up(batch, error)
        self._in_loop(self._receive, batch, answered)
        self._keeper.tidy(is_idle=False)

    def _next_batch(self) -> Batch | None:
        while True:
            try:
                return self._queue.get(timeout=self._keeper.seconds_to_tidy)
            except queue.Empty:
                self._keeper.tidy(is_idle=True)

    def _in_loop(self, action: Callable[..., object], *arguments: object) -> None:
        # A loop that is closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(action, *arguments)
