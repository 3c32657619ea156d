"""Cases or groups that do not weigh the same: how often the interval of their mean holds the true change."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_promptevals.comparison.intervals import mean_interval

Numbers: TypeAlias = npt.NDArray[np.float64]

CASES: Final = (30, 60, 200)
KINDS: Final = (
    "equal",
    "a third of 3",
    "five of 10",
    "one of 10",
    "one of all others",
    "log-normal, 0.75",
    "log-normal, 1.5",
)
"""Weights of the cases; the others weigh 1. Of log-normal ones, the number is the spread of the logarithm."""
ABILITIES: Final = (0.8, 0.95)
BROKEN: Final = (0.0, 0.05, 0.2)
"""Shares of the cases that never pass again."""
HEADS: Final = (
    *("cases", "weights", "as many as"),
    *("pass/fail covered", "width", "continuous covered", "width"),
)
LEAST: Final = 0.93
"""Coverage that is missed where it is less by more than three standard errors."""
_SPREAD: Final = 4.0
_NOISE: Final = 0.05
"""Standard deviation of a continuous score about its case's."""
_CONFIDENCE: Final = 0.95


def rows_of(rounds: int, seed: int) -> list[list[str]]:
    """Return a row for each kind of weights: of all abilities and shares that broke, the lowest coverage counts."""
    return [_row(cases, kind, rounds, seed) for cases, kind in itertools.product(CASES, KINDS)]


def misses(rows: Sequence[Sequence[str]], rounds: int) -> Iterator[str]:
    """Yield which intervals hold the true change too seldom."""
    least = LEAST - 3 * math.sqrt(LEAST * (1 - LEAST) / rounds)
    for cases, kind, _, *shown in rows:
        for covered in shown[::2]:
            if float(covered.removesuffix(" %")) / 100 < least:
                yield f"{cases} cases, weights {kind}: coverage {covered}"


def _row(cases: int, kind: str, rounds: int, seed: int) -> list[str]:
    source = np.random.default_rng([seed, cases, KINDS.index(kind)])
    weights = np.array([_weigh(kind, cases, source) for _ in range(rounds)])
    count = float((weights.sum(axis=1) ** 2 / (weights**2).sum(axis=1)).mean())
    shown = []
    for scores in ("pass/fail", "continuous"):
        seen = [
            _cover(_differ(scores, weights.shape, ability, broken, source), weights, broken * ability)
            for ability, broken in itertools.product(ABILITIES, BROKEN)
        ]
        shown += [f"{min(held for held, _ in seen):.1%}".replace("%", " %"), f"{seen[0][1]:.2f}"]
    return [f"{cases:,}", kind, f"{count:.0f}", *shown]


def _weigh(kind: str, cases: int, source: np.random.Generator) -> Numbers:
    weights = np.ones(cases)
    match kind:
        case "a third of 3":
            weights[: cases // 3] = 3.0
        case "five of 10":
            weights[:5] = 10.0
        case "one of 10":
            weights[0] = 10.0
        case "one of all others":
            weights[0] = cases - 1.0
        case "log-normal, 0.75" | "log-normal, 1.5":
            weights = source.lognormal(0, float(kind.rsplit(maxsplit=1)[-1]), cases)
    return weights


def _differ(scores: str, shape: tuple[int, ...], ability: float, broken: float, source: np.random.Generator) -> Numbers:
    """Return how much worse each case became, of which a share broke."""
    able = source.beta(ability * _SPREAD, (1 - ability) * _SPREAD, shape)
    later = np.where(source.random(shape) < broken, 0.0, able)
    if scores == "pass/fail":
        return np.asarray((source.random(shape) < able) * 1.0 - (source.random(shape) < later))
    before, now = (_near(means, source) for means in (able, later))
    return before - now


def _near(means: Numbers, source: np.random.Generator) -> Numbers:
    """Return scores about their means, as far from 0 and 1 as not to move them."""
    reach = np.minimum(means, 1 - means)
    return np.asarray(means + np.clip(source.normal(0, _NOISE, means.shape), -reach, reach))


def _cover(drops: Numbers, weights: Numbers, true: float) -> tuple[float, float]:
    """Return the share of intervals that hold the true change, and their mean width."""
    intervals = [mean_interval(drop * row, row, _CONFIDENCE, 1.0) for drop, row in zip(drops, weights, strict=True)]
    held = sum(interval.low <= true <= interval.high for interval in intervals)
    return held / len(intervals), float(np.mean([interval.high - interval.low for interval in intervals]))
