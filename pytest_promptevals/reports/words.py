"""Numbers and data as text, the same in every report."""

from __future__ import annotations

import json
import re
from typing import Final

from pytest_promptevals.records.json_types import Json

_BREAKS: Final = re.compile(r"\s+")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible_text(text: str) -> str:
    """Return a text that a model or a stranger wrote with its control characters as escapes.

    Left as they are, they could move the cursor, hide or recolour what pytest prints.
    """
    return _CONTROLS.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


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
    """Return plain data as JSON without any control character, which is harmless in a terminal and means the same."""
    text = json.dumps(data, ensure_ascii=False, indent=indent)
    return _CONTROLS.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def count_text(count: int, noun: str) -> str:
    """Return ``1 case``, ``3 cases`` or ``2,000 cases``."""
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"
