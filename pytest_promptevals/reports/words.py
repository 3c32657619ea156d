"""Numbers and data as text, the same in every report."""

from __future__ import annotations

import json
import re
from typing import Final

from pytest_promptevals.records.json_types import Json

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible_text(text: str) -> str:
    """Return a text that a model or a stranger wrote with its control characters as escapes.

    Left as they are, they could move the cursor, hide or recolour what pytest prints.
    """
    return _CONTROLS.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


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


def count_text(count: int, noun: str) -> str:
    """Return ``1 case``, ``3 cases`` or ``2,000 cases``."""
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"
