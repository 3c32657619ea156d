"""Ways to tell whether a run became worse: ours, what an exact test could reach, and what other tools do."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats

from pytest_promptevals.comparison.exchanges import turn
from pytest_promptevals.comparison.intervals import mean_interval
from pytest_promptevals.comparison.permutation import p_values
from tests.benchmarks.verdicts.models import Cell, Runs

Numbers: TypeAlias = npt.NDArray[np.float64]

MAX_DROP = 0.1
"""The default of ``max_drop``."""
ALPHA = 0.05
"""One less the default of ``confidence``."""
_PASSES = 0.5
_REFERENCE_DRAWS = 19_999
_CLOSE = 1e-6
"""Sums of thirds, added up in another order, are the same."""
_MOST_DRAWN = 400
"""Groups beyond which the exact distribution is as good as normal: that of 400 signs is off by less than 0.001."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What our rule rests on in each of many comparisons."""

    drops: Numbers
    """Mean drops."""
    chances: Numbers
    """p-values; 1 where the mean did not fall, which no rule calls worse."""

    def red(self, limit: float = MAX_DROP) -> npt.NDArray[np.bool_]:
        """Return which comparisons are red."""
        return np.asarray((self.drops > limit + _CLOSE) & (self.chances <= ALPHA))


def judge(cell: Cell, runs: Runs) -> Seen:
    """Return what the package says of each pair of runs: its own functions, without records around them."""
    drops, sums = _sums(cell, runs)
    chances = np.ones(len(drops))
    for place in np.flatnonzero(drops > _CLOSE):
        if cell.trials_before == cell.trials_now:
            chances[place] = p_values(sums[place])[0]
        else:
            trials = np.concatenate([runs.before[place], runs.now[place]], axis=1)
            rings = turn(trials, cell.trials_before, cell.trials_now)
            chances[place] = p_values([], [rings.reshape(cell.groups, cell.group, -1).sum(axis=1)])[0]
    return Seen(drops, chances)


def cover(cell: Cell, runs: Runs, drop: float) -> tuple[int, float]:
    """Return how many of our intervals hold the true drop, and how wide all are together."""
    held, width = 0, 0.0
    weights = np.full(cell.groups, float(cell.group))
    for sums in _sums(cell, runs)[1]:
        interval = mean_interval(sums, weights, 0.95, 1.0)
        held += interval.low - _CLOSE <= drop <= interval.high + _CLOSE
        width += interval.high - interval.low
    return held, width


def judge_exactly(cell: Cell, runs: Runs) -> Seen:
    """Return what the exact paired test says: scipy's, or as many draws as it takes, made independently of ours."""
    drops, sums = _sums(cell, runs)
    source = np.random.default_rng(7)
    chances = np.ones(len(drops))
    for place in np.flatnonzero(drops > _CLOSE):
        if cell.trials_before == cell.trials_now:
            chances[place] = _exact_flips(sums[place], source)
        else:
            chances[place] = _exact_shuffles(cell, runs, int(place), source)
    return Seen(drops, chances)


def _exact_flips(sums: Numbers, source: np.random.Generator) -> float:
    moved = sums[np.abs(sums) > _CLOSE]
    if np.ptp(np.abs(moved)) < _CLOSE:  # McNemar's
        worse = int(np.sum(moved > 0))
        return float(stats.binomtest(worse, len(moved), alternative="greater").pvalue)
    if len(moved) > _MOST_DRAWN:
        return 1 - NormalDist().cdf(float(moved.sum()) / math.sqrt(float(moved @ moved)))
    signs = 2.0 * source.integers(0, 2, size=(_REFERENCE_DRAWS, len(moved)), dtype=np.int8) - 1
    return float((np.sum(signs @ moved >= moved.sum() - _CLOSE) + 1) / (_REFERENCE_DRAWS + 1))


def _exact_shuffles(cell: Cell, runs: Runs, place: int, source: np.random.Generator) -> float:
    """Shuffle the trials of each group between the sides, those of its cases together."""
    trials = np.concatenate([runs.before[place], runs.now[place]], axis=1)
    grouped = trials.reshape(cell.groups, cell.group, -1).sum(axis=1)
    if cell.groups > _MOST_DRAWN:
        share = 1 / cell.trials_before + 1 / cell.trials_now
        error = math.sqrt(float(grouped.var(axis=1, ddof=1).sum()) * share)
        drop = grouped[:, : cell.trials_before].mean(axis=1) - grouped[:, cell.trials_before :].mean(axis=1)
        return 1 - NormalDist().cdf(float(drop.sum()) / error)
    order = source.random((_REFERENCE_DRAWS // 10, *grouped.shape)).argsort(axis=2)
    shuffled = np.take_along_axis(np.broadcast_to(grouped, order.shape), order, axis=2)
    drops = shuffled[:, :, : cell.trials_before].mean(axis=2) - shuffled[:, :, cell.trials_before :].mean(axis=2)
    seen = grouped[:, : cell.trials_before].mean(axis=1) - grouped[:, cell.trials_before :].mean(axis=1)
    return float((np.sum(drops.sum(axis=1) >= seen.sum() - _CLOSE) + 1) / (len(drops) + 1))


def _sums(cell: Cell, runs: Runs) -> tuple[Numbers, Numbers]:
    """Return the mean drop of each pair of runs, and the sums of its groups' drops."""
    differences = runs.before.mean(axis=2) - runs.now.mean(axis=2)
    sums = differences.reshape(len(differences), cell.groups, cell.group).sum(axis=2)
    return differences.mean(axis=1), np.round(sums, 9)


def any_failing(runs: Runs) -> npt.NDArray[np.bool_]:
    """Red if any case fails."""
    return np.asarray((runs.now.mean(axis=2) < _PASSES).any(axis=1))


def mean_drop(runs: Runs) -> npt.NDArray[np.bool_]:
    """Red if the mean dropped by more than 10 %."""
    before, now = runs.before.mean(axis=(1, 2)), runs.now.mean(axis=(1, 2))
    return np.asarray(now < before * (1 - MAX_DROP) - _CLOSE)


def unpaired_z(runs: Runs) -> npt.NDArray[np.bool_]:
    """Red if a z-test of two independent samples of case scores is significant, one-sided."""
    before, now = runs.before.mean(axis=2), runs.now.mean(axis=2)
    cases = before.shape[1]
    error = np.sqrt((before.var(axis=1, ddof=1) + now.var(axis=1, ddof=1)) / cases)
    z = np.divide(before.mean(axis=1) - now.mean(axis=1), error, out=np.zeros(len(error)), where=error > 0)
    return np.asarray(z >= NormalDist().inv_cdf(1 - ALPHA))


OTHERS = {"any failing case": any_failing, "mean drop over 10 %": mean_drop, "unpaired z-test": unpaired_z}
"""Rules of other tools, by what they are called in the table."""


def join(parts: list[Seen]) -> Seen:
    """Return what was seen in several batches as one."""
    return Seen(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in dataclasses.fields(Seen)))
