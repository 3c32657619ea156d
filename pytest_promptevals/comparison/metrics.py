"""Numbers over the cases of one eval file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from pytest_promptevals.records.comparisons import Metrics
from pytest_promptevals.records.results import CaseResult


def measure(results: Sequence[CaseResult]) -> Metrics:
    """Return the metrics of one eval file's results; their order changes nothing.

    Means are weighted by the cases' weights. A case that ended in an error has no part in them, and the mean of
    nothing is ``None``.
    """
    scored = [(result, score) for result in results if (score := score_of(result)) is not None]
    return Metrics(
        cases=len(results),
        passed=sum(result.passed is True for result, _ in scored),
        errors=len(results) - len(scored),
        mean_score=weighted_mean((score, result.weight) for result, score in scored),
        pass_rate=weighted_mean((float(result.passed is True), result.weight) for result, _ in scored),
        cost=_total_cost(results),
    )


def score_of(result: CaseResult) -> float | None:
    """Return the score of a case, ``None`` if it ended in an error."""
    return None if result.error is not None else result.score


def weighted_mean(weighted_values: Iterable[tuple[float, float]]) -> float | None:
    """Return the mean of ``(value, weight)`` pairs, ``None`` where there is no weight at all.

    The sums are exact before they are rounded once, so that the order of the pairs cannot change the answer.
    """
    pairs = list(weighted_values)
    total = math.fsum(weight for _, weight in pairs)
    if total == 0:
        return None
    return math.fsum(value * weight for value, weight in pairs) / total


def _total_cost(results: Iterable[CaseResult]) -> float | None:
    """Return the cost of all responses; a case that got none has cost nothing that is known of."""
    costs = [result.cost for result in results if result.output is not None]
    known = [cost for cost in costs if cost is not None]
    if not costs or len(known) < len(costs):
        return None
    return math.fsum(known)
