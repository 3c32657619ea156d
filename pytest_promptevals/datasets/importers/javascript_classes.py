"""Classes of characters in JavaScript's regular expressions: what stands between brackets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pytest_promptevals.datasets.importers.javascript_escapes import HALVES, PatternError, read_escape
from pytest_promptevals.datasets.importers.regex_dialects import Dialect

_LAST_OF_PLANE: Final = 0xFFFF
_LAST: Final = 0x10FFFF
_BACKSPACE: Final = 0x08
_OPPOSITES: Final = ("dD", "wW", "sS")
_DOUBLED: Final = "&~|-"
"""What means something in other engines where it comes twice."""


@dataclass(frozen=True, slots=True)
class ReadClass:
    """A class in the words of another engine."""

    text: str
    """The class, with its brackets."""
    end: int
    """Where it ends in the pattern."""
    is_wide: bool
    """Whether characters beyond U+FFFF are in it because no others are named."""
    has_pairs: bool
    """Whether such characters are named in it, of which JavaScript sees the halves."""


class ClassReader:
    """Reads a class.

    Args:
        pattern: the pattern.
        at: where the class begins.
        dialect: of the engine that it is written for.
    """

    def __init__(self, pattern: str, at: int, dialect: Dialect) -> None:
        self._pattern = pattern
        self._is_negated = pattern.startswith("^", at + 1)
        self._at = at + 1 + self._is_negated
        self._dialect = dialect
        self._members: list[str] = []
        self._letters: set[str] = set()
        self._reaches_all = False
        self._has_pairs = False

    def read(self) -> ReadClass:
        """Return the class. Raises ``PatternError`` for one that does not end, or names halves of characters."""
        while not self._pattern.startswith("]", self._at):
            self._read_member()
        is_wide = self._is_negated != (self._reaches_all or any(letter.isupper() for letter in self._letters))
        return ReadClass(self._written(), self._at + 1, is_wide, self._has_pairs)

    def _written(self) -> str:
        is_full = any(self._letters >= set(pair) for pair in _OPPOSITES)
        if is_full or not self._members:
            return "[\\s\\S]" if is_full != self._is_negated else "[^\\s\\S]"
        written = ""
        for index, member in enumerate(self._members):
            is_edge = index in (0, len(self._members) - 1)
            is_special = member in "[]\\" or (member == "^" and not written) or (member == "-" and not is_edge)
            is_special |= member in _DOUBLED and written.endswith(member)
            written += f"\\{member}" if is_special else member
        return f"[{'^' if self._is_negated else ''}{written}]"

    def _read_member(self) -> None:
        first, text = self._read_atom()
        is_range = self._pattern.startswith("-", self._at) and self._pattern[self._at + 1 : self._at + 2] not in (
            "",
            "]",
        )
        if not is_range:
            self._add(first, text)
            return
        self._at += 1
        last, last_text = self._read_atom()
        if first is None or last is None:
            self._add(first, text)
            self._add(ord("-"), "-")
            self._add(last, last_text)
            return
        self._add_range(first, text, last, last_text)

    def _read_atom(self) -> tuple[int | None, str]:
        """Return the code of a character and how it is written; no code for a class with a letter."""
        start = self._at
        char = self._pattern[start : start + 1]
        if not char or (char == "\\" and start + 1 >= len(self._pattern)):
            raise PatternError("a '[' is not closed")
        if char != "\\":
            self._at += 1
            return ord(char), char
        after = self._pattern[start + 1]
        if after in "dDwWsS":
            self._at += 2
            self._letters.add(after)
            return None, self._dialect.inside[after]
        if after == "b":
            self._at += 2
            return _BACKSPACE, "\\x08"
        escape = read_escape(self._pattern, start, in_class=True)
        self._at = escape.end
        written = self._pattern[start : escape.end]
        if escape.is_number or (written == f"\\{after}" and after in "fnrtv\\]^-[" + _DOUBLED):
            return escape.code, written
        char = chr(escape.code)
        return escape.code, char if char.isprintable() else f"\\x{escape.code:02x}"

    def _add(self, code: int | None, text: str) -> None:
        if code is not None and code in HALVES:
            raise PatternError("it names halves of characters beyond U+FFFF")
        self._has_pairs |= code is not None and code > _LAST_OF_PLANE
        self._members.append(text)

    def _add_range(self, first: int, text: str, last: int, last_text: str) -> None:
        # Of a pair, the half that stands next to the hyphen is in the range.
        lowest = HALVES.start + 0x400 + (first & 0x3FF) if first > _LAST_OF_PLANE else first
        highest = HALVES.start + ((last - 0x10000) >> 10) if last > _LAST_OF_PLANE else last
        if lowest > highest:
            raise PatternError(f"the range {chr(first)!r} to {chr(last)!r} is out of order")
        self._has_pairs |= max(first, last) > _LAST_OF_PLANE
        if max(first, last) <= _LAST_OF_PLANE and (first in HALVES or last in HALVES):
            raise PatternError("it names halves of characters beyond U+FFFF")
        if first < HALVES.start and HALVES.stop <= last <= _LAST_OF_PLANE:
            self._reaches_all = True
            end = _edge(last_text)
            beyond = "" if last == _LAST_OF_PLANE else f"\\U00010000-\\U{_LAST:08x}"
            self._members.append(f"{_edge(text)}-\\U{_LAST:08x}" if not beyond else f"{_edge(text)}-{end}{beyond}")
            return
        self._members.append(f"{_edge(text)}-{_edge(last_text)}")


def _edge(text: str) -> str:
    return f"\\{text}" if text in "[]\\^-&~|" else text
