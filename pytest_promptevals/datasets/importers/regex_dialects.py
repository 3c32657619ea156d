"""What JavaScript's short words for characters are called in the two engines of the judge ``regex``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_DIGITS: Final = "0-9"
_WORDS: Final = "0-9A-Za-z_"
_NOT_DIGITS: Final = r"\x00-/:-\U0010ffff"
_NOT_WORDS: Final = r"\x00-/:-@\[-\^`{-\U0010ffff"
_BLANKS: Final = r"\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_NOT_BLANKS: Final = (
    r"\x00-\x08\x0e-\x1f!-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e\u2060-\u2fff"
    r"\u3001-\ufefe\uff00-\U0010ffff"
)
_LINE_ENDS: Final = r"\n\r\u2028\u2029"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an engine writes what JavaScript means."""

    end: str
    """The very end of a text."""
    any: str
    """A character that ends no line."""
    group: str
    """The beginning of a group with a name."""
    outside: Mapping[str, str]
    """Letter behind a backslash -> what matches the same."""
    inside: Mapping[str, str]
    """The same between brackets."""


_COMMON: Final = {"d": f"[{_DIGITS}]", "D": f"[^{_DIGITS}]", "w": f"[{_WORDS}]", "W": f"[^{_WORDS}]"}
LINEAR: Final = Dialect(
    end="$",
    any=f"[^{_LINE_ENDS}]",
    group="(?<{name}>",
    outside={
        **_COMMON,
        "s": r"[\s\uFEFF--\x85]",
        "S": r"[^\s\uFEFF--\x85]",
        "b": r"(?-u:\b)",
        "B": r"(?-u:\B)",
    },
    inside={
        "d": _DIGITS,
        "D": f"[^{_DIGITS}]",
        "w": _WORDS,
        "W": f"[^{_WORDS}]",
        "s": r"[\s\uFEFF--\x85]",
        "S": r"[^\s\uFEFF--\x85]",
    },
)
"""Rust's ``regex`` crate."""
PYTHON: Final = Dialect(
    end=r"\Z",
    any=f"[^{_LINE_ENDS}]",
    group="(?P<{name}>",
    outside={**_COMMON, "s": f"[{_BLANKS}]", "S": f"[^{_BLANKS}]", "b": r"(?a:\b)", "B": r"(?!(?a:\b))"},
    inside={"d": _DIGITS, "D": _NOT_DIGITS, "w": _WORDS, "W": _NOT_WORDS, "s": _BLANKS, "S": _NOT_BLANKS},
)
"""Python's ``re``."""
