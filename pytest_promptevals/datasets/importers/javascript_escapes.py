"""What a backslash stands for in JavaScript's regular expressions, where it stands for one character."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

HALVES: Final = range(0xD800, 0xE000)
"""Code units that are halves of characters beyond U+FFFF."""
_HIGH: Final = range(0xD800, 0xDC00)
_LOW: Final = range(0xDC00, 0xE000)
_HEX: Final = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})")
_OCTAL: Final = re.compile(r"[0-3][0-7]{0,2}|[4-7][0-7]?")
_CONTROL: Final = re.compile(r"c([A-Za-z])")
_CONTROL_IN_CLASS: Final = re.compile(r"c(\w)", re.ASCII)
_NAMED: Final = {"f": 0x0C, "n": 0x0A, "r": 0x0D, "t": 0x09, "v": 0x0B}


class PatternError(ValueError):
    """A pattern is none of JavaScript's, or cannot be said here. Its text says why."""


@dataclass(frozen=True, slots=True)
class Escape:
    """One character that is written with a backslash."""

    code: int
    """Its code unit."""
    end: int
    """Where it ends in the pattern."""
    is_number: bool = False
    """Whether its code stands there in hexadecimal digits."""

    def joined(self, pattern: str) -> Escape | None:
        """Return the character whose first half this is, with the half behind it; ``None`` where there is none."""
        if self.code not in _HIGH or not pattern.startswith("\\", self.end):
            return None
        other = read_escape(pattern, self.end)
        if other.code not in _LOW:
            return None
        return Escape(0x10000 + ((self.code - _HIGH.start) << 10) + other.code - _LOW.start, other.end)


def read_escape(pattern: str, at: int, *, in_class: bool = False) -> Escape:
    """Return the character that the backslash at a place stands for, as JavaScript reads it without flags."""
    start = at + 1
    if match := _HEX.match(pattern, start):
        return Escape(int(match[1] or match[2], 16), match.end(), is_number=True)
    if match := _OCTAL.match(pattern, start):
        return Escape(int(match[0], 8), match.end())
    if match := (_CONTROL_IN_CLASS if in_class else _CONTROL).match(pattern, start):
        return Escape(ord(match[1]) % 32, match.end())
    char = pattern[start]
    if char == "c":
        return Escape(ord("\\"), start)
    return Escape(_NAMED.get(char, ord(char)), start + 1)
