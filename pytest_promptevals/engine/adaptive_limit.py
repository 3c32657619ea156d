"""How many calls a server is given at once: additive increase, multiplicative decrease.

The scheme is that of TCP (RFC 5681): slow start, then a halving whenever too much was asked, then careful growth. Where
a network queues what it cannot take at once, a model server refuses it, so two things are done as in CUBIC (RFC 9438).
The limit comes back quickly to just below what was too much, or a quarter of the server would lie idle on average. And
it stays there for a while before it tries more, the longer the more often that was refused; once it is past that point,
it grows faster and faster.
"""

from __future__ import annotations

import math
from typing import Final

_FIRST_LIMIT: Final = 64
"""The default ceiling: only who asked for more waits for the limit to grow."""
_FEWEST_ROUNDS: Final = 2
_MOST_ROUNDS: Final = 16
"""Round trips for which the limit stays just below what was too much: doubled each time it is too much again."""
_FEWEST_SUCCESSES: Final = 16
"""Successes for which it stays there in any case: with a small limit, round trips are few calls."""
_HOLD_PAUSES: Final = 8
"""It stays there so many times as long as the refusal asked all calls to wait: another try may cost as much."""


class AdaptiveLimit:
    """The limit of calls under way at one server, learned from how its calls end.

    Calls are known by their number: 1 for the first that was begun.

    Args:
        ceiling: the limit never exceeds it.
    """

    def __init__(self, ceiling: int) -> None:
        self.value = min(ceiling, _FIRST_LIMIT)
        self.refusals = 0
        """Halvings since a call that was begun after one of them succeeded."""
        self._ceiling = ceiling
        self._too_much: int | None = None
        self._rounds = _FEWEST_ROUNDS
        self._last_before_halving = 0
        self._successes = 0
        self._holds_until = -math.inf

    def count_success(self, number: int, now: float, *, is_full: bool) -> None:
        """Take note that a call succeeded.

        Args:
            number: the call's number.
            now: the moment, in seconds.
            is_full: whether as many calls as allowed were under way: where they were not, the limit was no
                constraint, and success says nothing about a higher one.
        """
        if number <= self._last_before_halving:
            return
        self.refusals = 0
        if not is_full or self.value >= self._ceiling:
            return
        self._successes += 1
        if self._successes >= self._successes_to_grow(now):
            self.value += 1
            self._successes = 0

    def count_overload(self, number: int, begun: int) -> bool:
        """Take note that a call was refused as too much; return whether that is news and halved the limit.

        Calls that were under way at a halving say nothing new when they are refused too.

        Args:
            number: the call's number.
            begun: number of the latest call that was begun.
        """
        if number <= self._last_before_halving:
            return False
        self._last_before_halving = begun
        is_known = self._too_much is not None and abs(self.value - self._too_much) <= 1
        self._rounds = min(self._rounds * 2, _MOST_ROUNDS) if is_known else _FEWEST_ROUNDS
        self._too_much = self.value
        self.value = max(1, self.value // 2)
        self._successes = 0
        self.refusals += 1
        return True

    def hold_after_pause(self, now: float, seconds: float) -> None:
        """Take note that a refusal asked all calls to wait for so many seconds from now."""
        self._holds_until = max(self._holds_until, now + seconds * (1 + _HOLD_PAUSES))

    def _successes_to_grow(self, now: float) -> float:
        if self._too_much is None or self.value < self._too_much - 1:
            return 1  # one more for each success doubles the limit in a round trip
        if self.value >= self._too_much:
            return self.value // max(1, self.value - self._too_much)
        return max(self.value * self._rounds, _FEWEST_SUCCESSES) if now >= self._holds_until else math.inf
