"""Lines of terminal text, and how long texts are brought into them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a report."""

    text: str
    """Without a line end."""
    markup: dict[str, bool] = field(default_factory=dict)
    """pytest's words for colours."""


def fill_lines(text: str, width: int, indent: str = "  ") -> list[str]:
    """Return a text broken into lines of that width, all but the first indented; long words are left whole."""
    return textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def shorten_left(text: str, width: int) -> str:
    """Return the end of a text, after dots where it is longer than ``width``."""
    return text if len(text) <= width else "..." + text[-(width - 3) :]
