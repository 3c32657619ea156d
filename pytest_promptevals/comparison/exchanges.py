"""What could as well have been, if nothing changed: which scores of two runs may change places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_promptevals.comparison.scored import SCORE_DIGITS, Pair

Numbers: TypeAlias = npt.NDArray[np.float64]
Groups: TypeAlias = npt.NDArray[np.int64]
Shape: TypeAlias = tuple[int, int]
"""Numbers of trials before and now."""

_CLOSE: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the permutation test needs: see ``permutation.p_values``."""

    flips: Numbers
    """Sums of the groups whose sign may flip."""
    rings: tuple[Numbers, ...] = ()
    """Of other groups, all values that their sum could as well have had."""
    is_fair: bool = True
    """Whether chance would do what they say: signs of means of other numbers of trials may not be flipped."""


def exchange_trials(
    pairs: Sequence[Pair], is_unequal: npt.NDArray[np.bool_], groups: Groups, weights: Numbers, sums: Numbers
) -> Exchange:
    """Return what may change places: whole runs of a group where its trials are as many before as now, else trials.

    Args:
        pairs: the cases.
        is_unequal: which of them have other numbers of trials before and now.
        groups: the number of each case's group.
        weights: of the cases.
        sums: each group's weighted sum of differences.

    Trials are exchanged where each side's are known, their mean is the case's score, and all cases of the group have
    as many; a group of which that is not so makes the test unfair.
    """
    members = _members_of_unequal_groups(is_unequal, groups)
    if not members:
        return Exchange(sums)
    rings: defaultdict[int, list[Numbers]] = defaultdict(list)
    for group, places in members.items():
        ring = _ring_of_group([pairs[place] for place in places], weights[places])
        if ring is not None:
            rings[ring.size].append(ring)
            members[group] = []
    turned = [group for group, places in members.items() if not places]
    rows = tuple(np.stack(rows) for _, rows in sorted(rings.items()))
    return Exchange(np.delete(sums, turned), rows, is_fair=len(turned) == len(members))


def _members_of_unequal_groups(is_unequal: npt.NDArray[np.bool_], groups: Groups) -> dict[int, list[int]]:
    members: dict[int, list[int]] = {}
    if is_unequal.any():
        for place in np.flatnonzero(np.isin(groups, groups[is_unequal])).tolist():
            members.setdefault(int(groups[place]), []).append(place)
    return members


def _ring_of_group(pairs: Sequence[Pair], weights: Numbers) -> Numbers | None:
    trials = [_trials_of(pair) for pair in pairs]
    shapes = {None if known is None else (len(known[0]), len(known[1])) for known in trials}
    if len(shapes) > 1:
        return None
    both = np.array([[*before, *now] for before, now in filter(None, trials)])
    shape = shapes.pop()
    return None if shape is None else weights @ turn(both, *shape)


def turn(trials: Numbers, before: int, now: int) -> Numbers:
    """Return what ``before - now`` would be for each turn of the ring of a case's trials; the first is as it was.

    Args:
        trials: a row for each case: scores of the baseline's trials, then those of now.
        before: how many of them are the baseline's.
        now: how many are those of now.
    """
    count = before + now
    running = np.cumsum(np.concatenate([np.zeros((len(trials), 1)), trials, trials], axis=1), axis=1)
    windows = running[:, before : before + count] - running[:, :count]
    totals = running[:, count : count + 1]
    return np.asarray(windows / before - (totals - windows) / now)


def _trials_of(pair: Pair) -> tuple[Sequence[float], Sequence[float]] | None:
    before = _scores_of_trials(pair.before.trial_scores, pair.before.trials, pair.before.score)
    now = _scores_of_trials(pair.now.trial_scores, pair.now.trial_count, pair.now.score)
    return None if before is None or now is None else (before, now)


def _scores_of_trials(scores: Sequence[float], count: int, score: float | None) -> Sequence[float] | None:
    known = (score,) if count == 1 and score is not None else tuple(scores)
    if score is None or not known or len(known) != count or abs(sum(known) / count - score) > _CLOSE:
        return None
    # As a baseline keeps them: else a rounding would decide between equal values.
    return [round(one, SCORE_DIGITS) for one in known]
