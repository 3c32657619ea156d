"""A loop on which waiting takes no time: its clock jumps to the next moment at which something happens."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while nothing is left to do."""

    def __init__(self) -> None:
        self.now = 1000.0
        super().__init__(_Leaping(self))

    def time(self) -> float:
        """Return the virtual time, in seconds."""
        return self.now


class _Leaping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass instead of waiting."""
        if timeout is None:
            raise RuntimeError("all tasks wait for something that will never happen")
        self._loop.now += max(timeout, 0.0)
        events: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        return events


def run_virtually(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on such a loop. Raises ``RuntimeError`` where a real loop would hang for ever."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def now() -> float:
    """Return the time of the running loop, in seconds."""
    return asyncio.get_running_loop().time()
