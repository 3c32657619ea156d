"""The order in which cases are run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from pytest_promptevals.records.facts import CaseFacts

CHUNK: Final = 10
"""Cases that one eval file and model runs before it is the next one's turn, where the order is ``chunked``."""


@dataclass(frozen=True, slots=True)
class OrderKey:
    """What a strategy may look at."""

    key: str
    """``file::name``: what the case's results are recorded under."""
    file: str
    """Its eval file."""
    model: str = ""
    """``provider/model`` that it is put to."""
    priority: int = 0
    """Higher runs earlier where the order is by priority."""


Facts: TypeAlias = Mapping[str, CaseFacts]
"""What the history knows, by ``OrderKey.key``; a case that was never run is not in it."""

FROM_HISTORY: Final = frozenset({"failed-first", "cheapest-first"})
"""Strategies that ask the history."""
BY_RANK: Final = frozenset({"priority", *FROM_HISTORY})
"""Strategies that put what matters most in front, whatever eval file it is of."""


def order_cases(keys: Sequence[OrderKey], strategy: str, facts: Facts) -> list[int]:
    """Return the positions of the cases in the order of a strategy; what it does not tell apart stays as it was.

    - ``fifo``: as they are.
    - ``priority``: the highest first.
    - ``failed-first``: those that failed or ended as errors last time, then those never run, then the others.
    - ``cheapest-first``: by their mean cost; those whose cost is not known come last.
    - ``chunked``: eval files and models take turns, ``CHUNK`` cases at a time.

    Raises ``KeyError`` for a strategy that there is not.
    """
    return _STRATEGIES[strategy](keys, facts)


def _fifo(keys: Sequence[OrderKey], _facts: Facts) -> list[int]:
    return list(range(len(keys)))


def _priority(keys: Sequence[OrderKey], _facts: Facts) -> list[int]:
    return sorted(range(len(keys)), key=lambda position: -keys[position].priority)


def _failed_first(keys: Sequence[OrderKey], facts: Facts) -> list[int]:
    def rank(position: int) -> int:
        known = facts.get(keys[position].key)
        if known is None or known.failed is None:
            return 1
        return 0 if known.failed else 2

    return sorted(range(len(keys)), key=rank)


def _cheapest_first(keys: Sequence[OrderKey], facts: Facts) -> list[int]:
    def rank(position: int) -> tuple[bool, float]:
        known = facts.get(keys[position].key)
        if known is None or known.cost is None:
            return True, 0.0
        return False, known.cost

    return sorted(range(len(keys)), key=rank)


def _chunked(keys: Sequence[OrderKey], _facts: Facts) -> list[int]:
    groups: dict[tuple[str, str], list[int]] = {}
    for position, key in enumerate(keys):
        groups.setdefault((key.file, key.model), []).append(position)
    return list(_take_turns(list(groups.values())))


def _take_turns(groups: list[list[int]]) -> Iterator[int]:
    start = 0
    while groups:
        for group in groups:
            yield from group[start : start + CHUNK]
        start += CHUNK
        groups = [group for group in groups if len(group) > start]


_STRATEGIES: Final[Mapping[str, Callable[[Sequence[OrderKey], Facts], list[int]]]] = {
    "fifo": _fifo,
    "priority": _priority,
    "failed-first": _failed_first,
    "cheapest-first": _cheapest_first,
    "chunked": _chunked,
}
