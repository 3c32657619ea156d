"""Comparisons to decide on, with effects made by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

from pytest_promptevals.comparison.decide import GatedFile, decide
from pytest_promptevals.comparison.gates import parse_gates
from pytest_promptevals.records.cases import GateRules
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, GateResult, Metrics
from pytest_promptevals.records.effects import SCORE, Effect
from pytest_promptevals.settings import Settings
from tests.support.sample_results import FILE, PLACE


def make_effect(
    worse_by: float, p_worse: float = 0.004, *, metric: str = SCORE, before: float = 0.85, **changes: Any
) -> Effect:
    """A change over 60 independent cases, with an interval of 0.09 to each side."""
    after = before - worse_by if metric == SCORE or metric.startswith("judges.") else before + worse_by
    effect = Effect(
        metric,
        before=before,
        after=after,
        worse_by=worse_by,
        low=worse_by - 0.09,
        high=worse_by + 0.09,
        p_worse=p_worse,
        p_better=1 - p_worse if worse_by else 1.0,
        error=0.045,
        cases=60,
        groups=60,
    )
    return dataclasses.replace(effect, **changes)


def make_comparison(*effects: Effect, metrics: Metrics | None = None, **changes: Any) -> Comparison:
    """The comparison of an eval file that has 60 cases and a baseline."""
    comparison = Comparison(
        FILE,
        metrics or Metrics(60, 50, 0, 0.8, 0.8),
        has_baseline=True,
        baseline="the baseline",
        deltas=(Delta("a", Change.SAME, 0.8, 0.8),) if effects else (),
        mean_before=0.8 if effects else None,
        mean_after=0.8 if effects else None,
        effects=effects,
    )
    return dataclasses.replace(comparison, **changes)


def decide_all(comparison: Comparison, settings: Settings | None = None, **rules: Any) -> dict[str, GateResult]:
    """Return the answers of one file's gates by name, ``rules`` being those of the eval file."""
    gates = parse_gates(GateRules(**rules), settings or Settings())
    (decided,) = decide([GatedFile(comparison, gates, PLACE)])
    return {gate.gate: gate for gate in decided.gates}


def decide_score(comparison: Comparison, settings: Settings | None = None, **rules: Any) -> GateResult:
    """Return the answer of the gate on the mean score."""
    return decide_all(comparison, settings, **rules)["score"]
