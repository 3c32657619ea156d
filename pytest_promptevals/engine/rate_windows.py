"""How many calls or tokens a minute: as the user knows it, and as the server's headers say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

LONGEST_WAIT: Final = 120.0
"""Seconds that no call waits on the word of a header alone: some servers' headers are wrong by days."""
_BURST_SECONDS: Final = 1.0
_CLEAR_DIFFERENCE: Final = 2.0
"""Seconds that two explanations of a header must differ by: some servers round to a second."""


class Gate(Protocol):
    """What says when a call may begin. A cost is 1 where calls are counted, else tokens."""

    def opens_at(self, now: float, cost: float) -> float:
        """Return the moment from which a call of that cost may begin; one that has passed if it may now."""
        ...

    def take(self, now: float, cost: float) -> None:
        """Take note that a call began."""
        ...

    def put_back(self, now: float, cost: float) -> None:
        """Take note that so much of what was taken was not used; a negative cost was used on top."""
        ...


class TokenBucket:
    """A steady rate with small bursts: a bucket that is refilled evenly.

    A call that costs more than the bucket holds begins when it is full, and those behind it wait for the rest.

    Args:
        per_minute: the rate, above 0.
        now: the moment at which the full bucket stands ready.
    """

    def __init__(self, per_minute: float, now: float) -> None:
        self._per_second = per_minute / 60
        self._size = self._per_second * _BURST_SECONDS
        self._level = self._size
        self._at = now

    def opens_at(self, now: float, cost: float) -> float:
        """Return the moment at which the bucket holds enough."""
        self._refill(now)
        return now + (min(cost, self._size) - self._level) / self._per_second

    def take(self, now: float, cost: float) -> None:
        """Take out what a call costs."""
        self._refill(now)
        self._level -= cost

    def put_back(self, now: float, cost: float) -> None:
        """Put back what a call did not use; what is over the brim is lost."""
        self._refill(now)
        self._level += cost

    def _refill(self, now: float) -> None:
        self._level = min(self._size, self._level + (now - self._at) * self._per_second)
        self._at = now


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a header said of one window."""

    at: float
    """The moment at which it was said."""
    limit: int | None
    """Most that a window holds; ``None`` where the server did not say."""
    remaining: int
    """What is left of it."""
    reset: float
    """Seconds until it is full again."""

    @property
    def used(self) -> int:
        """What was used of the window; 0 where its size is not known."""
        return max(0, self.limit - self.remaining) if self.limit is not None else 0


class HeaderWindow:
    """What a server's headers allow until its window is full again.

    Servers mean two things by "reset". Some start a new window at that moment and give nothing before. Others refill
    theirs evenly and mean the moment at which it will be full, so that calls may go on long before. Which it is shows
    when two headers are compared; until then the first is assumed, which never asks for too much. Once the window is
    full again, no more than its size is begun before the next header comes.
    """

    def __init__(self) -> None:
        self._left = 0.0
        self._at = 0.0
        self._until = 0.0
        self._size: int | None = None
        self._length = 0.0
        self._per_second = 0.0
        self._is_refilled = False
        self._before: Allowance | None = None

    def opens_at(self, now: float, cost: float) -> float:
        """Return the moment at which enough is left, at the latest that of the reset."""
        if now >= self._until and not self._renew(now):
            return now
        wanted = cost if self._size is None else min(cost, self._size)
        lacking = wanted - self._left - (now - self._at) * self._per_second
        if lacking <= 0:
            return now
        return min(self._until, now + lacking / self._per_second) if self._per_second else self._until

    def take(self, now: float, cost: float) -> None:  # noqa: ARG002 - a gate is told the time
        """Take note that a call began."""
        self._left -= cost

    def put_back(self, now: float, cost: float) -> None:  # noqa: ARG002 - a gate is told the time
        """Take note that a call did not use what it took."""
        self._left += cost

    def note(self, said: Allowance, begun_since: float) -> None:
        """Take in a header; ``begun_since`` is the cost of the calls begun after the one that it answers."""
        self._compare(said)
        if said.limit != self._size:
            self._length = 0.0
        self._size = said.limit
        self._length = max(self._length, min(said.reset, LONGEST_WAIT))
        self._at = said.at
        self._left = said.remaining - begun_since
        self._until = said.at + min(said.reset, LONGEST_WAIT) if said.reset > 0 else said.at
        self._per_second = said.used / said.reset if self._is_refilled and said.reset > 0 else 0.0

    def _renew(self, now: float) -> bool:
        """Begin the next window, if it is known what it holds."""
        if not self._size:
            return False
        self._left, self._at = self._size, now
        self._until = now + self._length
        return True

    def _compare(self, said: Allowance) -> None:
        before = self._before
        if before is None or before.limit != said.limit or not said.at < before.at + before.reset:
            self._before = said if said.used > 0 else None
            return
        if_refilled = before.reset * said.used / before.used
        if_renewed = before.reset - (said.at - before.at)
        if abs(if_refilled - if_renewed) > _CLEAR_DIFFERENCE:
            self._is_refilled = abs(said.reset - if_refilled) < abs(said.reset - if_renewed)
            self._before = said if said.used > 0 else None
