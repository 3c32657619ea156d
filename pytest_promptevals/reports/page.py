"""A text that must not become longer than so many characters: what is added first has the right to be there."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence


class Page:
    """Lines, as many as there is room for.

    Args:
        room: most characters of the whole text.
        reserve: characters of these that are kept for what is said at the end.
    """

    def __init__(self, room: int, reserve: int) -> None:
        self._room = room - reserve
        self._reserve = reserve
        self._lines: list[str] = []

    def add(self, lines: Sequence[str]) -> bool:
        """Add lines if there is room for all of them, and return whether there was."""
        needed = sum(len(line) + 1 for line in lines)
        if needed > self._room:
            return False
        self._room -= needed
        self._lines += lines
        return True

    def add_all(self, blocks: Iterable[Sequence[str]]) -> int:
        """Add blocks up to the first one that there is no room for, and return how many were added."""
        return sum(1 for _ in itertools.takewhile(self.add, blocks))

    def text(self, last: Sequence[str] = ()) -> str:
        """Return the text with its last lines, as many of them as the reserve has room for."""
        self._room += self._reserve
        self.add_all([line] for line in last)
        return "".join(f"{line}\n" for line in self._lines)
