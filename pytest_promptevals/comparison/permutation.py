"""How likely a change is where nothing changed: the sign-flip permutation test.

If nothing changed, a case is as likely to differ in one direction as in the other. So the differences that were seen,
with every choice of their signs, are equally likely, and the share of those choices whose sum is at least the one seen
is the p-value (Fisher 1935; for pass or fail of single trials it is the exact test of McNemar 1947). Cases of a group
are not independent of each other: they change their signs together.

Where a case has other numbers of trials before and now, its difference is skewed, and flipping it would not be fair.
There the trials themselves change sides: laid in a ring of which the first ones are the baseline's, each turn of the
ring is as likely as the one seen. Turns are a group of permutations, and so the test stays exact (Hemerik and Goeman
2018).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

MOST_ENUMERATED: Final = 20_000
"""Choices that are all looked at, where there are no more."""
RESAMPLES: Final = 9_999
"""Choices that are drawn otherwise, at most: the smallest p-value that can come of it is 1 in 10,000."""
FIRST_RESAMPLES: Final = 999
"""Choices that are drawn first. Where they hold ``ENOUGH`` as extreme as the one seen, no more are drawn."""
ENOUGH: Final = 100
"""So all that comes near to a p-value of 0.1 or below is drawn in full."""
SEED: Final = 20_240_229
LEAST: Final = 1e-12
"""No p-value is smaller: sums of floats cannot tell it from 0."""

_FINEST_PART: Final = 120
_CLOSE: Final = 2e-6
"""How far a difference may be from the grid: baselines round scores to six digits."""
_PROBES: Final = 50
_SIGNS: Final = 2
"""A group whose sign flips has two choices."""
_ROUNDING: Final = 1e-9
_MOST_WORK: Final = 2_000_000
_LONGEST: Final = 1 << 21
_MOST_APART: Final = 1_024
"""Groups that are drawn one by one; of more than these, the half with the smallest differences is drawn as one."""
_CHUNK: Final = 2_000_000

Numbers: TypeAlias = npt.NDArray[np.float64]
Units: TypeAlias = npt.NDArray[np.int64]


def p_values(sums: Sequence[float] | Numbers, rings: Iterable[Numbers] = ()) -> tuple[float, float]:
    """Return how likely a sum as large as the one seen is if nothing changed, and how likely one as small, one-sided.

    Both are within ``LEAST`` and 1, and change places where all signs do.

    Args:
        sums: of each group of cases that belong together, the weighted sum of ``before - after``.
        rings: of further groups, all values that this sum could as well have had, equally likely and with a mean of 0;
            the first is the one seen. Groups with as many of them are rows of one array.

    They are exact where the differences lie on a grid, as shares of trials do, and where there are at most 20,000
    choices. Otherwise choices are drawn, always the same ones, and a p-value is never below what it ought to be
    (Phipson and Smyth 2010; drawn in two steps after Besag and Clifford 1991).
    """
    choices = _Choices.of(sums, rings)
    if not choices.rows:
        return 1.0, 1.0
    return _exact_on_grid(choices) or _enumerated(choices) or _drawn(choices)


def find_grid(values: Numbers) -> int | None:
    """Return the smallest number of parts of 1 that all values are whole numbers of, up to 120; else ``None``."""
    probes = values[:: max(1, values.size // _PROBES)]
    for parts in range(1, _FINEST_PART + 1):
        if _lie_on(probes, parts) and _lie_on(values, parts):
            return parts
    return None


def _lie_on(values: Numbers, parts: int) -> bool:
    return bool(np.all(np.abs(values - np.rint(values * parts) / parts) <= _CLOSE))


@dataclass(frozen=True, slots=True)
class _Choices:
    """What each group's sum could as well have been; groups with as many choices are rows of one array."""

    rows: dict[int, Numbers]
    """By the number of choices, with the one seen first; rows are in an order of their own, not of the cases."""

    @classmethod
    def of(cls, sums: Sequence[float] | Numbers, rings: Iterable[Numbers]) -> _Choices:
        flips = np.asarray(sums, dtype=np.float64)
        by_length: defaultdict[int, list[Numbers]] = defaultdict(list)
        for rows in (np.stack([flips, -flips], axis=1), *rings):
            differing = rows[np.abs(rows).max(axis=1) > _CLOSE]
            if differing.size:
                by_length[rows.shape[1]].append(differing)
        return cls({length: _sort_rows(np.concatenate(rows)) for length, rows in sorted(by_length.items())})

    @property
    def seen(self) -> float:
        return math.fsum(float(rows[:, 0].sum()) for rows in self.rows.values())

    @property
    def margin(self) -> float:
        """How far two sums of the same numbers may be apart, added up in another order."""
        return _ROUNDING * math.fsum(float(np.abs(rows).max(axis=1).sum()) for rows in self.rows.values())


def _sort_rows(rows: Numbers) -> Numbers:
    """Sort by the range of the choices, largest first: what is drawn for a row must not depend on order or sign."""
    return rows[np.lexsort((-np.abs(rows[:, 0]), rows.min(axis=1) - rows.max(axis=1)))]


def _exact_on_grid(choices: _Choices) -> tuple[float, float] | None:
    """Return the p-values from the distribution of the sum, ``None`` where its values lie on no grid, or on too fine.

    Its generating function is the product of those of the groups; its values at the roots of unity give it back.
    """
    parts = find_grid(np.concatenate([rows.ravel() for rows in choices.rows.values()]))
    if parts is None:
        return None
    kinds, seen = _count_kinds(choices, parts)
    divisor = math.gcd(*(unit for kind in kinds for unit in kind)) or 1
    whole = sum(max(kind) * count for kind, count in kinds.items()) // divisor
    length = 1 << (whole + 1).bit_length()
    if length > _LONGEST or length * sum(map(len, kinds)) > _MOST_WORK:
        return None
    turns = np.arange(length // 2 + 1)
    roots = np.exp(-2j * np.pi * np.arange(length) / length)
    product = np.ones(turns.size, dtype=np.complex128)
    for kind, count in kinds.items():
        mean = sum(roots[turns * (unit // divisor) % length] for unit in kind) / len(kind)
        product *= mean**count
    chances = np.clip(np.fft.irfft(product, length)[: whole + 1], 0.0, 1.0)
    place = seen // divisor
    return _bounded(float(chances[place:].sum())), _bounded(float(chances[: place + 1].sum()))


def _count_kinds(choices: _Choices, parts: int) -> tuple[Counter[tuple[int, ...]], int]:
    """Return how many groups have which choices, as whole numbers above their least, and the sum of those seen."""
    kinds: Counter[tuple[int, ...]] = Counter()
    seen = 0
    for rows in choices.rows.values():
        units: Units = np.rint(rows * parts).astype(np.int64)
        units -= units.min(axis=1, keepdims=True)
        seen += int(units[:, 0].sum())
        unique, counts = np.unique(np.sort(units, axis=1), axis=0, return_counts=True)
        for kind, count in zip(unique.tolist(), counts.tolist(), strict=True):
            kinds[tuple(kind)] += count
    return kinds, seen


def _bounded(chance: float) -> float:
    return min(1.0, max(LEAST, chance))


def _enumerated(choices: _Choices) -> tuple[float, float] | None:
    digits = sum(len(rows) * math.log(length) for length, rows in choices.rows.items())
    if digits > math.log(MOST_ENUMERATED):
        return None
    sums = np.zeros(1)
    for rows in choices.rows.values():
        for row in rows:
            sums = np.add.outer(sums, row).ravel()
    seen, margin = choices.seen, choices.margin
    return float(np.mean(sums >= seen - margin)), float(np.mean(sums <= seen + margin))


def _drawn(choices: _Choices) -> tuple[float, float]:
    source = np.random.default_rng(SEED)
    first = _count_reaching(choices, FIRST_RESAMPLES, source)
    if min(first) >= ENOUGH:
        return _share(first[0], FIRST_RESAMPLES), _share(first[1], FIRST_RESAMPLES)
    others = _count_reaching(choices, RESAMPLES - FIRST_RESAMPLES, source)
    worse, better = (
        _share(early, FIRST_RESAMPLES) if early >= ENOUGH else _share(early + late, RESAMPLES)
        for early, late in zip(first, others, strict=True)
    )
    return worse, better


def _share(reached: int, drawn: int) -> float:
    return (reached + 1) / (drawn + 1)


def _count_reaching(choices: _Choices, count: int, source: np.random.Generator) -> tuple[int, int]:
    """Return how many of the sums that are drawn are as large as the one seen, and how many as small."""
    flips, rings = np.zeros(count), np.zeros(count)
    for length, rows in choices.rows.items():
        apart, together = rows, rows[:0]
        if len(rows) > _MOST_APART:
            apart, together = rows[: _MOST_APART // 2], rows[_MOST_APART // 2 :]
        if length == _SIGNS:
            flips += _draw_flips(np.abs(apart[:, 0]), count, source)
        else:
            rings += _draw_turns(apart, count, source)
        rings += _draw_together(together, count, source)
    # The same draws serve both, with all signs changed: so the two change places where the signs do. A flip's own
    # draws need no change, since its signs are as likely as each other.
    seen, margin = choices.seen, choices.margin
    return int(np.sum(flips + rings >= seen - margin)), int(np.sum(flips - rings >= -seen - margin))


def _draw_flips(sizes: Numbers, count: int, source: np.random.Generator) -> Numbers:
    parts = []
    for rows in _chunks(count, sizes.size):
        positive = source.integers(0, 2, size=(rows, sizes.size), dtype=np.int8).astype(np.float64)
        parts.append(2 * (positive @ sizes) - sizes.sum())
    return np.concatenate(parts)


def _draw_turns(rows: Numbers, count: int, source: np.random.Generator) -> Numbers:
    groups, length = rows.shape
    numbers = np.arange(groups)
    return np.concatenate(
        [rows[numbers, source.integers(0, length, size=(size, groups))].sum(axis=1) for size in _chunks(count, groups)]
    )


def _chunks(count: int, groups: int) -> Iterator[int]:
    size = max(1, _CHUNK // groups)
    for start in range(0, count, size):
        yield min(size, count - start)


def _draw_together(rows: Numbers, count: int, source: np.random.Generator) -> Numbers:
    """Draw the sum of many small differences: it is normal but for its skewness (Cornish and Fisher 1938)."""
    if not rows.size:
        return np.zeros(count)
    variance = float(np.mean(rows**2, axis=1).sum())
    skewness = float(np.mean(rows**3, axis=1).sum()) / variance**1.5
    normal = source.standard_normal(count)
    return np.asarray(math.sqrt(variance) * (normal + skewness / 6 * (normal**2 - 1)))
