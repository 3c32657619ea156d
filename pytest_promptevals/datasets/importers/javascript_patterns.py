"""JavaScript's regular expressions, read without flags, in the words of the engines of the judge ``regex``."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.datasets.importers.javascript_classes import ClassReader
from pytest_promptevals.datasets.importers.javascript_escapes import HALVES, PatternError, read_escape
from pytest_promptevals.datasets.importers.regex_dialects import Dialect

_QUANTIFIER: Final = re.compile(r"(?:[*+?]|\{(\d+)(?:,(\d*))?\})\??")
_GROUP: Final = re.compile(r"\((?:\?(?:(?P<look>[:=!]|<[=!])|<(?P<name>[^\W\d][\w$]*|[$][\w$]*)>))?")
_NUMBER: Final = re.compile(r"[1-9]\d*")
_NAMED: Final = re.compile(r"k<([\w$]+)>")
_WHOLE: Final = ("*", "+", "{0,}", "{1,}")
"""How often characters may come where it does not matter whether one of them counts as two."""
_SPECIAL: Final = frozenset("\\.+*?()|[]{}^$")
_KEPT: Final = frozenset(string.punctuation) - set("<>_")
"""Characters that may be escaped in every engine."""
_LAST_OF_PLANE: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Translated:
    """A pattern in the words of one engine."""

    text: str
    """The pattern."""
    needs_python: bool
    """Whether it looks around or back, which the linear engine cannot."""
    counts_pairs: bool
    """Whether it counts characters, and may meet some beyond U+FFFF, which are two in JavaScript."""


def translate(pattern: str, dialect: Dialect) -> Translated:
    """Return a pattern of JavaScript's that matches the same texts in another engine.

    Raises ``PatternError`` for one that JavaScript cannot read, and for one that no engine here can say.
    """
    return _Translator(pattern, dialect).run()


class _Translator:
    def __init__(self, pattern: str, dialect: Dialect) -> None:
        self._pattern = pattern
        self._dialect = dialect
        self._at = 0
        self._parts: list[str] = []
        self._open: list[str] = []
        self._needs_python = False
        self._counts_pairs = False
        plain = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "", pattern, flags=re.DOTALL)
        groups = [match for match in _GROUP.finditer(plain) if not match["look"]]
        self._names = [match["name"] for match in groups]
        self._may_be_idle = "|" in plain or re.search(r"\)[?*{]", plain) is not None

    def run(self) -> Translated:
        while self._at < len(self._pattern):
            self._read_one()
        if self._open:
            raise PatternError("a '(' is not closed")
        return Translated("".join(self._parts), self._needs_python, self._counts_pairs)

    def _read_one(self) -> None:
        char = self._pattern[self._at]
        if char == "(":
            self._open_group()
        elif char == ")":
            self._close_group()
        elif char == "|":
            self._write("|", 1)
        elif char in "^$":
            self._write(self._dialect.end if char == "$" else "^", 1, repeats=False)
        elif char == ".":
            self._write(self._dialect.any, 1, is_wide=True)
        elif char == "[":
            read = ClassReader(self._pattern, self._at, self._dialect).read()
            self._counts_pairs |= read.has_pairs
            self._write(read.text, read.end - self._at, is_wide=read.is_wide)
        elif char == "\\":
            self._read_escape()
        elif _QUANTIFIER.match(self._pattern, self._at):
            raise PatternError(f"there is nothing that {char!r} could repeat")
        else:
            self._write_char(char, 1)

    def _open_group(self) -> None:
        match = _GROUP.match(self._pattern, self._at)
        if match is None or self._pattern.startswith("?", match.end()):
            raise PatternError(f"{self._pattern[self._at : self._at + 4]!r} begins no group of JavaScript's")
        look = match["look"] or ""
        self._needs_python |= look not in ("", ":")
        self._open.append(look)
        name = match["name"]
        self._parts.append(self._dialect.group.format(name=name) if name else match[0])
        self._at = match.end()

    def _close_group(self) -> None:
        if not self._open:
            raise PatternError("a ')' closes no group")
        self._write(")", 1, repeats="<" not in self._open.pop())

    def _read_escape(self) -> None:
        after = self._pattern[self._at + 1 : self._at + 2]
        if not after:
            raise PatternError("it ends with a backslash")
        if after in "bB":
            self._write(self._dialect.outside[after], 2, repeats=False)
        elif after in "dDwWsS":
            self._write(self._dialect.outside[after], 2, is_wide=after.isupper())
        elif not self._read_reference():
            self._write_escaped(after)

    def _read_reference(self) -> bool:
        """Read what refers to a group, and return whether there is one."""
        start = self._at + 1
        named = _NAMED.match(self._pattern, start) if any(self._names) else None
        numbered = _NUMBER.match(self._pattern, start)
        if named is not None:
            if named[1] not in self._names:
                raise PatternError(f"there is no group {named[1]!r}")
            number, end = self._names.index(named[1]) + 1, named.end()
        elif numbered is not None and int(numbered[0]) <= len(self._names):
            number, end = int(numbered[0]), numbered.end()
        else:
            return False
        self._needs_python = True
        # In JavaScript, a group that took no part is an empty text.
        name = self._names[number - 1]
        plain = f"(?P={name})" if name else f"\\{number}"
        is_apart = not self._may_be_idle and not self._pattern[end : end + 1].isdigit()
        self._write(plain if is_apart else f"(?:(?({number}){plain}))", end - self._at)
        return True

    def _write_escaped(self, after: str) -> None:
        escape = read_escape(self._pattern, self._at)
        if escape.code in HALVES:
            whole = escape.joined(self._pattern)
            if whole is None:
                raise PatternError("it names halves of characters beyond U+FFFF")
            self._write_char(chr(whole.code), whole.end - self._at)
        elif self._pattern[self._at : escape.end] == f"\\{after}" and (after in _KEPT or after in "fnrtv"):
            self._write(f"\\{after}", 2)
        elif after in "xu" and escape.is_number:
            self._write(self._pattern[self._at : escape.end], escape.end - self._at)
        else:
            self._write_char(chr(escape.code), escape.end - self._at)

    def _write_char(self, char: str, length: int) -> None:
        text = f"\\{char}" if char in _SPECIAL else char
        if char < " " and length > 1:
            text = f"\\x{ord(char):02x}"
        start = self._at
        self._write(text, length)
        if ord(char) > _LAST_OF_PLANE and self._at > start + length:
            raise PatternError("it repeats half of a character beyond U+FFFF")

    def _write(self, text: str, length: int, *, repeats: bool = True, is_wide: bool = False) -> None:
        """Write what stands for so much of the pattern, and how often it may come."""
        self._parts.append(text)
        self._at += length
        match = _QUANTIFIER.match(self._pattern, self._at) if text != "|" else None
        often = match[0] if match else ""
        self._counts_pairs |= is_wide and (often.rstrip("?") or often) not in _WHOLE
        if match is None:
            return
        if not repeats:
            raise PatternError(f"{often!r} repeats what cannot be repeated")
        if match[2] and int(match[2]) < int(match[1]):
            raise PatternError(f"the numbers in {often!r} are out of order")
        self._parts.append(often)
        self._at = match.end()
