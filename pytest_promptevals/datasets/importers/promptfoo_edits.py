"""How near texts are: promptfoo's number of edits and our share of them, and texts whose case is told otherwise."""

from __future__ import annotations

import math
from typing import Final

_SCALE: Final = 10_000


def least_share(edits: int, length: int) -> float:
    """Return the threshold of the judge that allows so many edits of a text of that length, rounded down."""
    return max(0.0, math.floor((1 - edits / max(length, 1)) * _SCALE) / _SCALE)


def allowed_edits(share: float, length: int) -> int:
    """Return how many edits of a text of that length a threshold allows."""
    # A share is rounded down to four digits, and 1 - 0.8 is a little less than 0.2.
    return math.floor((1 - share) * max(length, 1) + 1e-9)


def is_exact(share: float, edits: int, length: int) -> bool:
    """Return whether a threshold says the same as a number of edits of a text of that length.

    One edit too many has to miss it, also in an output that is longer by those very edits: it reaches the most there.
    """
    longest = length + edits + 1
    return 1 - (edits + 1) / longest < share


def is_folded(text: str) -> bool:
    """Return whether a text may be found without regard to case where its small letters are not found.

    promptfoo compares small letters, our judges what Unicode folds: ``ss`` and sharp s are the same, and both sigmas.
    """
    small = text.lower()
    return "ss" in small or small != text.casefold() or small != text.upper().lower()
