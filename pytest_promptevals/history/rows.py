"""Records to rows of the history database, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from sqlalchemy import RowMapping

from pytest_promptevals.history.tables import OVER_TRIALS
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.codec import SCHEMA_VERSION, from_plain, to_plain
from pytest_promptevals.records.comparisons import Comparison, Delta, GateResult, Metrics, Verdict
from pytest_promptevals.records.responses import RenderedPrompt
from pytest_promptevals.records.results import CaseResult, ErrorRecord, Score, Trial
from pytest_promptevals.records.runs import GitState, Run, RunStatus

Row: TypeAlias = dict[str, Any]


def run_to_row(run: Run) -> Row:
    """Return the row of a run."""
    return {
        "id": run.id,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "status": run.status.value,
        "git_commit": None if run.git is None else run.git.commit,
        "git_branch": None if run.git is None else run.git.branch,
        "git_is_dirty": None if run.git is None else run.git.is_dirty,
        "versions": dict(run.versions),
        "arguments": list(run.arguments),
        "record_schema": SCHEMA_VERSION,
    }


def run_from_row(row: RowMapping) -> Run:
    """Return the run of a row."""
    commit = row["git_commit"]
    return Run(
        id=row["id"],
        started_at=row["started_at"],
        status=RunStatus(row["status"]),
        finished_at=row["finished_at"],
        git=None if commit is None else GitState(commit, row["git_branch"], row["git_is_dirty"]),
        versions=row["versions"],
        arguments=tuple(row["arguments"]),
    )


def result_to_row(run_id: str, result: CaseResult) -> Row:
    """Return the row of a case's result; its scores are rows of their own."""
    error = result.error
    return {
        "run_id": run_id,
        "file": result.file,
        "name": result.name,
        "case_id": result.case_id,
        "path": result.location.path,
        "line": result.location.line,
        "model": result.model,
        "prompt_name": result.prompt_name,
        "case_fingerprint": result.case_fingerprint,
        "fingerprint": result.fingerprint,
        "score": result.score,
        "passed": result.passed,
        "error_kind": None if error is None else error.kind,
        "error_message": None if error is None else error.message,
        "latency": result.latency,
        "cost": result.cost,
        "weight": result.weight,
        "case_group": result.group,
        "tags": list(result.tags),
        "trials": [to_plain(dataclasses.replace(trial, scores=())) for trial in result.trials],
        "prompt": to_plain(result.prompt),
        "expected": result.expected,
    }


def scores_to_rows(result_id: int, result: CaseResult) -> Iterator[Row]:
    """Yield a row for each score of a case: over its trials, and of each trial."""
    yield from _number_scores(result_id, OVER_TRIALS, result.scores)
    for trial in result.trials:
        yield from _number_scores(result_id, trial.number, trial.scores)


def _number_scores(result_id: int, trial: int, scores: Sequence[Score]) -> Iterator[Row]:
    for position, score in enumerate(scores):
        yield {
            "result_id": result_id,
            "trial": trial,
            "position": position,
            "judge": score.judge,
            "value": score.value,
            "passed": score.passed,
            "threshold": score.threshold,
            "weight": score.weight,
            "required": score.required,
            "explanation": score.explanation,
            "cost": score.cost,
        }


def result_from_rows(row: RowMapping, score_rows: Iterable[RowMapping]) -> CaseResult:
    """Return the result of a row and of the rows of its scores, which come in order."""
    scores: dict[int, list[Score]] = {}
    for score_row in score_rows:
        scores.setdefault(score_row["trial"], []).append(_score_from_row(score_row))
    trials = (from_plain(Trial, data) for data in row["trials"])
    return CaseResult(
        file=row["file"],
        name=row["name"],
        case_id=row["case_id"],
        location=Location(row["path"], row["line"]),
        model=row["model"],
        prompt_name=row["prompt_name"],
        case_fingerprint=row["case_fingerprint"],
        fingerprint=row["fingerprint"],
        trials=tuple(dataclasses.replace(trial, scores=tuple(scores.get(trial.number, ()))) for trial in trials),
        scores=tuple(scores.get(OVER_TRIALS, ())),
        score=row["score"],
        passed=row["passed"],
        error=None if row["error_kind"] is None else ErrorRecord(row["error_kind"], row["error_message"]),
        prompt=None if row["prompt"] is None else from_plain(RenderedPrompt, row["prompt"]),
        expected=row["expected"],
        tags=tuple(row["tags"]),
        group=row["case_group"],
        weight=row["weight"],
    )


def _score_from_row(row: RowMapping) -> Score:
    return Score(
        judge=row["judge"],
        value=row["value"],
        passed=row["passed"],
        threshold=row["threshold"],
        weight=row["weight"],
        required=row["required"],
        explanation=row["explanation"],
        cost=row["cost"],
    )


def comparison_to_row(run_id: str, comparison: Comparison) -> Row:
    """Return the row of a comparison; its gates are rows of their own."""
    return {
        "run_id": run_id,
        "file": comparison.file,
        **{field.name: getattr(comparison.metrics, field.name) for field in dataclasses.fields(Metrics)},
        "has_baseline": comparison.has_baseline,
        "baseline": comparison.baseline,
        "mean_before": comparison.mean_before,
        "mean_after": comparison.mean_after,
        "deltas": to_plain(comparison.deltas),
    }


def gates_to_rows(run_id: str, comparison: Comparison) -> Iterator[Row]:
    """Yield a row for each gate's answer."""
    for position, gate in enumerate(comparison.gates):
        yield {
            "run_id": run_id,
            "file": comparison.file,
            "position": position,
            "gate": gate.gate,
            "verdict": gate.verdict.value,
            "explanation": gate.explanation,
            "path": gate.location.path,
            "line": gate.location.line,
        }


def comparison_from_rows(row: RowMapping, gate_rows: Iterable[RowMapping]) -> Comparison:
    """Return the comparison of a row and of the rows of its gates, which come in order."""
    return Comparison(
        file=row["file"],
        metrics=Metrics(**{field.name: row[field.name] for field in dataclasses.fields(Metrics)}),
        has_baseline=row["has_baseline"],
        baseline=row["baseline"],
        deltas=tuple(from_plain(Delta, data) for data in row["deltas"]),
        mean_before=row["mean_before"],
        mean_after=row["mean_after"],
        gates=tuple(_gate_from_row(gate_row) for gate_row in gate_rows),
    )


def _gate_from_row(row: RowMapping) -> GateResult:
    return GateResult(
        file=row["file"],
        gate=row["gate"],
        verdict=Verdict(row["verdict"]),
        explanation=row["explanation"],
        location=Location(row["path"], row["line"]),
    )
