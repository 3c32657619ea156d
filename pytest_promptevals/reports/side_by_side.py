"""Two texts beside each other, in columns of the terminal."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

from pytest_promptevals.reports.cells import break_word, count_cells, pad_cells
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


def _wrap_line(line: str, width: int) -> Iterator[str]:
    row = ""
    for word in line.split(" "):
        joined = f"{row} {word}" if row else word
        if count_cells(joined) <= width:
            row = joined
            continue
        if row:
            yield row
        *whole, row = break_word(word, width) if word else ("",)
        yield from whole
    yield row
