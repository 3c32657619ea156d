"""Is a drop real, where it is looked at again and again while trials are added?

A test that may say yes after each look says yes too often, unless its error is shared out among the looks (Lan and
DeMets 1983, Discrete sequential boundaries for clinical trials). How much each look may take is fixed beforehand;
what is seen at one look and the next is nearly the same, and the distribution of all looks together knows that: if
nothing changed, a group of cases is as likely to differ in one direction as in the other, at all looks alike. So the
signs of its differences are flipped together for all looks (as Plamadeala and Rosenberger 2012, Sequential monitoring
with conditional randomization tests, draw the treatments anew for all looks together).

A baseline has as many trials as it has, while those of the run grow: their difference is skewed, and signs alone would
find too much. So a second distribution is drawn, in which the trials of a group change sides: laid in a ring, each
turn of the ring is as likely as the one seen (Hemerik and Goeman 2018). The larger p-value of the two counts.

Which cases get more trials must not depend on what they scored: of cases picked for their failures, the next trials
are better by chance alone, which hides a drop, and invents one elsewhere. All cases get them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

FIRST_SHARE: Final = 0.75
"""Share of the error that the first look may take; the others share the rest alike. What the first look decides needs
no further trial: so most of it goes there."""
MOST_DRAWN: Final = 9_999
"""Choices that are drawn beside the one seen, at most."""
FEWEST_DRAWN: Final = 1_999
"""Choices that are drawn, at least."""
SEED: Final = 20_240_229

_MOST_WORK: Final = 40_000_000
_CHUNK: Final = 2_000_000
_CLOSE: Final = 1e-9

Numbers: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrialPair:
    """One case in the baseline and in the run, trial by trial."""

    before: tuple[float, ...]
    """Score of each trial in the baseline; at least one."""
    after: tuple[float, ...]
    """Score of each trial of the run, in the order in which they were made."""
    weight: float = 1.0
    """Weight of the case."""
    group: str | None = None
    """Cases of one group are not independent; one without a group is its own."""


def plan_looks(trials: int, most: int) -> tuple[int, ...]:
    """Return how many trials a case has at each look: twice as many as before, and ``most`` at the last one."""
    looks = [trials]
    while looks[-1] < most:
        looks.append(min(2 * looks[-1], most))
    return tuple(looks)


def cumulative_shares(planned: int) -> tuple[float, ...]:
    """Return what share of the error may be spent up to each of the looks that are planned."""
    if planned == 1:
        return (1.0,)
    later = (1 - FIRST_SHARE) / (planned - 1)
    return (*(FIRST_SHARE + later * number for number in range(planned - 1)), 1.0)


def sequential_p_value(
    pairs: Sequence[TrialPair],
    looks: Sequence[Sequence[int]],
    planned: int,
    limit: float,
    most_drawn: int = MOST_DRAWN,
) -> float:
    """Return how likely it is, if nothing changed, that a drop as clear as this one is found by now, 0 < p <= 1.

    At any look, and whatever made one stop there, ``p <= a`` has a chance of at most ``a`` if nothing changed: so the
    p-values of several eval files may be corrected for each other as those of a single look are.

    Args:
        pairs: the cases that are compared, with all trials that there are by now.
        looks: for each look up to now, how many trials of the run each of the pairs had.
        planned: how many looks were planned before the first.
        limit: largest drop that passes. Where a look finds none larger, no further trials are made, so that chance
            gets no second go: that is part of the distribution.
        most_drawn: choices that are drawn; less is faster and coarser.
    """
    shares = cumulative_shares(planned)
    rings = _rings(pairs, looks)
    p_value = _smallest_level(_draw_signs(_groups(rings), most_drawn), shares, limit)
    if all(len(pair.before) == count == 1 for pair, count in zip(pairs, looks[-1], strict=True)):
        return p_value  # a ring of two has two turns, which are the two signs
    return max(p_value, _smallest_level(_draw_turns(rings, most_drawn), shares, limit))


def chance_to_decide(pairs: Sequence[TrialPair], most: Sequence[int], limit: float, level: float) -> float | None:
    """Return the chance that all further trials together will show the drop, if it is as large as it seems.

    What they cannot make smaller is the scatter of the baseline's own trials, and that of the cases' changes. It is
    the conditional power of group sequential trials (Lan, Simon and Halperin 1982), and a forecast, no part of the
    test. ``None`` where no case has several trials, so that nothing is known of what further ones may change.

    Args:
        pairs: the cases that are compared.
        most: how many trials each of them may have in the end.
        limit: largest drop that passes.
        level: largest p-value that counts.
    """
    noise = _trial_variance(pairs)
    if noise is None:
        return None
    weights = np.array([pair.weight for pair in pairs])
    total = float(weights.sum())
    left = np.array([1 / len(pair.after) - 1 / max(end, 1) for pair, end in zip(pairs, most, strict=True)])
    removable = float(weights**2 @ np.maximum(left, 0.0)) * noise / total**2
    estimate, error = _estimate(pairs, total)
    needed = max(limit, NormalDist().inv_cdf(1 - level) * math.sqrt(max(error**2 - removable, 0.0)))
    if removable <= 0:
        return float(estimate > needed)
    return NormalDist().cdf((estimate - needed) / math.sqrt(removable))


def _trial_variance(pairs: Sequence[TrialPair]) -> float | None:
    """Return the mean variance of a trial around the mean of its case."""
    squares, freedom = 0.0, 0
    for scores in [side for pair in pairs for side in (pair.before, pair.after) if len(side) > 1]:
        squares += float(np.var(scores)) * len(scores)
        freedom += len(scores) - 1
    return squares / freedom if freedom else None


def _estimate(pairs: Sequence[TrialPair], total: float) -> tuple[float, float]:
    """Return the mean drop and its standard error over groups."""
    drops: defaultdict[object, float] = defaultdict(float)
    weights: defaultdict[object, float] = defaultdict(float)
    for number, pair in enumerate(pairs):
        key = number if pair.group is None else pair.group
        drops[key] += pair.weight * (_mean(pair.before) - _mean(pair.after))
        weights[key] += pair.weight
    estimate, count = math.fsum(drops.values()) / total, len(drops)
    if count < 2:  # noqa: PLR2004 - a single group shows no scatter
        return estimate, math.inf
    squares = math.fsum((drops[key] - estimate * weights[key]) ** 2 for key in drops)
    return estimate, math.sqrt(squares * count / (count - 1)) / total


def _mean(scores: Sequence[float]) -> float:
    return math.fsum(scores) / len(scores)


@dataclass(frozen=True, slots=True)
class _Ring:
    """Cases of one group with as many trials as each other: they turn together."""

    group: object
    paths: Numbers
    """Sum of their weighted drops by turn and look; the first turn is the one seen."""


def _rings(pairs: Sequence[TrialPair], looks: Sequence[Sequence[int]]) -> list[_Ring]:
    total = math.fsum(pair.weight for pair in pairs)
    members: defaultdict[tuple[object, int, tuple[int, ...]], list[TrialPair]] = defaultdict(list)
    for number, pair in enumerate(pairs):
        key = number if pair.group is None else pair.group
        members[key, len(pair.before), tuple(counts[number] for counts in looks)].append(pair)
    return [_Ring(group, _turn(block, before, counts) / total) for (group, before, counts), block in members.items()]


def _turn(block: Sequence[TrialPair], before: int, counts: tuple[int, ...]) -> Numbers:
    weights = np.array([pair.weight for pair in block])
    trials: Numbers = weights @ np.array(
        [[*pair.before, *pair.after[: counts[-1]]] for pair in block], dtype=np.float64
    )
    places = np.arange(len(trials))
    sums = np.cumsum(trials[(places[:, None] + places) % len(trials)], axis=1)
    ends, numbers = before + np.array(counts) - 1, np.array(counts)
    first = sums[:, before - 1 : before]
    drops: Numbers = first / before - (sums[:, ends] - first) / numbers
    return drops


def _groups(rings: Sequence[_Ring]) -> Numbers:
    """Return the weighted sum of drops by group and look, in parts of the total weight."""
    sums: dict[object, Numbers] = {}
    for ring in rings:
        sums[ring.group] = sums[ring.group] + ring.paths[0] if ring.group in sums else ring.paths[0]
    return np.stack(list(sums.values()))


def _draw_signs(groups: Numbers, most_drawn: int) -> Numbers:
    """Return the drop at each look, for all choices of signs or a draw of them; the first is the one seen."""
    differing = groups[np.abs(groups).max(axis=1) > _CLOSE]
    count = len(differing)
    if count <= math.log2(most_drawn + 1):
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        every: Numbers = (1.0 - 2.0 * bits) @ differing
        return every
    source = np.random.default_rng(SEED)
    drawn = _draws(count, most_drawn)
    step = max(1, _CHUNK // count)
    parts = [differing.sum(axis=0)[None]]
    for start in range(0, drawn, step):
        bits = source.integers(0, 2, size=(min(step, drawn - start), count), dtype=np.int8)
        parts.append((1.0 - 2.0 * bits) @ differing)
    return np.concatenate(parts)


def _draw_turns(rings: Sequence[_Ring], most_drawn: int) -> Numbers:
    by_length: defaultdict[int, list[Numbers]] = defaultdict(list)
    for ring in rings:
        by_length[len(ring.paths)].append(ring.paths)
    source = np.random.default_rng(SEED)
    drawn = _draws(len(rings), most_drawn)
    sums = np.zeros((drawn + 1, rings[0].paths.shape[1]))
    for length, paths in sorted(by_length.items()):
        table = np.stack(paths)
        sums[0] += table[:, 0].sum(axis=0)
        for start in range(1, drawn + 1, step := max(1, _CHUNK // len(table))):
            end = min(start + step, drawn + 1)
            turns = source.integers(0, length, size=(end - start, len(table)))
            sums[start:end] += table[np.arange(len(table)), turns].sum(axis=1)
    return sums


def _draws(count: int, most_drawn: int) -> int:
    return min(most_drawn, max(FEWEST_DRAWN, _MOST_WORK // count))


def _smallest_level(paths: Numbers, shares: Sequence[float], limit: float) -> float:
    """Return the smallest level at which the first path is found by the last of its looks."""
    low, high, total = 0, len(paths), len(paths)
    if not _is_found(paths, shares, limit, 1.0):
        return 1.0
    while high - low > 1:
        middle = (low + high) // 2
        if _is_found(paths, shares, limit, middle / total):
            high = middle
        else:
            low = middle
    return high / total


def _is_found(paths: Numbers, shares: Sequence[float], limit: float, level: float) -> bool:
    """Return whether the test at that level finds the first path.

    Each look finds the largest drops of those paths that no look has found, and that none has let pass, as many as its
    share of the error allows.
    """
    total, found = len(paths), 0
    going = np.ones(total, dtype=np.bool_)
    for drops, share in zip(paths.T, shares, strict=False):
        going &= drops > limit + _CLOSE
        if not going[0]:
            return False
        allowed = int(level * share * total + _CLOSE) - found
        largest = _largest(drops, going, allowed)
        if largest[0]:
            return True
        found += int(largest.sum())
        going &= ~largest
    return False


def _largest(drops: Numbers, going: npt.NDArray[np.bool_], allowed: int) -> npt.NDArray[np.bool_]:
    """Return at most so many of the largest drops; of those that are alike, all or none."""
    values = drops[going]
    if allowed >= values.size:
        return going
    if allowed <= 0:
        return np.zeros_like(going)
    next_smaller = np.partition(values, values.size - allowed - 1)[values.size - allowed - 1]
    largest: npt.NDArray[np.bool_] = going & (drops > next_smaller + _CLOSE)
    return largest
