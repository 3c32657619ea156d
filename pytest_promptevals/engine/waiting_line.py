"""The calls that wait for leave to begin."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

from pytest_promptevals.engine.refusal import Refusal

Leave = TypeVar("Leave")


class Waiter(Generic[Leave]):
    """One waiting call.

    Args:
        tokens: estimate of what it will use.
        patience: seconds of refusal that it may sit out.
        refused_before: seconds of refusal that it has counted itself; ``None`` if it was not tried yet.
    """

    __slots__ = ("future", "patience", "refused_before", "tokens")

    def __init__(self, tokens: int, patience: float, refused_before: float | None) -> None:
        self.future: asyncio.Future[Leave] = asyncio.get_running_loop().create_future()
        self.tokens = tokens
        self.patience = patience
        self.refused_before = refused_before


class WaitingLine(Generic[Leave]):
    """Calls in the order in which they came, those that were tried before ahead of the others.

    A waiter whose future is done, with whatever result, has left the line.
    """

    def __init__(self) -> None:
        self._tried: deque[Waiter[Leave]] = deque()
        self._untried: deque[Waiter[Leave]] = deque()

    def join(self, waiter: Waiter[Leave]) -> None:
        """Put a call at the end of its line."""
        (self._untried if waiter.refused_before is None else self._tried).append(waiter)

    def first(self) -> Waiter[Leave] | None:
        """Return who is next, ``None`` if nobody waits."""
        for line in (self._tried, self._untried):
            while line:
                if not line[0].future.done():
                    return line[0]
                line.popleft()
        return None

    def dismiss_impatient(self, refusal: Refusal, now: float) -> None:
        """End the waiting of all whose patience the refusal exceeds."""
        for waiter in (*self._tried, *self._untried):
            if not waiter.future.done() and refusal.exceeds(waiter.patience, now, waiter.refused_before or 0.0):
                waiter.future.set_exception(refusal.explain(now))
