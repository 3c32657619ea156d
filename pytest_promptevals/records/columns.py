"""Items that may be kept as columns: of 100,000, a line of Python for each takes too long."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, overload, runtime_checkable

_FEWEST_TAKEN: Final = 2
"""Items that ``itemgetter`` returns as a sequence."""


@runtime_checkable
class Columnar(Protocol):
    """Items that are kept as columns, and that become rows where somebody looks at one."""

    def column(self, name: str) -> Sequence[Any]:
        """Return what the attribute of that name is of each of them."""


def column_of(items: Sequence[object], name: str) -> Sequence[Any]:
    """Return what an attribute is of each item."""
    return items.column(name) if isinstance(items, Columnar) else list(map(operator.attrgetter(name), items))


def take(column: Sequence[Any], places: Sequence[int]) -> Sequence[Any]:
    """Return what a column has at some places, in their order."""
    if isinstance(column, Mappings):
        return column.take(places)
    if len(places) < _FEWEST_TAKEN:
        return [column[place] for place in places]
    taken: Sequence[Any] = operator.itemgetter(*places)(column)
    return taken


class Mappings(Sequence[Mapping[str, float]]):
    """Mappings that all have the same keys, kept as a column for each key.

    Args:
        columns: the values of each key; at least one key.
    """

    def __init__(self, columns: Mapping[str, Sequence[float]]) -> None:
        self.columns = columns

    def take(self, places: Sequence[int]) -> Mappings:
        """Return those at some places, in their order."""
        return Mappings({key: take(column, places) for key, column in self.columns.items()})

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __iter__(self) -> Iterator[Mapping[str, float]]:
        return (dict(zip(self.columns, row, strict=True)) for row in zip(*self.columns.values(), strict=True))

    @overload
    def __getitem__(self, place: int) -> Mapping[str, float]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Mapping[str, float]]: ...
    def __getitem__(self, place: int | slice) -> Mapping[str, float] | Sequence[Mapping[str, float]]:
        if isinstance(place, slice):
            return Mappings({key: column[place] for key, column in self.columns.items()})
        return {key: column[place] for key, column in self.columns.items()}


def columns_by_key(mappings: Sequence[Mapping[str, float]]) -> Mapping[str, Sequence[float | None]]:
    """Return the values of each key in its order, ``None`` for a mapping that does not have it."""
    if isinstance(mappings, Mappings):
        return {key: mappings.columns[key] for key in sorted(mappings.columns)}
    keys = sorted(set(itertools.chain.from_iterable(mappings)))
    return {key: [one.get(key) for one in mappings] for key in keys}
