"""Within what bounds a change lies: intervals whose coverage is checked by simulation (docs/statistics.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_promptevals.comparison.student import t_quantile

Numbers: TypeAlias = npt.NDArray[np.float64]
Groups: TypeAlias = npt.NDArray[np.int64]
"""The number of each case's group, from 0."""

_BEYOND_SEEN: Final = 2.0
_FREEDOM_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Interval:
    """A change, and the bounds within which it lies."""

    estimate: float
    """The change that was seen."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""
    error: float
    """Standard error that the ends rest on."""
    effective_groups: float
    """How many groups of one weight the groups are worth (Kish 1965)."""


def mean_interval(sums: Numbers, weights: Numbers, confidence: float, largest: float | None) -> Interval:
    """Return the interval of a weighted mean of groups, at least one of which has a weight.

    Args:
        sums: each group's weighted sum of differences.
        weights: each group's weight, above 0.
        confidence: how often such an interval shall cover the mean, 0..1.
        largest: the largest mean that there can be; ``None`` if there is no bound, and then twice the largest
            difference that was seen stands for it, which covers costs and lengths that are far from normal, too.

    It is Student's, of the groups and two more: one that is worse by all that there is, and one that is better by as
    much. So it does not shrink to nothing where nothing happens to differ, and covers what is rare (Agresti and Min
    2005, Bonett and Price 2012, for pairs that pass or fail).

    Where weights differ, the mean rests on fewer groups than there are: (sum w)^2 / sum w^2 of them (Kish 1965). The
    two that are added weigh as much as one of those, and the degrees of freedom are Satterthwaite's (1946) for groups
    that scatter alike. Where one group outweighs all others, the interval says next to nothing, as it must.
    """
    bound = _BEYOND_SEEN * float(np.max(np.abs(sums / weights))) if largest is None else largest
    estimate = float(sums.sum() / weights.sum())
    middle, error, freedom, count = _spread(sums, weights, bound)
    reach = t_quantile((1 + confidence) / 2, freedom) * error
    limit = math.inf if largest is None else largest
    return Interval(
        estimate=estimate,
        low=max(-limit, min(estimate, middle - reach)),
        high=min(limit, max(estimate, middle + reach)),
        error=error,
        effective_groups=count,
    )


def _spread(sums: Numbers, weights: Numbers, bound: float) -> tuple[float, float, float, float]:
    """Return the mean, its standard error and the error's degrees of freedom, with the two groups that are added.

    The last one is how many groups of one weight there are without these.
    """
    unit = float(weights.max())  # squares of very small weights would be 0
    sums, weights = sums / unit, weights / unit
    usual = float(weights @ weights) / float(weights.sum())
    sums = np.concatenate([sums, [usual * bound, -usual * bound]])
    weights = np.concatenate([weights, [usual, usual]])
    total, squares = float(weights.sum()), weights * weights
    mean, count = float(sums.sum()) / total, total * total / float(squares.sum())
    residuals = (sums - mean * weights) / total
    error = math.sqrt(float(residuals @ residuals) * count / (count - 1))
    return mean, error, _freedom(squares), count - 2


def _freedom(squares: Numbers) -> float:
    """Return the degrees of freedom of a sum of squares with those squared weights; n - 1 where all n are equal."""
    count = len(squares)
    freedom = float(squares.sum()) ** 2 / float(squares @ squares) * (count - 1) / count
    return max(1.0, round(freedom, _FREEDOM_DIGITS))


def quantile(values: Numbers, share: float) -> float:
    """Return the value that a share of the values does not exceed (type 7 of Hyndman and Fan 1996, as numpy's own).

    numpy's loads its masked arrays for it, which takes longer than to find the value among 100,000.
    """
    place = (len(values) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    ordered = np.partition(values, (low, high))
    return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))


def percentile_change(
    before: Numbers, after: Numbers, groups: Groups, share: float, confidence: float
) -> tuple[float, float] | None:
    """Return the interval of the change of a percentile, ``None`` where there are too few cases to bound it.

    Each side's bounds are order statistics (Woodruff 1952), further apart where groups of cases are alike. They are
    combined as those of independent sides (Zou and Donner 2008), which is wider than need be: slow cases are slow on
    both sides.
    """
    bounds_before = _percentile_bounds(before, groups, share, confidence)
    bounds_after = _percentile_bounds(after, groups, share, confidence)
    if bounds_before is None or bounds_after is None:
        return None
    old, new = quantile(before, share), quantile(after, share)
    down = math.hypot(new - bounds_after[0], bounds_before[1] - old)
    up = math.hypot(bounds_after[1] - new, old - bounds_before[0])
    return new - old - down, new - old + up


def _percentile_bounds(values: Numbers, groups: Groups, share: float, confidence: float) -> tuple[float, float] | None:
    count, independent = len(values), int(groups.max()) + 1
    if independent == 1:
        return None
    below = (values <= quantile(values, share)).astype(np.float64)
    alike = np.bincount(groups, below - below.mean())
    variance = max(count * share * (1 - share), float(alike @ alike) * independent / (independent - 1))
    reach = t_quantile((1 + confidence) / 2, independent - 1) * math.sqrt(variance)
    lowest, highest = math.floor(count * share - reach), math.ceil(count * share + reach)
    if lowest < 1 or highest > count:
        return None
    ordered = np.sort(values)
    return float(ordered[lowest - 1]), float(ordered[highest - 1])
