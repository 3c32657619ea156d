"""Dividing work among processes, as evenly as it goes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def split_number(total: int, parts: int) -> list[int]:
    """Return ``parts`` whole numbers that add up to ``total`` and differ by one at most, the larger ones first."""
    share, rest = divmod(total, parts)
    return [share + (number < rest) for number in range(parts)]


def split_blocks(items: Sequence[Item], parts: int) -> list[list[Item]]:
    """Return ``parts`` blocks of neighbours."""
    blocks = []
    start = 0
    for size in split_number(len(items), parts):
        blocks.append(list(items[start : start + size]))
        start += size
    return blocks


def deal(items: Sequence[Item], parts: int) -> list[list[Item]]:
    """Return ``parts`` lists dealt like cards, so that each begins with some of the first items."""
    return [list(items[number::parts]) for number in range(parts)]


def split_groups(items: Sequence[Item], group_of: Callable[[Item], Hashable], parts: int) -> list[list[Item]]:
    """Return ``parts`` lists that break no group, each in the order of ``items``.

    The largest group goes first, each to the list that is shortest by then.
    """
    groups: dict[Hashable, list[int]] = {}
    for position, item in enumerate(items):
        groups.setdefault(group_of(item), []).append(position)
    shares: list[list[int]] = [[] for _ in range(parts)]
    for group in sorted(groups.values(), key=len, reverse=True):
        min(shares, key=len).extend(group)
    return [[items[position] for position in sorted(share)] for share in shares]
