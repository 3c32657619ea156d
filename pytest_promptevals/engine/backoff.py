"""How long to wait before asking again a server that failed or refused."""

from __future__ import annotations

import random
from typing import Final

LONGEST: Final = 30.0
"""Seconds that no single wait exceeds."""
_MOST_DOUBLINGS: Final = 20


def back_off(base: float, doublings: int, chance: random.Random) -> float:
    """Return seconds to wait, drawn evenly from 0 to ``base`` doubled so many times, at most ``LONGEST``.

    This is the "full jitter" of M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015: calls that
    failed together do not come back together.
    """
    return chance.uniform(0.0, min(LONGEST, base * 2 ** min(doublings, _MOST_DOUBLINGS)))
