"""One eval file's run against its baseline."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

from pytest_promptevals.comparison.gates import Gate
from pytest_promptevals.comparison.metrics import measure, weighted_mean
from pytest_promptevals.comparison.pairing import compute_deltas
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import BaselineCase, Comparison
from pytest_promptevals.records.partial import is_partial
from pytest_promptevals.records.results import CaseResult


def compare(
    file: str,
    location: Location,
    results: Sequence[CaseResult],
    baseline: Sequence[BaselineCase] | None,
    *,
    gates: Sequence[Gate],
    collected_names: Collection[str],
) -> Comparison:
    """Return the comparison of one eval file, with the answers of its gates. Never raises.

    Args:
        file: the eval file.
        location: where its gate is written, or else the file.
        results: its cases that were run in this session.
        baseline: its baseline; ``None`` if it has none, and then there are no deltas.
        gates: its gates, from ``parse_gates``.
        collected_names: names of all of its items, the deselected ones included.
    """
    deltas = () if baseline is None else compute_deltas(results, baseline, collected_names)
    paired = [delta for delta in deltas if delta.drop is not None]
    comparison = Comparison(
        file=file,
        metrics=measure(results),
        has_baseline=baseline is not None,
        deltas=deltas,
        mean_before=weighted_mean((delta.before or 0.0, delta.weight) for delta in paired),
        mean_after=weighted_mean((delta.after or 0.0, delta.weight) for delta in paired),
        is_partial=any(is_partial(result.case_fingerprint) for result in results),
    )
    answers = [gate.decide(comparison, location) for gate in gates]
    selection = _selection(len(results), len(collected_names))
    return dataclasses.replace(
        comparison,
        gates=tuple(
            dataclasses.replace(answer, explanation=answer.explanation + selection)
            for answer in answers
            if answer is not None
        ),
    )


def _selection(run: int, collected: int) -> str:
    return f" (a selection: {run} of {collected} cases were run)" if run < collected else ""
