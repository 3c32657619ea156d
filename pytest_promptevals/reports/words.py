"""Numbers and data as text, the same in every report."""

from __future__ import annotations

import json
import re
from typing import Final

from pytest_promptevals.records.json_types import Json
from pytest_promptevals.reports.unseen import escape_unseen, escape_unseen_in_json

_BREAKS: Final = re.compile(r"\s+")


def visible_text(text: str) -> str:
    """Return a text that a model or a stranger wrote with the characters that nobody sees as escapes.

    Left as they are, they could move the cursor, hide, recolour or turn round what pytest prints.
    """
    return escape_unseen(text)


def visible_line(text: str) -> str:
    """Return the same as one line: line ends and tabs are escapes, too."""
    return visible_text(text).replace("\n", "\\n").replace("\t", "\\t")


def one_line(text: str, longest: int | None = None) -> str:
    """Return a text in one line, with an ellipsis where it is longer than that."""
    # Of a text of a megabyte, no more is looked at than can be shown.
    head = text if longest is None else text[: 4 * longest]
    line = _BREAKS.sub(" ", visible_text(_BREAKS.sub(" ", head))).strip()
    if longest is None or (len(line) <= longest and len(head) == len(text)):
        return line
    return f"{line[: longest - 1].rstrip()}…"


def score_text(score: float | None) -> str:
    """Return a score with two decimals; only what is all of 1 or 0 is shown as such."""
    if score is None:
        return "none"
    if 0.0 < score < 1.0:
        return f"{min(max(score, 0.01), 0.99):.2f}"
    return f"{score:.2f}"


def json_text(data: Json, indent: int | None = None) -> str:
    """Return plain data as readable JSON."""
    return json.dumps(data, ensure_ascii=False, indent=indent)


def portable_json(data: object, indent: int | None = None) -> str:
    """Return plain data as JSON without characters that nobody sees: harmless in a terminal, it means the same."""
    return escape_unseen_in_json(json.dumps(data, ensure_ascii=False, indent=indent))


def count_text(count: int, noun: str) -> str:
    """Return ``1 case``, ``3 cases`` or ``2,000 cases``."""
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"
