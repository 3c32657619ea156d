"""Lines of terminal text, and how long texts are brought into them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pytest_promptevals.reports.cells import break_word, count_cells, cut_long
from pytest_promptevals.reports.words import visible_line, visible_text

_PARTS: Final = re.compile(r"(\s*)(\S+)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a report. Whatever it is made of, its text has no control character and no line end, and an end."""

    text: str
    """Without a line end."""
    markup: dict[str, bool] = field(default_factory=dict)
    """pytest's words for colours."""
    marked_from: int = 0
    """Where in the text the colours begin."""

    def __post_init__(self) -> None:
        """Show control characters as escapes."""
        object.__setattr__(self, "text", visible_line(cut_long(self.text)))


def fill_lines(text: str, width: int, indent: str = "  ") -> list[str]:
    """Return a text broken into lines of that many cells, all but the first indented; control characters are escapes.

    Long words are left whole, so that paths and commands can be copied; but for words of wide letters, which need no
    spaces between them.
    """
    shown = visible_text(cut_long(text))
    if not shown.isascii():
        return list(_fill_cells(shown, width, indent))
    return textwrap.wrap(shown, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _fill_cells(text: str, width: int, indent: str) -> Iterator[str]:
    row, lead = "", ""
    for number, found in enumerate(_PARTS.finditer(text.expandtabs())):
        gap, word = " " * len(found[1]), found[2]
        if (row or number == 0) and count_cells(lead + row + gap + word) <= width:
            row += gap + word
            continue
        if row:
            yield lead + row
            lead = indent
        *whole, row = _parts_of(word, width - len(lead), width - len(indent))
        for part in whole:
            yield lead + part
            lead = indent
    if row:
        yield lead + row


def _parts_of(word: str, first: int, others: int) -> list[str]:
    if count_cells(word) <= max(len(word), first):  # of narrow letters, or short
        return [word]
    return list(break_word(word, min(first, others)))
