"""Further trials in words: what is about to be made, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.records.comparisons import GateResult
from pytest_promptevals.records.effects import JUDGE_PREFIX, SCORE
from pytest_promptevals.reports.words import count_text


def round_text(gate: GateResult, more: Mapping[str, int], cost: float | None) -> str:
    """Return what to say before a round.

    Args:
        gate: one that cannot tell, of the eval file.
        more: how many trials each case is about to get, by its name.
        cost: US dollars that they may take; ``None`` if that is unknown.
    """
    fall = f"{_metric(gate)} fell by {_drop(gate):.2f}, may be chance"
    price = f", about {format_dollars(cost)}" if cost else ""
    return f"{gate.file}: cannot tell yet ({fall}): {_trials(list(more.values()))}{price}"


def decided_text(gates: Sequence[GateResult], trials: int) -> str:
    """Return what to say of an eval file that is decided. ``trials`` is the most that one of its cases has now."""
    verdicts = ", ".join(f"{_metric(gate)} {gate.verdict.value}" for gate in gates)
    return f"{gates[0].file}: decided with {count_text(trials, 'trial')} a case: {verdicts}"


def undecided_text(file: str, reason: str) -> str:
    """Return what to say of an eval file that cannot tell, and gets no further trials for that reason."""
    return f"{file}: still cannot tell: {reason}"


def _trials(counts: Sequence[int]) -> str:
    each = "each of " if len(counts) > 1 else ""
    if len(set(counts)) == 1:
        return f"{count_text(counts[0], 'more trial')} of {each}{count_text(len(counts), 'case')}"
    return f"{count_text(sum(counts), 'more trial')} of {count_text(len(counts), 'case')}"


def _metric(gate: GateResult) -> str:
    metric = gate.evidence.effect.metric if gate.evidence is not None else SCORE
    return "mean score" if metric == SCORE else f"score of judge {metric.removeprefix(JUDGE_PREFIX)!r}"


def _drop(gate: GateResult) -> float:
    return gate.evidence.effect.worse_by if gate.evidence is not None else 0.0
