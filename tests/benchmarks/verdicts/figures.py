"""Costs and latencies, which have no bounds: how often their intervals hold the true change."""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_promptevals.comparison.intervals import mean_interval, percentile_change

Numbers: TypeAlias = npt.NDArray[np.float64]

CASES: Final = (30, 100, 1_000)
SPREADS: Final = (0.5, 1.0)
"""Standard deviations of the logarithm of the cases' usual costs."""
RATIOS: Final = (1.0, 1.3)
"""What everything is multiplied by."""
HEADS: Final = ("cases", "groups", "spread", "change", "mean covered", "p50 covered", "p95 covered", "p95 has one")
_OWN: Final = 0.3
"""Standard deviation of the logarithm of one cost about its case's usual one."""


def rows_of(rounds: int, seed: int) -> list[list[str]]:
    """Return a row for each kind of eval file."""
    rows = []
    for cases, group, spread, ratio in itertools.product(CASES, (1, 5), SPREADS, RATIOS):
        covered = _simulate(cases, group, spread, ratio, rounds=rounds, seed=seed)
        shown = [f"{share:.1%}".replace("%", " %") if math.isfinite(share) else "" for share in covered]
        rows.append([f"{cases:,}", f"{cases // group:,}", f"{spread:g}", f"x {ratio:g}", *shown])
    return rows


def _simulate(
    cases: int, group: int, spread: float, ratio: float, *, rounds: int, seed: int
) -> tuple[float, float, float, float]:
    source = np.random.default_rng([seed, cases, group, round(spread * 10), round(ratio * 10)])
    groups = np.repeat(np.arange(cases // group), group)
    total = math.hypot(spread, _OWN)
    mean = (ratio - 1) * math.exp(total**2 / 2)
    held = {share: [0, 0] for share in (0.5, 0.95)}
    held_mean = 0
    for _ in range(rounds):
        usual = np.repeat(source.normal(0, spread, cases // group), group)
        before = np.exp(usual + source.normal(0, _OWN, cases))
        after = ratio * np.exp(usual + source.normal(0, _OWN, cases))
        sums: Numbers = np.bincount(groups, after - before).astype(np.float64)
        interval = mean_interval(sums, np.full(len(sums), float(group)), 0.95, None)
        held_mean += interval.low <= mean <= interval.high
        for share, counts in held.items():
            bounds = percentile_change(before, after, groups, share, 0.95)
            if bounds is not None:
                true = (ratio - 1) * math.exp(NormalDist().inv_cdf(share) * total)
                counts[0] += bounds[0] <= true <= bounds[1]
                counts[1] += 1
    p50, p95 = (counts[0] / counts[1] if counts[1] else math.nan for counts in held.values())
    return held_mean / rounds, p50, p95, held[0.95][1] / rounds
