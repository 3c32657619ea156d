"""How much an eval file's mean score changes between runs in which nothing changed (A/A runs).

Two runs that asked the same, each anew, differ by chance alone: so the changes of single cases have a true mean of
zero, and their squares add up to the variance of the change of the mean. A case of a group is not independent of the
others of it, so groups are added up first.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.records.past import FreshScore

ENOUGH_PAIRS: Final = 5
"""Pairs of runs from which on the scatter of the runs themselves is told; that of single cases is told before."""
DETECTION: Final = 2.4864748605243863
"""Sum of the normal distribution's quantiles 0.95 and 0.8: in as many standard deviations a drop is seen at
confidence 0.95 with a chance of 0.8."""
MOST_TRIALS: Final = 100
"""More trials of a case are no advice."""


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """The noise of one eval file, measured on pairs of runs in which nothing changed."""

    pairs: int
    """Pairs of runs."""
    cases: int
    """Cases of the newest pair."""
    trials: float
    """Trials of a case there, in the mean."""
    deviation: float
    """Standard deviation of the change in mean score between two such runs."""
    of_runs: bool
    """Whether ``deviation`` is that of the runs' changes; else it follows from the scatter of single cases."""
    largest: float
    """Largest change in mean score seen, without its sign."""
    flips: float
    """Share of cases that passed in one run of a pair and failed in the other."""

    @property
    def smallest_drop(self) -> float:
        """Smallest true drop that is seen at confidence 0.95 with a chance of 0.8, where each case drops alike."""
        return DETECTION * self.deviation

    def trials_for(self, drop: float) -> int | None:
        """Return the trials of each case that a drop needs to be seen; ``None`` if more than ``MOST_TRIALS``."""
        if self.deviation == 0:
            return 1
        needed = math.ceil(self.trials * (self.smallest_drop / drop) ** 2) if drop > 0 else MOST_TRIALS + 1
        return max(needed, 1) if needed <= MOST_TRIALS else None


@dataclass(frozen=True, slots=True)
class _Pair:
    change: float
    variance: float
    flips: int
    cases: int
    trials: float


def measure_noise(runs: Sequence[Mapping[str, FreshScore]]) -> NoiseFloor | None:
    """Return the noise floor of an eval file, ``None`` without a pair of runs that asked the same.

    Args:
        runs: fresh scores of its cases by name, one entry for each run, oldest first. Neighbours are pairs where at
            least half of the smaller one's cases have the same fingerprint, and as many trials, in both; only those
            cases count. Pairs with other numbers of trials than the newest one are left out.
    """
    found = [pair for first, second in itertools.pairwise(runs) if (pair := _pair(first, second)) is not None]
    # Runs of more trials scatter less: together, they would tell of neither.
    pairs = [pair for pair in found if math.isclose(pair.trials, found[-1].trials)]
    if not pairs:
        return None
    changes = [pair.change for pair in pairs]
    of_runs = len(pairs) >= ENOUGH_PAIRS
    squares = [change**2 for change in changes] if of_runs else [pair.variance for pair in pairs]
    newest = pairs[-1]
    return NoiseFloor(
        pairs=len(pairs),
        cases=newest.cases,
        trials=newest.trials,
        deviation=math.sqrt(math.fsum(squares) / len(squares)),
        of_runs=of_runs,
        largest=max(map(abs, changes)),
        flips=sum(pair.flips for pair in pairs) / sum(pair.cases for pair in pairs),
    )


def _is_same(first: FreshScore, second: FreshScore) -> bool:
    return (first.fingerprint, first.trials) == (second.fingerprint, second.trials)


def _pair(first: Mapping[str, FreshScore], second: Mapping[str, FreshScore]) -> _Pair | None:
    names = [name for name, now in second.items() if name in first and _is_same(first[name], now)]
    if not names or 2 * len(names) < min(len(first), len(second)):
        return None
    total = math.fsum(second[name].weight for name in names)
    if total == 0:
        return None
    by_group: dict[tuple[bool, str], float] = {}
    for name in names:
        now = second[name]
        # A case without a group is one of its own, whatever other groups are called.
        key = (now.group is not None, now.group if now.group is not None else name)
        by_group[key] = by_group.get(key, 0.0) + now.weight * (now.score - first[name].score)
    return _Pair(
        change=math.fsum(by_group.values()) / total,
        variance=math.fsum(change**2 for change in by_group.values()) / total**2,
        flips=sum(first[name].passed != second[name].passed for name in names),
        cases=len(names),
        trials=sum(second[name].trials for name in names) / len(names),
    )
