"""What cases like these can show: the smallest drop that would be found, and what it takes to settle an open one.

The rule that it is about is the gates': a change for the worse above its limit, and significant. "Would be found" means
with a chance of 0.8 (Cohen 1988).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

from pytest_promptevals.records.effects import COST, LATENCY_P50, LATENCY_P95, OUTPUT_LENGTH, Effect

POWER: Final = 0.8
"""Chance with which the smallest detectable drop is found."""

_POWER_Z: Final = NormalDist().inv_cdf(POWER)
_UNBOUNDED: Final = frozenset({COST, LATENCY_P50, LATENCY_P95, OUTPUT_LENGTH})
_PRECISION: Final = 1e-6


def can_be_significant(groups: int, confidence: float, gates: int = 1) -> bool:
    """Return whether so many independent groups can show anything at all.

    If all of k groups are worse, chance does the same in 1 of 2^k runs: with 4 groups, that is above 0.05.
    """
    return 0.5**groups <= _chance_of_alarm(confidence, gates)


def smallest_detectable(effect: Effect, limit: float, confidence: float, gates: int = 1) -> float | None:
    """Return the smallest change for the worse that would be found above ``limit``, in the metric's unit.

    Args:
        effect: what was seen; its scatter is taken as that of cases like these.
        limit: largest change for the worse that passes.
        confidence: that the gate asks for, 0..1.
        gates: how many gates of the run compare, which Holm's correction shares the confidence among.

    A drop of scores is taken to be of cases that break altogether, which is what is hardest to see: such a drop brings
    a scatter of its own. ``None`` if not even the worst there is would be found, or if the scatter is not known.
    """
    if effect.error is None or not can_be_significant(effect.groups, confidence, gates):
        return None
    significant = _quantile(confidence, gates)
    if effect.metric in _UNBOUNDED:
        return max(limit + _POWER_Z * effect.error, (significant + _POWER_Z) * effect.error)
    groups = effect.effective_groups or effect.groups
    variance = _observed_variance(effect, groups)
    least = _fewest_groups(confidence, gates) / effect.groups
    low, high = 0.0, 1.0
    if not _is_found(high, variance, groups, limit, significant):
        return None
    while high - low > _PRECISION:
        middle = (low + high) / 2
        is_found = middle >= least and _is_found(middle, variance, groups, limit, significant)
        low, high = (low, middle) if is_found else (middle, high)
    return high


def cases_needed(effect: Effect, confidence: float, gates: int = 1) -> int | None:
    """Return how many cases like these, in all, would settle whether a drop as large as this one is chance.

    ``None`` if there is no change for the worse, if it is significant already, or if its scatter is not known.
    """
    if not _is_open(effect, confidence, gates) or effect.error is None:
        return None
    ratio = (_quantile(confidence, gates) + _POWER_Z) * effect.error / effect.worse_by
    by_groups = _fewest_groups(confidence, gates) / effect.groups
    return max(effect.cases + 1, math.ceil(effect.cases * max(ratio * ratio, by_groups)))


def trials_needed(effect: Effect, confidence: float, gates: int = 1) -> int | None:
    """Return how many trials of each case of the run would settle whether a drop as large as this one is chance.

    ``None`` if it is settled, if nothing is known of the trials' noise, or if no number of trials would: they take away
    only their own share of the scatter, not that of the cases, nor that of the baseline's trials.
    """
    noise = effect.noise
    if not _is_open(effect, confidence, gates) or effect.error is None or noise is None:
        return None
    if noise.between_trials is None or not noise.trials or not can_be_significant(effect.groups, confidence, gates):
        return None
    wanted = effect.worse_by / (_quantile(confidence, gates) + _POWER_Z)
    of_one = noise.between_trials**2 / effect.cases
    room = wanted**2 - (effect.error**2 - of_one / noise.trials)
    if room <= 0 or of_one == 0:
        return None
    return max(math.floor(noise.trials) + 1, math.ceil(of_one / room))


def _is_open(effect: Effect, confidence: float, gates: int) -> bool:
    if effect.worse_by <= 0 or effect.p_worse is None:
        return False
    return effect.p_worse > _chance_of_alarm(confidence, gates)


def _is_found(drop: float, variance: float, groups: float, limit: float, significant: float) -> bool:
    """Return whether a share of groups that break is found with a chance of 0.8, beside a scatter of that variance."""
    error = math.sqrt(variance + drop * (1 - drop) / groups)
    against = math.sqrt(variance + drop / groups)  # signs are flipped about 0, so the drop itself is part of it
    return drop >= max(limit + _POWER_Z * error, significant * against + _POWER_Z * error)


def _observed_variance(effect: Effect, groups: float) -> float:
    """Return the square of the standard error without the two groups that the interval of a score adds.

    ``groups`` is how many groups of one weight there are.
    """
    if groups <= 1 or effect.error is None:  # of one group there is no scatter
        return 0.0
    middle = effect.worse_by * groups / (groups + 2)
    squares = effect.error**2 * (groups + 1) * (groups + 2) - 2 - 2 * middle**2
    squares -= groups * (effect.worse_by - middle) ** 2
    return max(0.0, squares) / (groups * (groups - 1))


def _fewest_groups(confidence: float, gates: int) -> int:
    return math.ceil(-math.log2(_chance_of_alarm(confidence, gates)) - _PRECISION)


def _chance_of_alarm(confidence: float, gates: int) -> float:
    return (1 - confidence) / max(1, gates) + 1e-12


def _quantile(confidence: float, gates: int) -> float:
    return NormalDist().inv_cdf(1 - (1 - confidence) / max(1, gates))
