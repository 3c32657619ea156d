"""Numbers over time as a line of blocks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_PLAIN: Final = "_.-:=+*#"
_GAP: Final = " "


def sparkline(values: Sequence[float | None], width: int, encoding: str = "utf-8", span: float = 0.0) -> str:
    """Return a line of at most ``width`` characters, the lowest value at the bottom and the highest at the top.

    Each stands for one value, or for the mean of some where there are more than there is room. ``None`` is a gap.
    Where the ``encoding`` has no blocks, signs of ASCII take their place; equal values are in the middle.
    With a ``span``, the bottom is at least so far below the highest value.
    """
    points = _condense(values, width)
    known = [value for value in points if value is not None]
    if not known:
        return _GAP * len(points)
    signs = _BLOCKS if has_blocks(encoding) else _PLAIN
    high = max(known)
    low = min(*known, high - span)
    return "".join(_GAP if value is None else signs[_level(value, low, high)] for value in points)


def has_blocks(encoding: str) -> bool:
    """Return whether text of an encoding can hold the blocks."""
    try:
        _BLOCKS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _condense(values: Sequence[float | None], width: int) -> list[float | None]:
    if len(values) <= width:
        return list(values)
    edges = [place * len(values) // width for place in range(width + 1)]
    return [_mean(values[start:end]) for start, end in itertools.pairwise(edges)]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _level(value: float, low: float, high: float) -> int:
    top = len(_BLOCKS) - 1
    if high == low:
        return top // 2
    return min(top, int((value - low) / (high - low) * (top + 1)))
