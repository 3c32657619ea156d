"""Rows as CSV that a spreadsheet opens without running what a stranger wrote."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import Final, TextIO, TypeAlias

Cell: TypeAlias = "str | int | float | bool | None"
"""A value of one cell; ``None`` leaves it empty."""

_FORMULA: Final = tuple("=+-@＝＋－＠")  # noqa: RUF001 - signs of full width are meant
"""What a spreadsheet takes for the beginning of a formula, behind white space, too (OWASP, "CSV Injection")."""

_BLANKS: Final = frozenset("\t\r\n")
"""What a spreadsheet may leave out at the beginning of a cell, to see a formula behind it."""


def write_csv(stream: TextIO, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a header and rows, one at a time.

    Texts that a spreadsheet would run as a formula get an apostrophe in front; numbers stay numbers. Line ends within
    texts are newlines. The stream must leave line ends as they are.
    """
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([_safe(name) for name in header])
    writer.writerows([_safe(cell) for cell in row] for row in rows)


def _safe(cell: Cell) -> str | int | float | None:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if not isinstance(cell, str):
        return cell
    # Python quotes no carriage return here, and a reader would begin a new row at it: with the formula behind it.
    lines = cell.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{lines}" if cell[:1] in _BLANKS or cell.lstrip().startswith(_FORMULA) else lines
