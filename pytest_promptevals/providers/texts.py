"""Texts of servers, made fit for a message."""

from __future__ import annotations

import re
from typing import Final

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_LONGEST_MESSAGE: Final = 300


def clean_text(text: str) -> str:
    """Return the text with lone surrogates, which can be neither printed nor stored, replaced."""
    return text if text.isascii() else _SURROGATE.sub(_REPLACEMENT, text)


def shorten(text: str, limit: int = _LONGEST_MESSAGE) -> str:
    """Return the text on one line, cut where it is longer than the limit."""
    line = " ".join(clean_text(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
