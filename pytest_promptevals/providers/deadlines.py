"""One timer for many calls that may take equally long.

``asyncio.timeout`` sets a timer for each call, sorts it in among those of all others, and takes it out again: with
hundreds of calls under way that is a tenth of what a call costs. Here the calls stand in the order in which they began,
which is that of their ends, and one timer watches the first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

Result = TypeVar("Result")


class Deadlines:
    """Ends calls of one event loop that take too long.

    Args:
        seconds: how long each of them may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: dict[asyncio.Task[Any], float] = {}
        self._expired: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def wait_for(self, call: Awaitable[Result]) -> Result:
        """Return what the call returns. Raises ``TimeoutError`` if that takes too long; a task makes one at a time."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task, and the type checker cannot know
        loop = asyncio.get_running_loop()
        self._ends[task] = end = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(end, self._expire)
        try:
            return await call
        except asyncio.CancelledError as error:
            # Who else cancelled the task wants it to end, however long it took.
            if task in self._expired and task.cancelling() == 1:
                raise TimeoutError from error
            raise
        finally:
            self._ends.pop(task, None)
            if task in self._expired:
                self._expired.remove(task)
                task.uncancel()

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        """End the calls whose time is over, and watch the next one."""
        loop = asyncio.get_running_loop()
        self._timer = None
        for task, end in list(self._ends.items()):
            if end > loop.time():
                self._timer = loop.call_at(end, self._expire)
                return
            del self._ends[task]
            self._expired.add(task)
            task.cancel()
