"""Scores of trials to the score of a case.

``pass@k`` is the unbiased estimate of Chen et al., "Evaluating Large Language Models Trained on Code" (2021),
section 2.1; ``pass^k`` is its counterpart for "all k pass" of Yao et al., "tau-bench" (2024), section 2.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pytest_promptevals.engine.asking import sum_known
from pytest_promptevals.records.results import Score, Trial

SCORE_DIGITS: Final = 6
"""Digits of a case's score: what is shown, stored and compared is one number."""
_CLOSE: Final = 1e-6
"""A score may miss its threshold by so little: by its rounding, and by sums of binary fractions."""
_LIKELY: Final = 0.5
"""A reducer that estimates a chance of passing passes from here on, unless a threshold says otherwise."""

_NUMERIC: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
}


def score_trial(scores: Sequence[Score]) -> tuple[float, bool]:
    """Return the weighted mean of a trial's scores, and whether all its required judges passed."""
    return _weighted(scores), all(score.passed for score in scores if score.required)


def reduce_trials(
    reducer: str, trials: Sequence[Trial], threshold: float | None
) -> tuple[tuple[Score, ...], float, bool]:
    """Return each judge's score over the trials, the case's score, and whether the case passes.

    ``mean``, ``median``, ``min`` and ``max`` reduce each judge's values, and the case passes if every required judge
    still reaches its threshold. ``majority``, ``pass@k`` and ``pass^k`` look at which trials passed as a whole.
    Further trials count in the scores alone: of more trials, a flaky case more easily fails one, so what passes stays
    what was reported of the case. All trials must have scores.
    """
    scores, score, passed = _reduce(reducer, trials, threshold)
    first = [trial for trial in trials if not trial.is_further]
    if not first or len(first) == len(trials):
        return scores, score, passed
    reported, _, passed = _reduce(reducer, first, threshold)
    kept = (dataclasses.replace(new, passed=old.passed) for new, old in zip(scores, reported, strict=True))
    return tuple(kept), score, passed


def _reduce(reducer: str, trials: Sequence[Trial], threshold: float | None) -> tuple[tuple[Score, ...], float, bool]:
    if reducer in _NUMERIC:
        return _reduce_values(_NUMERIC[reducer], trials, threshold)
    score = round(_share_passed(reducer, [trial.passed is True for trial in trials]), SCORE_DIGITS)
    scores = tuple(_over_trials(statistics.fmean, column) for column in _columns(trials))
    return scores, score, is_share_reached(score, threshold)


def counts_passes(reducer: str) -> bool:
    """Return whether a reducer looks at which trials passed, not at their scores."""
    return reducer not in _NUMERIC


def is_share_reached(score: float, threshold: float | None) -> bool:
    """Return whether the score of a reducer that counts passes lets the case pass."""
    return score >= (_LIKELY if threshold is None else threshold) - _CLOSE


def _reduce_values(
    reduce: Callable[[Sequence[float]], float], trials: Sequence[Trial], threshold: float | None
) -> tuple[tuple[Score, ...], float, bool]:
    scores = tuple(_over_trials(reduce, column) for column in _columns(trials))
    score = round(_weighted(scores), SCORE_DIGITS)
    passed = all(item.passed for item in scores if item.required)
    return scores, score, passed and (threshold is None or score >= threshold - _CLOSE)


def _share_passed(reducer: str, passed: Sequence[bool]) -> float:
    count, total = sum(passed), len(passed)
    if reducer == "majority":
        return 1.0 if 2 * count > total else 0.0
    if reducer.startswith("pass@"):
        k = min(int(reducer.removeprefix("pass@")), total)
        return 1.0 - math.comb(total - count, k) / math.comb(total, k)
    k = min(int(reducer.removeprefix("pass^")), total)
    return math.comb(count, k) / math.comb(total, k)


def _columns(trials: Sequence[Trial]) -> list[tuple[Score, ...]]:
    return list(zip(*(trial.scores for trial in trials), strict=True))


def _over_trials(reduce: Callable[[Sequence[float]], float], scores: tuple[Score, ...]) -> Score:
    if len(scores) == 1:
        return scores[0]
    worst = min(scores, key=lambda score: (score.passed, score.value))
    value = min(1.0, max(0.0, reduce([score.value for score in scores])))
    if worst.threshold is None:
        passed = reduce([float(score.passed) for score in scores]) >= 1.0 - _CLOSE
    else:
        passed = value >= worst.threshold - _CLOSE
    costs = [score.cost for score in scores if score.calls or score.cost is not None]
    return Score(
        judge=worst.judge,
        value=value,
        passed=passed,
        threshold=worst.threshold,
        weight=worst.weight,
        required=worst.required,
        explanation=worst.explanation,
        cost=sum_known(costs),
    )


def _weighted(scores: Sequence[Score]) -> float:
    total = sum(score.weight for score in scores)
    return min(1.0, sum(score.weight * score.value for score in scores) / total)
