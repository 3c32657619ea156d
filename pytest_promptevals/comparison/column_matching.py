"""What became of cases that are kept as columns, and which of them can be compared: the same as case by case."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_promptevals.comparison.metrics import mean
from pytest_promptevals.comparison.pairs import Matched, Pairs
from pytest_promptevals.comparison.scored import SCORE_DIGITS, Before, Scored
from pytest_promptevals.records.columns import column_of
from pytest_promptevals.records.comparisons import Change, Delta, DeltasOnDemand, GroupedDeltas

Numbers: TypeAlias = npt.NDArray[np.float64]
Counts: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

_MOVED: Final = (Change.WORSE, Change.BETTER)
_NONE: Final = -1
_NEAR_HALF: Final = 1e-4
_name_of: Final = operator.attrgetter("name")


def match_columns(
    results: Sequence[Scored],
    baseline: Sequence[Before],
    places: Sequence[int | None],
    make: Callable[[int], Delta],
    known: Mapping[Change, Sequence[Delta]],
) -> Matched:
    """Return what became of each case of the run.

    Args:
        results: its cases, as columns.
        baseline: those of the baseline.
        places: for each of the run's cases, which one of the baseline belongs to it.
        make: gives what became of the case at a place.
        known: all kinds of changes in their order, with those of cases that the run does not have.
    """
    paired = np.array([_NONE if place is None else place for place in places], dtype=np.int64)
    before = round_as_python(_scores_before(baseline, paired))
    after = round_as_python(_scores_now(results))
    of_change = _changes(before, after, _is_unedited(results, baseline, paired))
    compared = np.flatnonzero(of_change[Change.WORSE] | of_change[Change.BETTER] | of_change[Change.SAME])
    by_name = _by_name(results)
    made = {
        change: DeltasOnDemand(_in_order(by_name, is_meant, before, after, change).tolist(), make)
        for change, is_meant in of_change.items()
    }
    weights = column_of(results, "weight")
    of_compared = [weights[place] for place in compared.tolist()]
    return Matched(
        GroupedDeltas({change: made.get(change) or sorted(found, key=_name_of) for change, found in known.items()}),
        Pairs(results, baseline, compared.tolist(), paired[compared].tolist()),
        mean(before[compared].tolist(), of_compared),
        mean(after[compared].tolist(), of_compared),
    )


def round_as_python(values: Numbers) -> Numbers:
    """Return what ``round`` makes of each value: numpy scales it before, so that a half may go to another side."""
    rounded = values.round(SCORE_DIGITS)
    scaled = np.abs(values) * 10**SCORE_DIGITS
    is_near_half = np.abs(scaled - np.floor(scaled) - 0.5) < _NEAR_HALF
    for place in np.flatnonzero(is_near_half).tolist():
        rounded[place] = round(float(values[place]), SCORE_DIGITS)
    return rounded


def _scores_now(results: Sequence[Scored]) -> Numbers:
    """Return the scores, not a number for an error."""
    scores = np.array(column_of(results, "score"), dtype=np.float64)
    errors = column_of(results, "error")
    scores[[place for place, error in enumerate(errors) if error is not None]] = np.nan
    return scores


def _scores_before(baseline: Sequence[Before], paired: Counts) -> Numbers:
    """Return the scores of the cases that belong to those of the run, not a number for none."""
    scores = np.array([*column_of(baseline, "score"), np.nan], dtype=np.float64)
    return scores[paired]  # the last one is that of none


def _is_unedited(results: Sequence[Scored], baseline: Sequence[Before], paired: Counts) -> Mask:
    before = [*column_of(baseline, "case_fingerprint"), None]
    now = column_of(results, "case_fingerprint")
    return np.array(list(map(operator.eq, now, map(before.__getitem__, paired.tolist()))), dtype=np.bool_)


def _changes(before: Numbers, after: Numbers, is_unedited: Mask) -> Mapping[Change, Mask]:
    """Return which cases have each kind of change."""
    is_error, is_new = np.isnan(after), np.isnan(before)
    is_known = ~is_error & ~is_new
    return {
        Change.ERROR: is_error,
        Change.NEW: is_new & ~is_error,
        Change.EDITED: is_known & ~is_unedited,
        Change.SAME: is_known & is_unedited & (before == after),
        Change.WORSE: is_known & is_unedited & (after < before),
        Change.BETTER: is_known & is_unedited & (after > before),
    }


def _by_name(results: Sequence[Scored]) -> Counts:
    names = column_of(results, "name")
    return np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)


def _in_order(by_name: Counts, is_meant: Mask, before: Numbers, after: Numbers, change: Change) -> Counts:
    """Return the places of cases, by name; of those that moved, the one that moved furthest comes first."""
    places = by_name[is_meant[by_name]]
    if change not in _MOVED:
        return places
    return np.asarray(places[np.argsort(-np.abs(before[places] - after[places]), kind="stable")])
