"""Numbers over the cases of one eval file."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from itertools import compress

from pytest_promptevals.comparison.scored import Scored
from pytest_promptevals.records.columns import column_of, columns_by_key
from pytest_promptevals.records.comparisons import Metrics


def measure(results: Sequence[Scored]) -> Metrics:
    """Return the metrics of one eval file's results; their order changes nothing.

    Means are weighted by the cases' weights. A case that ended in an error has no part in them, and the mean of
    nothing is ``None``.
    """
    errors, scores, lengths, passes, latencies, weights, costs, judges = (
        column_of(results, name)
        for name in ("error", "score", "output_length", "passed", "latency", "weight", "cost", "judge_values")
    )
    is_scored = [error is None and score is not None for error, score in zip(errors, scores, strict=True)]
    weights = list(compress(weights, is_scored))
    passed = [one is True for one in compress(passes, is_scored)]
    known_latencies = sorted([latency for latency in latencies if latency is not None])
    known_lengths = [length for length in lengths if length is not None]
    return Metrics(
        cases=len(results),
        passed=sum(passed),
        errors=len(results) - len(passed),
        mean_score=mean(list(compress(scores, is_scored)), weights),
        pass_rate=mean(passed, weights),
        # A case that got no response has cost nothing that is known of.
        cost=_total([cost for cost, length in zip(costs, lengths, strict=True) if length is not None]),
        latency_p50=percentile(known_latencies, 0.5),
        latency_p95=percentile(known_latencies, 0.95),
        output_length=mean(known_lengths, [1.0] * len(known_lengths)),
        judges=_judge_means(judges if all(is_scored) else list(compress(judges, is_scored)), weights),
    )


def _judge_means(given: Sequence[Mapping[str, float]], weights: Sequence[float]) -> dict[str, float]:
    means: dict[str, float] = {}
    for judge, values in columns_by_key(given).items():
        known = [value for value in values if value is not None]
        of_known = weights
        if len(known) < len(values):
            of_known = [weight for value, weight in zip(values, weights, strict=True) if value is not None]
        by_judge = mean(known, of_known)
        if by_judge is not None:
            means[judge] = by_judge
    return means


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value that a share of the values, which are sorted, does not exceed; ``None`` of nothing.

    Between two values it lies on the line that joins them (type 7 of Hyndman and Fan 1996, as in numpy and R).
    """
    if not ordered:
        return None
    place = (len(ordered) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def mean(values: Sequence[float], weights: Sequence[float]) -> float | None:
    """Return the weighted mean, ``None`` where there is no weight at all.

    The sums are exact before they are rounded once, so that the order of the values cannot change the answer.
    """
    if weights and weights.count(1.0) == len(weights):  # mostly so, and 100,000 are multiplied by it for nothing
        return math.fsum(values) / len(values)
    total = math.fsum(weights)
    if total == 0:
        return None
    return math.fsum(map(operator.mul, values, weights)) / total


def _total(costs: Sequence[float | None]) -> float | None:
    known = [cost for cost in costs if cost is not None]
    if not costs or len(known) < len(costs):
        return None
    return math.fsum(known)
