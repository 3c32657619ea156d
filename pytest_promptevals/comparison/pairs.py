"""Cases of a run beside those of its baseline, as columns: a line of Python for each of 100,000 takes too long."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, overload

from pytest_promptevals.comparison.scored import Before, Pair, Scored
from pytest_promptevals.records.columns import Columnar, column_of, take
from pytest_promptevals.records.comparisons import Delta
from pytest_promptevals.records.partial import SEPARATOR

Places: TypeAlias = "Sequence[int]"


def are_plain_columns(results: Sequence[Scored]) -> bool:
    """Return whether cases are kept as columns, and no judge of theirs was left out or compares with the baseline."""
    if not isinstance(results, Columnar):
        return False
    return not any(results.column("trials")) and SEPARATOR not in "".join(results.column("case_fingerprint"))


class Pairs(Sequence[Pair]):
    """Some of the cases of a run, each with one of the baseline.

    Args:
        now: cases of the run.
        before: cases of the baseline.
        places_now: which of the run's are meant, in order.
        places_before: which of the baseline's belong to them.
    """

    def __init__(
        self, now: Sequence[Scored], before: Sequence[Before], places_now: Places, places_before: Places
    ) -> None:
        self._now = now
        self._before = before
        self._places_now = _as_range(places_now)
        self._places_before = _as_range(places_before)

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> Pairs:
        """Return pairs as columns."""
        if isinstance(pairs, Pairs):
            return pairs
        places = range(len(pairs))
        return cls([pair.now for pair in pairs], [pair.before for pair in pairs], places, places)

    def now(self, name: str) -> Sequence[Any]:
        """Return an attribute of each case of the run."""
        return _take(column_of(self._now, name), self._places_now)

    def before(self, name: str) -> Sequence[Any]:
        """Return an attribute of each case of the baseline."""
        return _take(column_of(self._before, name), self._places_before)

    def take(self, places: Places) -> Pairs:
        """Return those at some places, in that order."""
        return Pairs(self._now, self._before, _take(self._places_now, places), _take(self._places_before, places))

    def __len__(self) -> int:
        return len(self._places_now)

    @overload
    def __getitem__(self, place: int) -> Pair: ...
    @overload
    def __getitem__(self, place: slice) -> Pairs: ...
    def __getitem__(self, place: int | slice) -> Pair | Pairs:
        if isinstance(place, slice):
            return self.take(range(len(self))[place])
        return Pair(self._now[self._places_now[place]], self._before[self._places_before[place]])


@dataclass(frozen=True, slots=True)
class Matched:
    """What belongs together."""

    deltas: Sequence[Delta] = ()
    """What became of each case: worse ones first, worst of all at the top."""
    pairs: Pairs = field(default_factory=lambda: Pairs.of(()))
    """The cases whose scores can be compared."""
    mean_before: float | None = None
    """Weighted mean score of those in the baseline; ``None`` if there are none."""
    mean_after: float | None = None
    """The same now."""


def _take(column: Sequence[Any], places: Places) -> Sequence[Any]:
    return column if places == range(len(column)) else take(column, places)


def _as_range(places: Places) -> Places:
    """Return the same places, as a range where they are all from the first one on: so they are known to be all."""
    everything = range(len(places))
    return everything if all(map(operator.eq, places, everything)) else places
