"""Cells of a terminal: Chinese, Japanese and Korean letters and emoji take two of them, accents none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_CUT: Final = "..."
_MOST: Final = 5000
"""Characters of a single text that a terminal is shown: more is no text that anybody reads."""


def count_cells(text: str) -> int:
    """Return how many cells a text without control characters takes."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # noqa: PLC0415 - mostly, there is nothing but ASCII

    cells = wcswidth(text)
    return cells if cells >= 0 else len(text)  # of what no terminal can show, nobody knows


def pad_cells(text: str, width: int) -> str:
    """Return a text with spaces behind it up to ``width`` cells; before it if the width is negative."""
    spaces = " " * (abs(width) - count_cells(text))
    return text + spaces if width > 0 else spaces + text


def shorten_left(text: str, width: int) -> str:
    """Return the end of a text, after dots where it takes more than ``width`` cells."""
    if count_cells(text) <= width:
        return text
    # No letter takes more than two cells, and few take none: what is far away need not be looked at.
    end = text[-8 * width :]
    while count_cells(end) > width - len(_CUT):
        end = end[1:]
    return _CUT + end


def shorten_right(text: str, width: int) -> str:
    """Return the begin of a text, dots behind it where it takes more than ``width`` cells."""
    begin = text[: 8 * width]
    if len(begin) == len(text) and count_cells(text) <= width:
        return text
    while count_cells(begin) > width - len(_CUT):
        begin = begin[:-1]
    return begin + _CUT


def cut_long(text: str) -> str:
    """Return the begin of a text that is longer than a terminal should be shown, and how much is left out."""
    return text if len(text) <= _MOST else f"{text[:_MOST]}{_CUT} ({len(text) - _MOST:,} more characters)"


def break_word(word: str, width: int) -> Iterator[str]:
    """Yield a word in parts of at most ``width`` cells; a letter that takes more is a part of its own."""
    start = 0
    while start < len(word):
        end = start + max(width, 1)
        while end > start + 1 and (cells := count_cells(word[start:end])) > width:
            end -= max(1, (cells - width) // 2)  # no letter takes more than two
        while end < len(word) and count_cells(word[end]) == 0:
            end += 1
        yield word[start:end]
        start = end
