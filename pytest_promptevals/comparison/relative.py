"""Scores that say how a response compares with the baseline's: in a comparison, the baseline is a tie with itself."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

from pytest_promptevals.comparison.scored import Base, Scored, as_baseline_case
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.results import CHILDREN, RELATIVE, Score

TIE: Final = 0.5
"""What such a judge gives a response that is as good as the baseline's."""

_CLOSE: Final = 1e-5


def against_itself(result: Scored, base: Base | None) -> Base | BaselineCase | None:
    """Return the case of the baseline with a tie in the place of its score by each judge that compares with it.

    What the baseline's response once was compared with is an older baseline: that it won then does not mean that a
    response has become worse which is as good. Scores that are no weighted means of the judges' stay as they are.
    """
    relative = {score.judge: score for trial in result.trials for score in trial.scores if _is_relative(score)}
    if base is None or not relative:
        return base
    before = _weighted_mean(result, base.scores)
    if before is None or not math.isclose(before, base.score, abs_tol=_CLOSE):
        return base
    scores = {
        judge: _as_tie(relative[judge], value) if judge in relative else value for judge, value in base.scores.items()
    }
    score = _weighted_mean(result, scores)
    if score is None:
        return base
    passed = _passes(result, scores, passed=base.passed)
    # The trials' own scores are of what was compared with then.
    return dataclasses.replace(as_baseline_case(base), score=score, scores=scores, passed=passed, trial_scores=())


def _is_relative(score: Score) -> bool:
    """Return whether a judge compared with the baseline's response, or one did of those in its group."""
    return _compares(score.details) or any(_compares(child.get("details")) for child in _children(score))


def _compares(details: object) -> bool:
    return isinstance(details, Mapping) and bool(details.get(RELATIVE))


def _children(score: Score) -> list[Mapping[str, Any]]:
    children = (score.details or {}).get(CHILDREN)
    return [child for child in children.values() if isinstance(child, dict)] if isinstance(children, dict) else []


def _as_tie(score: Score, before: float) -> float:
    """Return what the judge would have given the baseline's response beside itself, where it once gave ``before``.

    A baseline keeps one number of a group. It tells the lowest of ``all_of`` where no judge was below a tie, and the
    highest of ``any_of`` where none was above; else the other judges are taken to have said what they say now.
    """
    children = _children(score)
    others = [child["score"] for child in children if not _compares(child.get("details"))]
    if not others:
        return TIE
    values = [child["score"] for child in children]
    if score.value == min(values):
        return min(TIE, before)
    if score.value == max(values):
        return TIE if before <= TIE else max(TIE, *others)
    return before  # ``not:`` of a group


def _passes(result: Scored, values: Mapping[str, float], *, passed: bool) -> bool:
    """Return whether those values would pass now; what is known of the baseline where a judge has no threshold."""
    required = [score for score in result.scores if score.required]
    if any(score.threshold is None for score in required):
        return passed
    return all(score.threshold is None or values[score.judge] >= score.threshold - _CLOSE for score in required)


def _weighted_mean(result: Scored, values: Mapping[str, float]) -> float | None:
    weights = {score.judge: score.weight for score in result.scores}
    total = sum(weights.values())
    if not total or not weights.keys() <= values.keys():
        return None
    return sum(weight * values[judge] for judge, weight in weights.items()) / total
