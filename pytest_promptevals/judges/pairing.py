"""Pairing wanted items with found ones where the order does not matter."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

Wanted = TypeVar("Wanted")
Found = TypeVar("Found")


def pair_items(
    wanted: Sequence[Wanted], found: Sequence[Found], accepts: Callable[[Wanted, Found], bool]
) -> dict[int, int]:
    """Return the largest possible set of pairs, as index in ``wanted`` to index in ``found``.

    One item may accept several others, so first come, first served could leave an item alone that another choice
    would have paired: augmenting paths (Berge 1957) find the way out.
    """
    pairing = _Pairing(wanted, found, accepts)
    for index in range(len(wanted)):
        pairing.place(index)
    return pairing.pairs


class _Pairing(Generic[Wanted, Found]):
    def __init__(
        self, wanted: Sequence[Wanted], found: Sequence[Found], accepts: Callable[[Wanted, Found], bool]
    ) -> None:
        self._wanted = wanted
        self._found = found
        self._accepts = accepts
        self._owners: dict[int, int] = {}
        self.pairs: dict[int, int] = {}

    def place(self, start: int) -> None:
        """Pair one more wanted item if that is possible, moving others to another partner where needed."""
        reached_from: dict[int, int] = {}
        waiting = deque([start])
        while waiting:
            index = waiting.popleft()
            for place in self._candidates(index):
                if place in reached_from or not self._accepts(self._wanted[index], self._found[place]):
                    continue
                reached_from[place] = index
                if place not in self._owners:
                    self._move(place, reached_from)
                    return
                waiting.append(self._owners[place])

    def _candidates(self, index: int) -> Iterator[int]:
        # The item of the same place first: in equal lists it is the partner.
        if index < len(self._found):
            yield index
        yield from (place for place in range(len(self._found)) if place != index)

    def _move(self, place: int | None, reached_from: dict[int, int]) -> None:
        while place is not None:
            index = reached_from[place]
            self._owners[place] = index
            left = self.pairs.get(index)
            self.pairs[index] = place
            place = left
