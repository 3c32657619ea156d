"""How each metric changed over the paired cases, and how sure that is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_promptevals.comparison.exchanges import Exchange, exchange_trials
from pytest_promptevals.comparison.intervals import mean_interval, percentile_change, quantile
from pytest_promptevals.comparison.noise import judge_noises, split_noise
from pytest_promptevals.comparison.pairs import Pairs
from pytest_promptevals.comparison.permutation import find_grid, p_values
from pytest_promptevals.comparison.scored import SCORE_DIGITS, Pair
from pytest_promptevals.records.columns import columns_by_key
from pytest_promptevals.records.effects import (
    COST,
    JUDGE_PREFIX,
    LATENCY_P50,
    LATENCY_P95,
    OUTPUT_LENGTH,
    PASS_RATE,
    SCORE,
    Effect,
    Noise,
)

CONFIDENCE: Final = 0.95
"""Of the intervals."""
SAME_FIGURE: Final = 0.005
"""Costs and latencies that differ by no larger share are the same: baselines keep three digits of them."""
SAME_LENGTH: Final = 0.05
"""Lengths that differ by no more characters are the same: baselines keep one digit of a mean."""
_ROUNDING: Final = 1e-9

Numbers: TypeAlias = npt.NDArray[np.float64]
Groups: TypeAlias = npt.NDArray[np.int64]
Values: TypeAlias = Sequence[float | None]
"""One side's value of a metric for each case; ``None`` where it is unknown."""


def compute_effects(pairs: Sequence[Pair]) -> tuple[Effect, ...]:
    """Return how each metric changed: score, pass rate, judges, cost, latency and length. Their order changes nothing.

    A metric that is known of no case on both sides is left out. Scores and shares are weighted by the cases' weights;
    a dollar, a second and a character are not. Costs are those of one trial, so that more trials look no dearer.
    """
    if not pairs:
        return ()
    table = _Table.of(Pairs.of(pairs))
    scores = _Scores.of(table)
    of_scores = () if scores is None else (*_scores(table, scores), *_judges(table, scores))
    return (*of_scores, *_figures(table))


@dataclass(frozen=True, slots=True)
class _Table:
    """Cases in the order of their names, and what is common to all metrics."""

    pairs: Pairs
    weights: Numbers
    groups: Groups
    """The number of each case's group."""
    trials_before: Groups
    trials_now: Groups

    @classmethod
    def of(cls, pairs: Pairs) -> _Table:
        names = pairs.now("name")
        ordered = pairs.take(sorted(range(len(pairs)), key=names.__getitem__))
        return cls(
            ordered,
            _as_shares(np.array(ordered.now("weight"), dtype=np.float64)),
            _number_groups(ordered),
            np.array(ordered.before("trials")),
            np.array(ordered.now("trial_count")),
        )

    @property
    def is_unequal(self) -> npt.NDArray[np.bool_]:
        """Which cases have other numbers of trials now than before."""
        return np.asarray(self.trials_before != self.trials_now)

    def scores(self, before: Values, after: Values) -> _Column | None:
        """Return the column of a metric of which less is worse, within 0..1."""
        old, new = np.array(before, dtype=np.float64), np.array(after, dtype=np.float64)
        return self._column(old.round(SCORE_DIGITS), new.round(SCORE_DIGITS), self.weights, 1.0)

    def figures(
        self, before: Values, after: Values, *, same: float = 0.0, is_of_all_trials: bool = False
    ) -> _Column | None:
        """Return the column of a metric of which more is worse, and which has no bounds.

        What differs by no more than ``same`` does not differ, nor what a baseline's digits cannot tell apart.
        """
        old, new = np.array(before, dtype=np.float64), np.array(after, dtype=np.float64)
        if is_of_all_trials:
            old, new = old / np.maximum(self.trials_before, 1), new / np.maximum(self.trials_now, 1)
        return self._column(*_without_rounding(old, new, same), np.ones(len(old)), -1.0)

    def _column(self, before: Numbers, after: Numbers, weights: Numbers, sign: float) -> _Column | None:
        # What is unknown is not a number.
        is_known = np.isfinite(before) & np.isfinite(after) & (weights > 0)
        if not is_known.any():
            return None
        groups = self.groups
        if not is_known.all():
            before, after, weights = before[is_known], after[is_known], weights[is_known]
            groups = np.unique(groups[is_known], return_inverse=True)[1]
        return _Column(is_known, before, after, weights, groups, sign)


def _as_shares(weights: Numbers) -> Numbers:
    """Return weights as shares of the largest: their unit means nothing, and what is nearly 0 is told by its size."""
    largest = float(weights.max())
    return weights / largest if largest > 0 else weights


def _number_groups(pairs: Pairs) -> Groups:
    """Return the number of each case's group. Items of one case, asked in several variants, are a group, too."""
    groups, ids = pairs.now("group"), pairs.now("case_id")
    if not any(group is not None for group in groups) and len(set(ids)) == len(ids):
        return np.arange(len(ids))
    numbers: dict[tuple[bool, str], int] = {}
    keys = [(False, case_id) if group is None else (True, group) for group, case_id in zip(groups, ids, strict=True)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys])


@dataclass(frozen=True, slots=True)
class _Column:
    """One metric of the cases of which it is known on both sides, and which have a weight."""

    is_known: npt.NDArray[np.bool_]
    """Which cases of the table those are."""
    before: Numbers
    after: Numbers
    weights: Numbers
    groups: Groups
    sign: float
    """1 where less is worse, -1 where more is."""

    @property
    def drops(self) -> Numbers:
        """How much worse each case is. What lies on a grid lies there exactly, so that sums of it do."""
        drops = (self.before - self.after) * self.sign
        parts = find_grid(drops) if self.sign > 0 else None
        return drops if parts is None else np.rint(drops * parts) / parts

    @property
    def group_weights(self) -> Numbers:
        return np.bincount(self.groups, self.weights).astype(np.float64)

    def group_sums(self, values: Numbers) -> Numbers:
        return np.bincount(self.groups, values * self.weights).astype(np.float64)

    def mean(self, values: Numbers) -> float:
        return float(np.sum(values * self.weights) / np.sum(self.weights))


@dataclass(frozen=True, slots=True)
class _Scores:
    """The column of the cases' scores, and what of it may change places."""

    column: _Column
    pairs: Pairs
    """The cases of the column."""
    exchange: Exchange

    @classmethod
    def of(cls, table: _Table) -> _Scores | None:
        column = table.scores(table.pairs.before("score"), table.pairs.now("score"))
        if column is None:
            return None
        is_known, pairs = column.is_known, table.pairs
        known = pairs if is_known.all() else pairs.take(np.flatnonzero(is_known).tolist())
        sums = column.group_sums(column.drops)
        exchange = exchange_trials(known, table.is_unequal[is_known], column.groups, column.weights, sums)
        return cls(column, known, exchange)

    def exchange_of(self, judge: _Column) -> Exchange:
        """Return what may change places of a judge's scores: those of the cases, where there is no other judge.

        A baseline keeps no single trials of one judge among others.
        """
        if np.array_equal(judge.is_known, self.column.is_known) and np.array_equal(judge.drops, self.column.drops):
            return self.exchange
        return Exchange(judge.group_sums(judge.drops), is_fair=False)


def _scores(table: _Table, scores: _Scores) -> Iterator[Effect]:
    pairs, column = table.pairs, scores.column
    is_known = column.is_known
    noise = split_noise(scores.pairs, column.drops, table.trials_before[is_known], table.trials_now[is_known])
    yield _mean_effect(SCORE, column, scores.exchange, largest=1.0, noise=noise)
    passed = table.scores(pairs.before("passed"), [passed is True for passed in pairs.now("passed")])
    if passed is not None:
        yield _keep_tested(_mean_effect(PASS_RATE, passed, largest=1.0), table)


def _judges(table: _Table, scores: _Scores) -> Iterator[Effect]:
    noises = judge_noises(table.pairs)
    before, now = columns_by_key(table.pairs.before("scores")), columns_by_key(table.pairs.now("judge_values"))
    for name in sorted(before.keys() & now.keys()):
        column = table.scores(before[name], now[name])
        noise = Noise(judge=noises[name]) if name in noises else None
        if column is not None:
            exchange = scores.exchange_of(column) if table.is_unequal.any() else None
            yield _mean_effect(JUDGE_PREFIX + name, column, exchange, largest=1.0, noise=noise)


def _figures(table: _Table) -> Iterator[Effect]:
    before, now = table.pairs.before, table.pairs.now
    cost = table.figures(before("cost"), now("cost"), is_of_all_trials=True)
    if cost is not None:
        yield _mean_effect(COST, cost, _exchange_of_figures(cost, table), largest=None)
    latency = table.figures(before("latency"), now("latency"))
    if latency is not None:
        for metric, share in ((LATENCY_P50, 0.5), (LATENCY_P95, 0.95)):
            yield _keep_tested(_percentile_effect(latency, metric, share), table)
    length = table.figures(before("output_length"), now("output_length"), same=SAME_LENGTH)
    if length is not None:
        yield _mean_effect(OUTPUT_LENGTH, length, _exchange_of_figures(length, table), largest=None)


def _exchange_of_figures(column: _Column, table: _Table) -> Exchange:
    """Return what may change places of means over trials: nothing where trials are not as many on both sides.

    The mean of more trials is less lopsided, and baselines keep no single trial's cost or length.
    """
    return Exchange(column.group_sums(column.drops), is_fair=not table.is_unequal.any())


def _without_rounding(before: Numbers, after: Numbers, same: float) -> tuple[Numbers, Numbers]:
    """Return both with one value for what a baseline could not tell apart."""
    step = np.maximum(SAME_FIGURE * np.maximum(before, after), same) * (1 + _ROUNDING)
    is_same = np.abs(after - before) <= step
    middle = (before + after) / 2
    return np.where(is_same, middle, before), np.where(is_same, middle, after)


def _mean_effect(
    metric: str,
    column: _Column,
    exchange: Exchange | None = None,
    *,
    largest: float | None,
    noise: Noise | None = None,
) -> Effect:
    sums = column.group_sums(column.drops)
    interval = mean_interval(sums, column.group_weights, CONFIDENCE, largest)
    chances = exchange or Exchange(sums)
    scale = 1.0 if largest is not None else float(np.max(np.abs(sums))) or 1.0
    p_worse, p_better = p_values(chances.flips / scale, chances.rings) if chances.is_fair else (None, None)
    return Effect(
        metric=metric,
        before=column.mean(column.before),
        after=column.mean(column.after),
        worse_by=interval.estimate,
        low=interval.low,
        high=interval.high,
        p_worse=p_worse,
        p_better=p_better,
        error=interval.error if chances.is_fair else None,
        cases=len(column.before),
        groups=len(sums),
        effective_groups=interval.effective_groups,
        noise=noise,
    )


def _percentile_effect(column: _Column, metric: str, share: float) -> Effect:
    """Return the change of a percentile.

    Its test asks whether more cases are above the percentile of both sides together now than were before: which that
    is does not depend on which side a value is of, so that the signs may be flipped.
    """
    before, after = quantile(column.before, share), quantile(column.after, share)
    border = quantile(np.concatenate([column.before, column.after]), share)
    moved = (column.after > border).astype(np.float64) - (column.before > border)
    sums = column.group_sums(moved)
    p_worse, p_better = p_values(sums)
    bounds = percentile_change(column.before, column.after, column.groups, share, CONFIDENCE)
    return Effect(
        metric=metric,
        before=before,
        after=after,
        worse_by=after - before,
        low=None if bounds is None else bounds[0],
        high=None if bounds is None else bounds[1],
        p_worse=p_worse,
        p_better=p_better,
        cases=len(moved),
        groups=len(sums),
    )


def _keep_tested(effect: Effect, table: _Table) -> Effect:
    """Return an effect; where trials are not as many on both sides, without what rests on their being so.

    Of more trials, more cases pass that pass more often than not, and the slowest of their mean latencies is faster,
    although nothing changed.
    """
    if not table.is_unequal.any():
        return effect
    return dataclasses.replace(effect, low=None, high=None, p_worse=None, p_better=None, error=None)
