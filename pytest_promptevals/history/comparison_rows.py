"""Comparisons and the answers of gates to rows of the history database, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Final

from pytest_promptevals.history.rows import Row, StoredRow, as_stored
from pytest_promptevals.history.stored import store_json
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.codec import from_plain
from pytest_promptevals.records.comparisons import Comparison, Delta, GateResult, Metrics, Verdict
from pytest_promptevals.records.effects import Effect, Evidence

_METRICS: Final = tuple(field.name for field in dataclasses.fields(Metrics) if field.name != "judges")


def comparison_to_row(run_id: str, comparison: Comparison) -> Row:
    """Return the row of a comparison; its gates are rows of their own."""
    row: Row = {
        "run_id": run_id,
        "file": comparison.file,
        **{column: getattr(comparison.metrics, column) for column in _METRICS},
        "judges": store_json(comparison.metrics.judges),
        "has_baseline": comparison.has_baseline,
        "baseline": comparison.baseline,
        "mean_before": comparison.mean_before,
        "mean_after": comparison.mean_after,
        "baseline_run": comparison.baseline_run,
        "effects": store_json(comparison.effects),
        "deltas": store_json(comparison.deltas),
    }
    return as_stored(row)


def gates_to_rows(run_id: str, comparison: Comparison) -> Iterator[Row]:
    """Yield a row for each gate's answer."""
    for position, gate in enumerate(comparison.gates):
        row: Row = {
            "run_id": run_id,
            "file": comparison.file,
            "position": position,
            "gate": gate.gate,
            "verdict": gate.verdict.value,
            "explanation": gate.explanation,
            "path": gate.location.path,
            "line": gate.location.line,
            "evidence": None if gate.evidence is None else store_json(gate.evidence),
            "is_accepted": gate.is_accepted,
        }
        yield as_stored(row)


def comparison_from_rows(row: StoredRow, gate_rows: Iterable[StoredRow]) -> Comparison:
    """Return the comparison of a row and of the rows of its gates, which come in order."""
    return Comparison(
        file=row["file"],
        metrics=Metrics(**{column: row[column] for column in _METRICS}, judges=row["judges"] or {}),
        has_baseline=row["has_baseline"],
        baseline=row["baseline"],
        deltas=tuple(from_plain(Delta, data) for data in row["deltas"]),
        mean_before=row["mean_before"],
        mean_after=row["mean_after"],
        gates=tuple(gate_from_row(gate_row) for gate_row in gate_rows),
        effects=tuple(from_plain(Effect, data) for data in row["effects"] or ()),
        baseline_run=row["baseline_run"],
    )


def gate_from_row(row: StoredRow) -> GateResult:
    """Return the answer of a gate."""
    return GateResult(
        file=row["file"],
        gate=row["gate"],
        verdict=Verdict(row["verdict"]),
        explanation=row["explanation"],
        location=Location(row["path"], row["line"]),
        evidence=None if row["evidence"] is None else from_plain(Evidence, row["evidence"]),
        is_accepted=row["is_accepted"],
    )
