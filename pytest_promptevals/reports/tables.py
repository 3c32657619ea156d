"""Tables of text for a terminal, as narrow as they can be."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from pytest_promptevals.reports.cells import count_cells, pad_cells
from pytest_promptevals.reports.words import visible_line


def text_table(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> str:
    """Return a table with two spaces between its columns; those of the headers in ``right`` are aligned to the right.

    Control characters are shown as escapes.
    Tabulate leaves room for two characters more than a header has, which a table of ten columns has not to spare.
    """
    shown = [headers, *([visible_line(cell) for cell in row] for row in rows)]
    rules = ["-" * width for width in column_widths(shown)]
    return "\n".join(align_rows([headers, rules, *shown[1:]], [header in right for header in headers]))


def column_widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return how many cells each column takes."""
    return [max(map(count_cells, column)) for column in zip(*rows, strict=True)]


def align_rows(rows: Sequence[Sequence[str]], are_right: Sequence[bool]) -> Iterator[str]:
    """Yield the lines of a table without rules, two spaces between its columns.

    ``are_right`` says of each column whether it is aligned to the right. Texts must not hold control characters.
    """
    widths = column_widths(rows)
    for row in rows:
        cells = zip(row, widths, are_right, strict=True)
        yield "  ".join(pad_cells(text, -width if is_right else width) for text, width, is_right in cells).rstrip()
