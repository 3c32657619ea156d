"""Where the scatter of a change comes from: the cases, the model, the judge.

A case's change is seen through the noise of its trials, and a trial's score through that of its judge. The parts are
told apart by the method of moments: what repeated trials of a case, and repeated samples of a judge, differ by is
taken away from what the changes of the cases differ by (a nested analysis of variance, Searle, Casella and McCulloch
1992, chapter 3).
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_promptevals.comparison.pairs import Pairs
from pytest_promptevals.records.effects import Noise

Numbers: TypeAlias = npt.NDArray[np.float64]
Counts: TypeAlias = npt.NDArray[np.int64]

JUDGE_NOISE: Final = "judge_noise"
"""Key of a score's details: standard deviation of a judge's samples of one response."""


def split_noise(pairs: Pairs, drops: Numbers, before: Counts, now: Counts) -> Noise | None:
    """Return where the scatter of the score's changes comes from; ``None`` if nothing is known of it.

    Args:
        pairs: the cases.
        drops: how much worse each of them is.
        before: how many trials each had in the baseline.
        now: how many it has now.
    """
    several = [*pairs.before("trial_scores"), *pairs.now("trial_scores")]
    of_trial = _pooled_variance([scores for scores in several if len(scores) > 1])
    judge = _noise_of_all_judges(pairs)
    if of_trial is None and judge is None:
        return None
    return Noise(
        between_cases=_noise_of_cases(drops, of_trial, before, now),
        between_trials=None if of_trial is None else math.sqrt(of_trial),
        judge=judge,
        trials=float(now.mean()),
    )


def judge_noises(pairs: Pairs) -> dict[str, float]:
    """Return the standard deviation of one judging of the same response, for each judge that took several samples."""
    noises: defaultdict[str, list[float]] = defaultdict(list)
    for trials in filter(None, pairs.now("trials")):
        for trial in trials:
            for score in trial.scores:
                noise = (score.details or {}).get(JUDGE_NOISE)
                if isinstance(noise, int | float):
                    noises[score.judge].append(float(noise))
    return {judge: math.sqrt(statistics.fmean(one * one for one in found)) for judge, found in noises.items()}


def _pooled_variance(several: Sequence[Sequence[float]]) -> float | None:
    """Return the variance of trials about the mean of their own case, ``None`` where no case has several."""
    if not several:
        return None
    counts = np.array(list(map(len, several)))
    values = np.array(list(itertools.chain.from_iterable(several)))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    means = np.add.reduceat(values, starts) / counts
    residuals = values - np.repeat(means, counts)
    return float(residuals @ residuals) / int(np.sum(counts - 1))


def _noise_of_cases(drops: Numbers, of_trial: float | None, before: Counts, now: Counts) -> float | None:
    if of_trial is None or len(drops) == 1:
        return None
    seen = float(np.var(drops, ddof=1))
    by_trials = of_trial * float(np.mean(1 / np.maximum(before, 1) + 1 / np.maximum(now, 1)))
    return math.sqrt(max(0.0, seen - by_trials))


def _noise_of_all_judges(pairs: Pairs) -> float | None:
    """Return what one judging of each judge does to a score that is the weighted mean of theirs."""
    noises = judge_noises(pairs)
    if not noises:
        return None
    weights: Mapping[str, float] = {
        score.judge: score.weight for score in itertools.chain.from_iterable(pairs.now("scores"))
    }
    total = sum(weights.values())
    if not total:
        return None
    return math.sqrt(sum((weights.get(judge, 0.0) / total * noise) ** 2 for judge, noise in noises.items()))
