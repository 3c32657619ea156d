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

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

MOST_ENUMERATED: Final = 20_000
"""Choices that are all looked at, where there are no more."""
DRAWS: Final = ((999, 100), (9_999, 10), (99_999, 0))
"""Choices that are drawn otherwise, step by step: up to how many, and how many as extreme as the one seen are enough to
draw no more. A p-value that matters for one gate is so of 10,000 choices, and one for hundreds of gates of 100,000."""
SEED: Final = 20_240_229
LEAST: Final = 1e-12
"""No p-value is smaller: sums of floats cannot tell it from 0."""

_FINEST_PART: Final = 120
_CLOSE: Final = 2e-6
"""How far a difference may be from the grid: baselines round scores to six digits."""
_PROBES: Final = 50
_ROUNDING: Final = 1e-9
_MOST_WORK: Final = 2_000_000
_LONGEST: Final = 1 << 21
_MOST_AT_ONCE: Final = 10_000
"""Sums that are drawn in one step: so many of very many groups take some 10 MB."""
_MOST_APART: Final = 512
"""Groups that are drawn one by one; of more than these, the half with the smallest differences is drawn as one."""
_LARGEST_BLOCK: Final = 4_096

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
    (Phipson and Smyth 2010; drawn in steps after Besag and Clifford 1991).
    """
    choices = _Choices.of(sums, rings)
    if choices.are_none:
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
    """What each group's sum could as well have been, in an order of sizes: that of the cases must change nothing."""

    flips: Numbers
    """How far from 0 the groups are whose sign may flip, largest first."""
    seen_flips: float
    """The sum of those that was seen."""
    rings: dict[int, Numbers]
    """The values of other groups, by how many there are, in rows that begin with the one seen."""

    @classmethod
    def of(cls, sums: Sequence[float] | Numbers, rings: Iterable[Numbers]) -> _Choices:
        flips = np.asarray(sums, dtype=np.float64)
        sizes = np.abs(flips)
        by_length: defaultdict[int, list[Numbers]] = defaultdict(list)
        for rows in rings:
            by_length[rows.shape[1]].append(rows[np.abs(rows).max(axis=1) > _CLOSE])
        sorted_rings = {length: _sort_rows(np.concatenate(rows)) for length, rows in sorted(by_length.items())}
        return cls(
            np.sort(sizes[sizes > _CLOSE])[::-1],
            float(flips[sizes > _CLOSE].sum()),
            {length: rows for length, rows in sorted_rings.items() if len(rows)},
        )

    @property
    def are_none(self) -> bool:
        return not self.flips.size and not self.rings

    @property
    def seen(self) -> float:
        return math.fsum([self.seen_flips, *(float(rows[:, 0].sum()) for rows in self.rings.values())])

    @property
    def margin(self) -> float:
        """How far two sums of the same numbers may be apart, added up in another order."""
        of_rings = sum(float(np.abs(rows).max(axis=1).sum()) for rows in self.rings.values())
        return _ROUNDING * (float(self.flips.sum()) + of_rings)


def _sort_rows(rows: Numbers) -> Numbers:
    """Sort by the range of the choices, largest first."""
    return rows[np.lexsort((-np.abs(rows[:, 0]), rows.min(axis=1) - rows.max(axis=1)))]


def _exact_on_grid(choices: _Choices) -> tuple[float, float] | None:
    """Return the p-values from the distribution of the sum, ``None`` where its values lie on no grid, or on too fine.

    Its generating function is the product of those of the groups; its values at the roots of unity give it back.
    """
    parts = find_grid(np.concatenate([choices.flips, *(rows.ravel() for rows in choices.rings.values())]))
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
    sizes, counts = np.unique(np.rint(choices.flips * parts).astype(np.int64), return_counts=True)
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        kinds[0, 2 * size] += count
    seen = round(choices.seen_flips * parts) + int(sizes @ counts)
    for rows in choices.rings.values():
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
    digits = choices.flips.size * math.log(2) + sum(len(rows) * math.log(n) for n, rows in choices.rings.items())
    if digits > math.log(MOST_ENUMERATED):
        return None
    sums = np.zeros(1)
    for row in itertools.chain(_signs_of(choices.flips), *choices.rings.values()):
        sums = np.add.outer(sums, row).ravel()
    seen, margin = choices.seen, choices.margin
    return float(np.mean(sums >= seen - margin)), float(np.mean(sums <= seen + margin))


def _signs_of(sizes: Numbers) -> Numbers:
    return np.stack([sizes, -sizes], axis=1)


def _drawn(choices: _Choices) -> tuple[float, float]:
    source = np.random.default_rng(SEED)
    draws = _Draws(choices)
    reached, found, drawn = [0, 0], [0.0, 0.0], 0
    for total, enough in DRAWS:
        counts = draws.count_reaching(total - drawn, source)
        drawn = total
        for side in (0, 1):
            if not found[side]:
                reached[side] += counts[side]
                found[side] = _share(reached[side], total) if reached[side] >= enough else 0.0
        if all(found):
            break
    return found[0], found[1]


def _share(reached: int, drawn: int) -> float:
    return (reached + 1) / (drawn + 1)


class _Draws:
    """Draws sums of one choice of each group, at random."""

    def __init__(self, choices: _Choices) -> None:
        self._seen, self._margin = choices.seen, choices.margin
        self._flips = _Sums(_signs_of(choices.flips))
        self._rings = [_Sums(rows) for rows in choices.rings.values()]

    def count_reaching(self, count: int, source: np.random.Generator) -> tuple[int, int]:
        """Return how many of so many sums are as large as the one seen, and how many as small."""
        sizes = [min(_MOST_AT_ONCE, count - start) for start in range(0, count, _MOST_AT_ONCE)]
        worse, better = zip(*(self._count_some(size, source) for size in sizes), strict=True)
        return sum(worse), sum(better)

    def _count_some(self, count: int, source: np.random.Generator) -> tuple[int, int]:
        flips = self._flips.draw(count, source)
        rings = sum((sums.draw(count, source) for sums in self._rings), np.zeros(count))
        # The same draws serve both, with all signs changed: so the two change places where the signs do. Those of
        # flips need no change, since they are as likely as each other.
        worse, better = self._seen - self._margin, -self._seen - self._margin
        return int(np.sum(flips + rings >= worse)), int(np.sum(flips - rings >= better))


class _Sums:
    """The sums that one choice of each row can have. Of very many rows, those of the smallest are drawn as one.

    The sum of many small differences is normal but for its skewness (Cornish and Fisher 1938). The others are drawn in
    blocks of which all sums are known.
    """

    def __init__(self, rows: Numbers) -> None:
        apart = len(rows) if len(rows) <= _MOST_APART else _MOST_APART // 2
        self._tables = _sums_of_blocks(rows[:apart])
        values = rows[apart:].ravel()
        self._variance = float(values @ values) / rows.shape[1]
        self._skewness = float(values**2 @ values) / rows.shape[1] / (self._variance**1.5 or 1.0)

    def draw(self, count: int, source: np.random.Generator) -> Numbers:
        """Return so many of them."""
        blocks, size = self._tables.shape
        picks = source.integers(0, size, size=(count, blocks))
        picks += np.arange(0, blocks * size, size)
        sums = self._tables.take(picks).sum(axis=1)
        if self._variance:
            normal = source.standard_normal(count)
            sums += math.sqrt(self._variance) * (normal + self._skewness / 6 * (normal**2 - 1))
        return np.asarray(sums)


def _sums_of_blocks(rows: Numbers) -> Numbers:
    """Return all sums of one choice of each row, for some rows together."""
    if not len(rows):
        return np.zeros((0, 1))
    length = rows.shape[1]
    together = max(1, int(math.log(_LARGEST_BLOCK) / math.log(length)))
    blocks = -(-len(rows) // together)
    padded = np.concatenate([rows, np.zeros((blocks * together - len(rows), length))])
    choices = padded.reshape(blocks, together, length)
    tables = choices[:, 0]
    for place in range(1, together):
        tables = (tables[:, :, None] + choices[:, place, None, :]).reshape(blocks, -1)
    return np.ascontiguousarray(tables)
