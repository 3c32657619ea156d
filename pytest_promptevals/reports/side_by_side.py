"""Two texts beside each other, in columns of the terminal."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator
from typing import Final

from pytest_promptevals.reports.words import visible_text

_BETWEEN: Final = " | "
_CUT: Final = "..."


def side_by_side(left: str, right: str, width: int, most_rows: int | None = None) -> list[str]:
    """Return rows with both texts, none wider than ``width`` cells.

    ``most_rows`` cuts what is longer, and dots say so; ``None`` cuts nothing.
    """
    column = max((width - len(_BETWEEN)) // 2, 1)
    rows = list(itertools.zip_longest(wrap_cells(left, column), wrap_cells(right, column), fillvalue=""))
    if most_rows is not None and len(rows) > most_rows:
        left_cut, right_cut = (_CUT if any(row[side] for row in rows[most_rows - 1 :]) else "" for side in (0, 1))
        rows = [*rows[: most_rows - 1], (left_cut, right_cut)]
    return [f"{pad_cells(first, column)}{_BETWEEN}{second}".rstrip() for first, second in rows]


def wrap_cells(text: str, width: int) -> list[str]:
    """Return a text in lines of at most ``width`` cells, broken between words where there are any."""
    return [row for line in visible_text(text).expandtabs(4).splitlines() or [""] for row in _wrap_line(line, width)]


def count_cells(text: str) -> int:
    """Return how many cells of a terminal a text takes: Chinese, Japanese and Korean letters take two."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def pad_cells(text: str, width: int) -> str:
    """Return a text with spaces behind it up to ``width`` cells."""
    return text + " " * (width - count_cells(text))


def _cells(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1


def _wrap_line(line: str, width: int) -> Iterator[str]:
    row = ""
    for word in line.split(" "):
        joined = f"{row} {word}" if row else word
        if count_cells(joined) <= width:
            row = joined
            continue
        if row:
            yield row
        *whole, row = _break_word(word, width)
        yield from whole
    yield row


def _break_word(word: str, width: int) -> list[str]:
    parts = [""]
    for letter in word:
        if parts[-1] and count_cells(parts[-1]) + _cells(letter) > width:
            parts.append("")
        parts[-1] += letter
    return parts
