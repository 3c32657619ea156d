"""Further trials of an eval file, round by round: how many each case gets, what they say, and when they are useless."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from pytest_promptevals.comparison.scored import Pair
from pytest_promptevals.comparison.sequential import TrialPair, chance_to_decide, plan_looks, sequential_p_value
from pytest_promptevals.records.effects import JUDGE_PREFIX, SCORE
from pytest_promptevals.records.results import Trial

FUTILE: Final = 0.1
"""Smallest chance to decide for which further trials are made."""
_CLOSE: Final = 1e-5
"""By how much a case's score may differ from the mean of its trials: both are rounded."""


class Rounds:
    """The rounds of one eval file.

    Args:
        pairs: the cases that are compared, after the first pass.
        growing: names of those that can get more trials; the others keep what they have.
        most: most trials that a case may get.
        limits: largest drop that passes, for each metric that is looked at again: ``score`` or ``judges.NAME``.
            Metrics of which not every trial is known are left out.
    """

    def __init__(self, pairs: Sequence[Pair], growing: Collection[str], most: int, limits: Mapping[str, float]) -> None:
        self._ends = {pair.now.name: _ends(pair, growing, most) for pair in pairs}
        self._pairs = list(pairs)
        self._looks = [self._counts()]
        self._least: dict[str, float] = {}
        self.planned = max((len(ends) for ends in self._ends.values()), default=1)
        """Looks in all, the first pass included; 1 if no case can get more trials."""
        self.limits = {metric: limit for metric, limit in limits.items() if trial_pairs(pairs, metric) is not None}
        """Those of the metrics whose trials are all known."""

    @property
    def looks(self) -> int:
        """Looks up to now, the first pass included."""
        return len(self._looks)

    def next_round(self) -> dict[str, int]:
        """Return how many trials each case that gets more of them is to have; empty if there is no further round."""
        number = len(self._looks)
        if number >= self.planned:
            return {}
        has = dict(zip(self._ends, self._looks[-1], strict=True))
        wanted = {name: ends[min(number, len(ends) - 1)] for name, ends in self._ends.items()}
        return {name: end for name, end in wanted.items() if end > has[name]}

    def take(self, pairs: Sequence[Pair]) -> None:
        """Look at the cases with the trials that they have now. Those of the first pass must all be there."""
        by_name = {pair.now.name: pair for pair in pairs}
        self._pairs = [by_name[name] for name in self._ends]
        self._looks.append(self._counts())

    def p_value(self, metric: str) -> float:
        """Return how likely a drop as clear as this one is found by now, if nothing changed; valid at any look.

        What a look has found stays found.
        """
        p_value = sequential_p_value(self._trials(metric), self._looks, self.planned, self.limits[metric])
        self._least[metric] = min(p_value, self._least.get(metric, 1.0))
        return self._least[metric]

    def is_futile(self, metric: str, level: float) -> bool:
        """Return whether all the trials that may still be made would hardly show the drop.

        ``level`` is the largest p-value that counts.
        """
        most = [ends[-1] for ends in self._ends.values()]
        chance = chance_to_decide(self._trials(metric), most, self.limits[metric], level)
        return chance is not None and chance < FUTILE

    def _trials(self, metric: str) -> list[TrialPair]:
        return trial_pairs(self._pairs, metric) or []

    def _counts(self) -> list[int]:
        return [len(pair.now.trials) for pair in self._pairs]


def trial_pairs(pairs: Sequence[Pair], metric: str) -> list[TrialPair] | None:
    """Return the trials of each case on both sides; ``None`` where those of one of them are not known."""
    known: list[TrialPair] = []
    for pair in pairs:
        before, now = _before(pair, metric), _now(pair, metric)
        if before is None or now is None:
            return None
        known.append(TrialPair(before, now, pair.now.weight, pair.now.group))
    return known


def _ends(pair: Pair, growing: Collection[str], most: int) -> tuple[int, ...]:
    trials = len(pair.now.trials)
    return plan_looks(trials, most) if pair.now.name in growing else (trials,)


def _before(pair: Pair, metric: str) -> tuple[float, ...] | None:
    before = pair.before
    if metric != SCORE:
        value = before.scores.get(metric.removeprefix(JUDGE_PREFIX))
        return None if value is None or before.trials != 1 else (value,)
    if before.trials == 1:
        return (before.score,)
    scores = tuple(before.trial_scores)
    return scores if len(scores) == before.trials and _is_mean(scores, before.score) else None


def _now(pair: Pair, metric: str) -> tuple[float, ...] | None:
    value = pair.now.score if metric == SCORE else pair.now.judge_values.get(metric.removeprefix(JUDGE_PREFIX))
    scores = [_value(trial, metric) for trial in pair.now.trials]
    known = tuple(score for score in scores if score is not None)
    is_whole = value is not None and len(known) == len(scores) and _is_mean(known, value)
    return known if is_whole else None


def _value(trial: Trial, metric: str) -> float | None:
    if metric == SCORE:
        return trial.score
    judge = metric.removeprefix(JUDGE_PREFIX)
    return next((score.value for score in trial.scores if score.judge == judge), None)


def _is_mean(scores: Sequence[float], mean: float) -> bool:
    return bool(scores) and abs(sum(scores) / len(scores) - mean) <= _CLOSE
