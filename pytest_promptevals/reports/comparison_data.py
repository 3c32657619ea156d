"""Two runs beside each other as data: plain JSON, and rows of CSV."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TextIO

from pytest_promptevals.records.comparisons import Change, Comparison, Delta, GateResult
from pytest_promptevals.records.effects import Effect
from pytest_promptevals.records.json_types import Json, JsonObject
from pytest_promptevals.records.run_comparisons import Outputs, RunComparison
from pytest_promptevals.reports.csv_text import Cell, write_csv
from pytest_promptevals.reports.metric_texts import metric_order
from pytest_promptevals.reports.verdict_order import worst_verdict

COLUMNS: Final = (
    "file",
    "kind",
    "name",
    "change",
    "before",
    "now",
    "worse_by",
    "low",
    "high",
    "p_worse",
    "p_better",
    "cases",
    "passed_before",
    "passed_now",
    "renamed_from",
    "group",
    "weight",
    "place",
)
"""Columns of the CSV. ``kind`` is ``metric`` or ``case``; a row of one kind leaves the columns of the other empty."""

OUTPUT_COLUMNS: Final = ("output_before", "output_now")
"""Further columns where outputs were asked for."""


def comparison_data(comparison: RunComparison, limit: int | None, *, with_same: bool) -> JsonObject:
    """Return all that is known as plain data.

    Args:
        comparison: the two runs.
        limit: most cases of each eval file, worst first; all of them if ``None``.
        with_same: whether unchanged cases are among them.
    """
    return {
        "before": dataclasses.asdict(comparison.before),
        "now": dataclasses.asdict(comparison.now),
        "only_before": list(comparison.only_before),
        "only_now": list(comparison.only_now),
        "notices": list(comparison.notices),
        "files": [
            _file_data(file, limit, comparison.outputs.get(file.file, {}), with_same=with_same)
            for file in comparison.files
        ],
    }


def write_comparison_csv(stream: TextIO, comparison: RunComparison, limit: int | None, *, with_same: bool) -> None:
    """Write a row for each metric and for each case of each eval file; see ``comparison_data`` for the rest."""
    columns = (*COLUMNS, *OUTPUT_COLUMNS) if comparison.outputs else COLUMNS
    rows = (
        row
        for file in comparison.files
        for row in _csv_rows(file, limit, comparison.outputs.get(file.file, {}), with_same=with_same)
    )
    write_csv(stream, columns, ([row.get(column) for column in columns] for row in rows))


def _chosen(comparison: Comparison, limit: int | None, *, with_same: bool) -> tuple[Delta, ...]:
    deltas = (delta for delta in comparison.deltas if with_same or delta.change is not Change.SAME)
    return tuple(deltas)[:limit]


def _file_data(
    comparison: Comparison, limit: int | None, outputs: Mapping[str, Outputs], *, with_same: bool
) -> dict[str, Json]:
    verdict = worst_verdict([gate.verdict for gate in comparison.gates])
    return {
        "file": comparison.file,
        "baseline": comparison.baseline,
        "baseline_run": comparison.baseline_run or None,
        "verdict": None if verdict is None else verdict.value,
        "gates": [_gate_data(gate) for gate in comparison.gates],
        "effects": [_effect_data(effect) for effect in _in_order(comparison.effects)],
        "counts": {change.value: count for change in Change if (count := len(comparison.deltas_with(change)))},
        "cases": [
            _case_data(delta) | _output_data(outputs.get(delta.name))
            for delta in _chosen(comparison, limit, with_same=with_same)
        ],
    }


def _in_order(effects: Iterable[Effect]) -> list[Effect]:
    return sorted(effects, key=lambda effect: metric_order(effect.metric))


def _gate_data(gate: GateResult) -> dict[str, Json]:
    evidence = gate.evidence
    return {
        "gate": gate.gate,
        "verdict": gate.verdict.value,
        "explanation": gate.explanation,
        "limit": None if evidence is None else evidence.limit,
        "confidence": None if evidence is None else evidence.confidence,
        "p_adjusted": None if evidence is None else evidence.p_adjusted,
        "smallest_detectable": None if evidence is None else evidence.smallest_detectable,
        "cases_needed": None if evidence is None else evidence.cases_needed,
        "trials_needed": None if evidence is None else evidence.trials_needed,
    }


def _effect_data(effect: Effect) -> dict[str, Any]:
    data: dict[str, Any] = dataclasses.asdict(effect)
    return data


def _case_data(delta: Delta) -> dict[str, Any]:
    return {
        "name": delta.name,
        "change": delta.change.value,
        "before": delta.before,
        "now": delta.after,
        "passed_before": delta.passed_before,
        "passed_now": delta.passed_after,
        "renamed_from": delta.renamed_from,
        "group": delta.group,
        "weight": delta.weight,
        "place": None if delta.location is None else str(delta.location),
    }


def _output_data(outputs: Outputs | None) -> dict[str, Any]:
    return {} if outputs is None else {"output_before": outputs.before, "output_now": outputs.now}


def _csv_rows(
    comparison: Comparison, limit: int | None, outputs: Mapping[str, Outputs], *, with_same: bool
) -> Iterator[Mapping[str, Cell]]:
    for effect in _in_order(comparison.effects):
        metric: dict[str, Cell] = {
            "file": comparison.file,
            "kind": "metric",
            "name": effect.metric,
            "now": effect.after,
        }
        yield metric | _effect_data(effect)
    for delta in _chosen(comparison, limit, with_same=with_same):
        case: dict[str, Cell] = {"file": comparison.file, "kind": "case", "worse_by": delta.drop}
        yield case | _case_data(delta) | _output_data(outputs.get(delta.name))
