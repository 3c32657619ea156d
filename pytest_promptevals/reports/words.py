"""Numbers and data as text, the same in every report."""

from __future__ import annotations

import json

from pytest_promptevals.records.json_types import Json


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


def money_text(cost: float | None) -> str:
    """Return US dollars; an unknown cost is unknown, never $0."""
    if cost is None:
        return "unknown"
    return f"${cost:.2f}" if cost >= 1 or cost == 0 else f"${cost:.4f}"


def count_text(count: int, noun: str) -> str:
    """Return ``1 case`` or ``3 cases``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
