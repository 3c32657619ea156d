"""Pieces of outputs for explanations: short, on one line, safe to print."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from pytest_promptevals.records.json_types import Json

LIMIT: Final = 80
"""Characters that are shown of one text."""
ITEMS: Final = 3
"""Items that are shown of one list."""
_MARGIN: Final = 20


def quote(text: str, limit: int = LIMIT) -> str:
    r"""Return the text in double quotes, cut after ``limit`` characters, with line ends and the like as ``\n``."""
    shown = text[:limit]
    if '"' in shown or not shown.isprintable():
        shown = "".join(map(_escape, shown))
    return f'"{shown}…"' if len(text) > limit else f'"{shown}"'


def quote_end(text: str, limit: int = LIMIT) -> str:
    """Return the last ``limit`` characters of the text in double quotes."""
    return quote(text) if len(text) <= limit else f'"…{quote(text[-limit:])[1:]}'


def clip(text: str, limit: int = LIMIT) -> str:
    """Return the text without quotes, cut after ``limit`` characters."""
    shown = text[:limit]
    if not shown.isprintable():
        shown = "".join(character if character.isprintable() else _escape(character) for character in shown)
    return f"{shown}…" if len(text) > limit else shown


def show_json(value: Json, limit: int = LIMIT) -> str:
    """Return plain data as one line of JSON, cut after ``limit`` characters."""
    if isinstance(value, str):
        return quote(value, limit)
    return clip(json.dumps(value, ensure_ascii=False, default=repr), limit)


def count_noun(count: int, noun: str) -> str:
    """Return a number with its noun: ``1 word``, ``2 words``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def list_some(items: Sequence[str]) -> str:
    """Return the first items, separated by commas, and how many more there are."""
    shown = ", ".join(items[:ITEMS])
    return shown if len(items) <= ITEMS else f"{shown} and {len(items) - ITEMS:,} more"


def quote_some(texts: Sequence[str]) -> str:
    """Return the first texts in quotes, and how many more there are."""
    return list_some([*map(quote, texts[:ITEMS]), *texts[ITEMS:]])


def quote_any(texts: Sequence[str]) -> str:
    """Return the texts of which any one would do."""
    return quote(texts[0]) if len(texts) == 1 else f"one of {quote_some(texts)}"


def show_output(text: str) -> str:
    """Return what stands for an output in a sentence: ``the output "text"``, its length where it is cut."""
    if not text:
        return "the empty output"
    if len(text) <= LIMIT:
        return f"the output {quote(text)}"
    return f"the output {quote(text)} ({count_noun(len(text), 'character')})"


def show_difference(expected: str, output: str) -> str:
    """Return two texts that are not equal side by side, long ones around the first difference."""
    if len(expected) <= LIMIT and len(output) <= LIMIT:
        return f"expected {quote(expected)}, got {quote(output)}"
    place = _first_difference(expected, output)
    start = max(0, place - _MARGIN)
    return (
        f"differs from character {place + 1:,} on: "
        f"expected {_quote_from(expected, start)}, got {_quote_from(output, start)}"
    )


def _first_difference(first: str, second: str) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(first), len(second)))


def _quote_from(text: str, start: int) -> str:
    return f'"…{quote(text[start:])[1:]}' if start else quote(text)


def _escape(character: str) -> str:
    if character == '"':
        return '\\"'
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
