"""How often a case passes, told from its earlier trials, and whether that makes it a flaky one.

The interval is Wilson's ("Probable inference, the law of succession, and statistical inference", Journal of the
American Statistical Association 22, 1927): it stays within 0..1 and near its level for few trials (Brown, Cai and
DasGupta, "Interval estimation for a binomial proportion", Statistical Science 16, 2001).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.records.past import RunTrials

FEWEST_TRIALS: Final = 5
"""Trials below which nothing is said of a case."""
SMALLEST_SHARE: Final = 0.05
"""Share of the trials that the rarer outcome must make at least: less is an accident."""

BROKEN: Final = 0.01
"""Chance of as many failures in a row below which a flaky case counts as broken."""

_Z: Final = 1.959963984540054
"""Quantile of the normal distribution of a two-sided interval of 95 %."""


@dataclass(frozen=True, slots=True)
class PassProbability:
    """How likely a trial of a case passes, as earlier ones tell."""

    passes: int
    """Trials that passed."""
    trials: int
    """All of them."""
    low: float
    """Lower end of the 95 % interval, 0..1."""
    high: float
    """Upper end of it."""


@dataclass(frozen=True, slots=True)
class Flakiness:
    """That a case is known to be flaky."""

    probability: PassProbability
    """How likely it passes."""
    is_unchanged: bool
    """Whether those trials asked just what is asked now; else the prompt, the model or its parameters were others."""


def pass_probability(passes: int, trials: int) -> PassProbability:
    """Return the share of trials that passed with Wilson's 95 % interval, for at least one trial."""
    share, square = passes / trials, _Z * _Z / trials
    centre = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / trials + square / (4 * trials)) / (1 + square)
    # At the ends the formula is exact, but for its rounding.
    low = 0.0 if passes == 0 else centre - half
    high = 1.0 if passes == trials else centre + half
    return PassProbability(passes, trials, low, high)


def find_flakiness(runs: Sequence[RunTrials], fingerprint: str) -> Flakiness | None:
    """Return how flaky a case is, ``None`` if that is not known or if it is not.

    It is flaky if of at least ``FEWEST_TRIALS`` trials that asked the same some passed and some failed, the rarer ones
    a share of ``SMALLEST_SHARE`` or more, and if it passed again after it had failed. A case that passed until a day
    and fails since is broken, not flaky; so is one whose last failures are more in a row than chance would make of it.

    Args:
        runs: earlier trials of the case, one entry for each run, oldest first.
        fingerprint: what is asked now. If too few trials asked that, those of the newest other fingerprint tell.
    """
    same = [run for run in runs if run.fingerprint == fingerprint]
    if sum(run.trials for run in same) >= FEWEST_TRIALS:
        return _judge(same, is_unchanged=True)
    others = [run.fingerprint for run in runs if run.fingerprint != fingerprint]
    if not others:
        return None
    return _judge([run for run in runs if run.fingerprint == others[-1]], is_unchanged=False)


def _judge(runs: Sequence[RunTrials], *, is_unchanged: bool) -> Flakiness | None:
    trials, passes = sum(run.trials for run in runs), sum(run.passes for run in runs)
    rarer = min(passes, trials - passes)
    if trials < FEWEST_TRIALS or rarer == 0 or rarer < SMALLEST_SHARE * trials:
        return None
    if not _came_back(runs) or _is_broken(runs, passes, trials):
        return None
    return Flakiness(pass_probability(passes, trials), is_unchanged)


def _is_broken(runs: Sequence[RunTrials], passes: int, trials: int) -> bool:
    """Return whether the failures since the last pass are too many for what the trials before them tell."""
    lost = sum(run.trials for run in itertools.takewhile(lambda run: not run.passes, reversed(runs)))
    return (1 - passes / (trials - lost)) ** lost < BROKEN if lost else False


def _came_back(runs: Sequence[RunTrials]) -> bool:
    """Return whether a trial passed in the run of the first failure or later."""
    first_failure = next(number for number, run in enumerate(runs) if run.passes < run.trials)
    return any(run.passes for run in runs[first_failure:])
