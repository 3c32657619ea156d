"""Where the parts of a JSON text stand, found where somebody asks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

_BLANKS: Final = re.compile(r"[ \t\n\r]*")
# What is skipped is of no interest: numbers of any length are fine.
_SKIPPER: Final = json.JSONDecoder(parse_int=len, parse_float=len)
_OPEN: Final = 64
"""Lists and mappings whose items are remembered."""


class JsonPlaces:
    """Finds the lines of the parts of a JSON text.

    Args:
        text: the text, which is known to be valid.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._items: Callable[[int], Mapping[str | int, tuple[int, int]]] = lru_cache(_OPEN)(self._find_items)
        self._known = (0, 1)

    def line_of(self, path: Sequence[str | int]) -> int:
        """Return the 1-based line of a key or item; of its nearest holder where the path leads nowhere."""
        place = value = self._skip_blanks(0)
        for part in path:
            found = self._items(value).get(part)
            if found is None:
                break
            place, value = found
        return self._line_at(place)

    def _line_at(self, position: int) -> int:
        # Mostly asked from the beginning to the end: only what is in between is counted.
        known, line = self._known
        if position >= known:
            line += self._text.count("\n", known, position)
        else:
            line -= self._text.count("\n", position, known)
        self._known = (position, line)
        return line

    def _find_items(self, start: int) -> Mapping[str | int, tuple[int, int]]:
        """Return where each item of a list, or key of a mapping, and its value begin; nothing for other values."""
        opening = self._text[start : start + 1]
        if opening == "[":
            return {index: (place, place) for index, place in enumerate(self._values(start + 1))}
        return dict(self._keys(start + 1)) if opening == "{" else {}

    def _values(self, position: int) -> Iterator[int]:
        position = self._skip_blanks(position)
        while self._text[position] != "]":
            yield position
            position = self._next(position)

    def _keys(self, position: int) -> Iterator[tuple[str, tuple[int, int]]]:
        position = self._skip_blanks(position)
        while self._text[position] != "}":
            key, end = _SKIPPER.raw_decode(self._text, position)
            value = self._skip_blanks(self._skip_blanks(end) + 1)
            yield key, (position, value)
            position = self._next(value)

    def _next(self, value: int) -> int:
        """Return where the item after that of a value begins, or where the list or mapping ends."""
        _, end = _SKIPPER.raw_decode(self._text, value)
        end = self._skip_blanks(end)
        return self._skip_blanks(end + 1) if self._text[end] == "," else end

    def _skip_blanks(self, position: int) -> int:
        found = _BLANKS.match(self._text, position)
        return found.end() if found else position
