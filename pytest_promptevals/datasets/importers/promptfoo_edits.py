"""promptfoo's number of edits and the share of the judge ``levenshtein``, one from the other."""

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

    One edit too many has to miss it, also in an output that is longer by those very edits.
    """
    return all(1 - (edits + 1) / (length + more) < share for more in range(edits + 2) if length + more)
