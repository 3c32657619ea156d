"""Tables of text for a terminal, as narrow as they can be."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence


def text_table(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> str:
    """Return a table with two spaces between its columns; those of the headers in ``right`` are aligned to the right.

    Tabulate leaves room for two characters more than a header has, which a table of ten columns has not to spare.
    """
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    lines = [headers, ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(_align(headers, line, widths, right)).rstrip() for line in lines)


def _align(headers: Sequence[str], line: Sequence[str], widths: Sequence[int], right: Collection[str]) -> Iterator[str]:
    for header, text, width in zip(headers, line, widths, strict=True):
        yield text.rjust(width) if header in right else text.ljust(width)
