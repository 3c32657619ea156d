"""What stands around an answer before it is read: the thoughts that some servers leave in it, and marks of code."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

_THOUGHT_MARK: Final = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)
_LONGEST_ANSWER: Final = 200_000
_FENCE: Final = re.compile(r"`{2,}+")


def part_thoughts(text: str) -> tuple[str, str]:
    """Return what stands before a mark that ends thoughts which nothing began, and the answer.

    Raises ``ValueError`` if nothing is left of the answer, or it is far too long.
    """
    if len(text) > _LONGEST_ANSWER:
        raise ValueError(f"it is {len(text):,} characters long")
    thoughts, text = _split(text)
    text = text.strip()
    if text.startswith('"'):
        try:
            inner = json.loads(text)
        except ValueError:
            return thoughts, text
        text = inner if isinstance(inner, str) else text
    if not text:
        raise ValueError("it is empty")
    return thoughts, text


def _split(text: str) -> tuple[str, str]:
    """Part thoughts at the start from what follows.

    Some servers leave out their first mark: then the last has its line. Further on, or in a line,
    the marks may be quoted.
    """
    mark = _THOUGHT_MARK.search(text)
    if mark is None:
        return "", text
    before = text[: mark.start()]
    if not mark[1]:
        if before.strip():
            return "", text
        closing = next((found for found in _THOUGHT_MARK.finditer(text, mark.end()) if found[1]), None)
        return "", "" if closing is None else text[closing.end() :]
    line_before, line_behind = before.rpartition("\n"), text[mark.end() :].partition("\n")
    has_line = line_before[1] and line_behind[1] and not line_before[2].strip() and not line_behind[0].strip()
    return (before, line_behind[2]) if has_line and "{" not in before else ("", text)


def check_code_marks(text: str, objects: Sequence[tuple[int, int]]) -> None:
    """Raise ``ValueError`` if a text opens inline code and does not close it; what is in its objects is left aside."""
    places = [0, *(end for _, end in objects)], [*(start for start, _ in objects), len(text)]
    outside = "".join(text[start:end] for start, end in zip(*places, strict=True))
    if _FENCE.sub("", outside).count("`") % 2:
        raise ValueError("it holds a quotation in ` that is not closed")
