"""Runs and results to rows of the history database, and back."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from typing import Any, Final, Protocol, TypeAlias

from pytest_promptevals.history.schema import OVER_TRIALS
from pytest_promptevals.history.stored import changed_fields, store_json, store_text
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.codec import SCHEMA_VERSION, from_plain
from pytest_promptevals.records.responses import RenderedPrompt
from pytest_promptevals.records.results import CaseResult, ErrorRecord, Score, Trial
from pytest_promptevals.records.runs import GitState, ItemOutcome, Run, RunFile, RunKind, RunStatus

Row: TypeAlias = "dict[str, str | int | float | None]"
"""Values by column, as they are stored."""

Values: TypeAlias = "tuple[str | int | float | None, ...]"
"""The values of a row in the order of its columns."""


class StoredRow(Protocol):
    """A row as it was read, with its JSON and its truths decoded."""

    def __getitem__(self, column: str, /) -> Any: ...


class NamedValues(Protocol):
    """A row as the driver gives it."""

    def __getitem__(self, column: str, /) -> Any: ...

    def keys(self) -> Iterable[str]:
        """Return the names of the columns."""


RESULT_COLUMNS: Final = (
    "id",
    "run_id",
    "file",
    "name",
    "case_id",
    "path",
    "line",
    "model",
    "prompt_name",
    "case_fingerprint",
    "fingerprint",
    "score",
    "passed",
    "error_kind",
    "error_message",
    "latency",
    "cost",
    "spent",
    "responses",
    "input_tokens",
    "output_tokens",
    "judge_calls",
    "output_length",
    "prompt_hash",
    "trial_scores",
    "judge_values",
    "fresh_trials",
    "fresh_passes",
    "reused_from",
    "weight",
    "case_group",
    "tags",
    "trials",
    "prompt",
    "expected",
)
"""Columns of ``result_values``."""

SCORE_COLUMNS: Final = (
    "result_id",
    "trial",
    "position",
    "judge",
    "value",
    "passed",
    "threshold",
    "weight",
    "required",
    "explanation",
    "cost",
    "calls",
    "spent",
    "details",
    "cached",
)
"""Columns of ``score_values``."""

CONTENT_COLUMNS: Final = ("hash", "kind", "text")
"""Columns of a ``Content``."""

Content: TypeAlias = tuple[str, str, str]
"""Content hash, kind (``prompt``, ``judge`` or ``case``) and text of what a run was made of."""

_JSON_COLUMNS: Final = frozenset(
    {"versions", "arguments", "tags", "trials", "trial_scores", "judge_values", "prompt", "expected", "details"}
)
_TRUTHS: Final = frozenset({"git_is_dirty", "passed", "required"})
_EMPTY_LIST: Final = "[]"


def run_to_row(run: Run) -> Row:
    """Return the row of a run."""
    row: Row = {
        "id": run.id,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "status": run.status.value,
        "git_commit": None if run.git is None else run.git.commit,
        "git_branch": None if run.git is None else run.git.branch,
        "git_is_dirty": None if run.git is None else run.git.is_dirty,
        "versions": store_json(run.versions),
        "arguments": store_json(run.arguments),
        "record_schema": SCHEMA_VERSION,
        "host": run.host,
        "pid": run.pid,
        "shard": run.shard,
        "selected": run.selected,
        "selection": run.selection,
        "calls": run.calls,
        "cached": run.cached,
        "cost": run.cost,
        "spent": run.spent,
        "parent": run.parent,
        "kind": run.kind.value,
        "name": run.name,
    }
    return as_stored(row)


def run_from_row(row: StoredRow, file_rows: Iterable[StoredRow] = (), outcomes: Sequence[object] | None = None) -> Run:
    """Return the run of a row, of the rows of its files, and of the list of what pytest made of its items."""
    commit = row["git_commit"]
    return Run(
        id=row["id"],
        started_at=row["started_at"],
        status=RunStatus(row["status"]),
        finished_at=row["finished_at"],
        git=None if commit is None else GitState(commit, row["git_branch"], row["git_is_dirty"]),
        versions=row["versions"],
        arguments=tuple(row["arguments"]),
        host=row["host"],
        pid=row["pid"],
        shard=row["shard"],
        selected=row["selected"],
        selection=row["selection"],
        calls=row["calls"],
        cached=row["cached"],
        cost=row["cost"],
        spent=row["spent"],
        parent=row["parent"],
        kind=RunKind(row["kind"]),
        name=row["name"],
        files=tuple(map(_file_from_row, file_rows)),
        outcomes=None if outcomes is None else tuple(from_plain(ItemOutcome, data) for data in outcomes),
    )


def files_to_rows(run: Run) -> Iterator[Row]:
    """Yield a row for each file of a run."""
    for file in run.files:
        row: Row = {
            "run_id": run.id,
            "file": file.file,
            "dataset_version": file.dataset_version,
            "cases": file.cases,
            "prompts": store_json(file.prompts),
            "models": store_json(file.models),
            "parameters": store_json(file.parameters),
            "judges": store_json(file.judges),
        }
        yield as_stored(row)


def outcomes_to_rows(run: Run) -> Iterator[Row]:
    """Yield the row of what pytest made of a run's items; none if that is not known."""
    if run.outcomes is not None:
        yield as_stored({"run_id": run.id, "outcomes": store_json(run.outcomes)})


def _file_from_row(row: StoredRow) -> RunFile:
    return RunFile(**{field.name: row[field.name] for field in dataclasses.fields(RunFile)})


def content_to_row(content: Content) -> Row:
    """Return the row of a text."""
    return dict(zip(CONTENT_COLUMNS, map(store_text, content), strict=True))


def dataset_to_row(file: str, version: str, created_at: str, members: Sequence[tuple[str, str]]) -> Row:
    """Return the row of a version of an eval file's cases: id and content hash of each."""
    row: Row = {
        "file": file,
        "version": version,
        "created_at": created_at,
        "cases": len(members),
        "members": store_json(members),
    }
    return as_stored(row)


def result_values(result_id: int, run_id: str, result: CaseResult) -> Values:
    """Return the row of a case's result, by ``RESULT_COLUMNS``; its scores are rows of their own.

    Raises ``CodecError`` for what cannot be stored.
    """
    error = result.error
    responses = [trial.response for trial in result.trials if trial.response is not None]
    values = (
        result_id,
        run_id,
        result.file,
        result.name,
        result.case_id,
        result.location.path,
        result.location.line,
        result.model,
        result.prompt_name,
        result.case_fingerprint,
        result.fingerprint,
        result.score,
        result.passed,
        None if error is None else error.kind,
        None if error is None else error.message,
        result.latency,
        result.cost,
        result.spent,
        len(responses),
        _mean([response.usage.input_tokens for response in responses]),
        _mean([response.usage.output_tokens for response in responses]),
        sum(charge.calls for charge in result.charges),
        _mean([len(response.text) for response in responses]),
        result.prompt_hash,
        _trial_scores(result.trials),
        _judge_values(result.scores),
        *_count_fresh(result),
        result.reused_from,
        result.weight,
        result.group,
        store_json(result.tags) if result.tags else _EMPTY_LIST,
        store_json([_without_scores(trial) for trial in result.trials]),
        None if result.prompt is None else store_json(result.prompt),
        None if result.expected is None else store_json(result.expected),
    )
    return tuple([store_text(value) if value.__class__ is str else value for value in values])  # a hot place


def score_values(result_id: int, result: CaseResult) -> Iterator[Values]:
    """Yield a row for each score of a case, by ``SCORE_COLUMNS``: over its trials, and of each trial."""
    yield from _number_scores(result_id, OVER_TRIALS, result.scores)
    for trial in result.trials:
        yield from _number_scores(result_id, trial.number, trial.scores)


def _number_scores(result_id: int, trial: int, scores: Sequence[Score]) -> Iterator[Values]:
    for position, score in enumerate(scores):
        yield (
            result_id,
            trial,
            position,
            store_text(score.judge),
            score.value,
            score.passed,
            score.threshold,
            score.weight,
            score.required,
            store_text(score.explanation),
            score.cost,
            score.calls,
            score.spent,
            None if score.details is None else store_json(score.details),
            score.cached,
        )


def _trial_scores(trials: Sequence[Trial]) -> str | None:
    if len(trials) == 1:  # nearly all of them
        return None
    scores = [trial.score for trial in trials if trial.score is not None]
    return store_json(scores) if len(scores) > 1 else None


def _judge_values(scores: Sequence[Score]) -> str:
    """Return each judge's score as JSON, in a fifth of the time that the encoder takes to begin."""
    if not all(isfinite(score.value) for score in scores):
        return store_json({score.judge: score.value for score in scores})  # which says what is wrong
    return "{" + ",".join([f"{_quote(score.judge)}:{score.value!r}" for score in scores]) + "}"


@functools.cache
def _quote(label: str) -> str:
    return store_json(label)


def _count_fresh(result: CaseResult) -> tuple[int, int]:
    """Count the trials with a score whose response was not read from the cache, and those of them that passed."""
    if result.reused_from is not None:
        return 0, 0
    known = [trial for trial in result.trials if trial.score is not None]
    fresh = [trial for trial in known if trial.response is not None and not trial.response.cached]
    return len(fresh), sum(trial.passed is True for trial in fresh)


def _without_scores(trial: Trial) -> dict[str, Any]:
    fields = changed_fields(trial)
    fields.pop("scores", None)
    return fields


def _mean(counts: Sequence[int | None]) -> float | None:
    known = [count for count in counts if count is not None]
    return sum(known) / len(known) if known else None


def as_stored(row: Row) -> Row:
    """Return a row with its texts as any database takes them."""
    return {column: store_text(value) if isinstance(value, str) else value for column, value in row.items()}


def read_row(row: NamedValues) -> dict[str, Any]:
    """Return a row of ``runs``, ``case_results`` or ``scores`` with its JSON and its truths decoded."""
    return {column: _read(column, row[column]) for column in row.keys()}  # noqa: SIM118 - the row itself yields its values


def _read(column: str, value: Any) -> Any:
    if value is None:
        return None
    if column in _JSON_COLUMNS:
        return json.loads(value)
    return bool(value) if column in _TRUTHS else value


def result_from_rows(row: StoredRow, score_rows: Iterable[StoredRow]) -> CaseResult:
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
        reused_from=row["reused_from"],
        prompt_hash=row["prompt_hash"],
    )


def _score_from_row(row: StoredRow) -> Score:
    return Score(
        judge=row["judge"],
        value=row["value"],
        passed=row["passed"],
        threshold=row["threshold"],
        weight=row["weight"],
        required=row["required"],
        explanation=row["explanation"],
        cost=row["cost"],
        calls=row["calls"],
        spent=row["spent"],
        details=row["details"],
        cached=row["cached"],
    )
