"""Scores that say how a response compares with the baseline's: in a comparison, the baseline is a tie with itself."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Final

from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.results import RELATIVE, CaseResult

TIE: Final = 0.5
"""What such a judge gives a response that is as good as the baseline's."""

_CLOSE: Final = 1e-5


def against_itself(result: CaseResult, base: BaselineCase | None) -> BaselineCase | None:
    """Return the case of the baseline with a tie in the place of its score by each judge that compares with it.

    What the baseline's response once was compared with is an older baseline: that it won then does not mean that a
    response has become worse which is as good. Scores that are no weighted means of the judges' stay as they are.
    """
    relative = set(_relative_judges(result))
    if base is None or not relative:
        return base
    before = _weighted_mean(result, base.scores)
    if before is None or not math.isclose(before, base.score, abs_tol=_CLOSE):
        return base
    scores = {judge: TIE if judge in relative else value for judge, value in base.scores.items()}
    score = _weighted_mean(result, scores)
    return base if score is None else dataclasses.replace(base, score=score, scores=scores)


def _relative_judges(result: CaseResult) -> Iterator[str]:
    """Yield the judges of the result that compared with the baseline's response."""
    for trial in result.trials:
        yield from (score.judge for score in trial.scores if (score.details or {}).get(RELATIVE))


def _weighted_mean(result: CaseResult, values: dict[str, float]) -> float | None:
    weights = {score.judge: score.weight for score in result.scores}
    total = sum(weights.values())
    if not total or not weights.keys() <= values.keys():
        return None
    return sum(weight * values[judge] for judge, weight in weights.items()) / total
