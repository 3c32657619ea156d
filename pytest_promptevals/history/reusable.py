"""Results of earlier runs that stand for cases of the run that begins."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history.baselines import SCORE_DIGITS, round_figure, round_length
from pytest_promptevals.history.opening import open_history
from pytest_promptevals.history.rows import result_from_rows
from pytest_promptevals.history.run_queries import find_run
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.history.tables import case_results, runs, scores
from pytest_promptevals.records.codec import SCHEMA_VERSION
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.results import OF_BASELINE, CaseResult
from pytest_promptevals.records.runs import Run, RunKind

_BATCH: Final = 400
"""Names that one query asks for: databases limit how many values a statement has."""
_KEPT: Final = (
    *("id", "name", "run_id", "reused_from", "fingerprint", "score", "passed", "trial_scores", "judge_values"),
    *("cost", "latency", "output_length"),
)
"""Columns that tell which result a baseline was made of."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run of the history with its results."""

    run: Run
    """The run."""
    results: Mapping[tuple[str, str], CaseResult]
    """By eval file and name."""
    asked_at: str
    """When the run began whose outputs these are: its own beginning, or that of the run that it reuses itself."""


def find_run_id(rootdir: Path, setting: str, reference: str) -> str:
    """Return the id of the run that a text means: its id or the beginning of it, a saved name, or latest.

    Raises ``UsageError`` for a reference that is not known or means no run, ``HistoryError`` without a history.
    """
    with open_history(rootdir, setting) as store, store.reading() as connection:
        return find_run(connection, reference)


def read_stored_run(rootdir: Path, setting: str, reference: str) -> StoredRun:
    """Return the run that a text means, with all of its results. Raises as ``find_run_id`` does."""
    with open_history(rootdir, setting) as store:
        with store.reading() as connection:
            run_id = find_run(connection, reference)
        results, run = store.results(run_id), store.run(run_id)
        asked_at = find_beginning(store, run)
    return StoredRun(run, {(result.file, result.name): result for result in results}, asked_at)


def find_beginning(store: HistoryStore, run: Run) -> str:
    """Return when a run began, or the one whose outputs it decides or judges anew."""
    while run.kind in (RunKind.REGATE, RunKind.REJUDGE) and run.parent is not None:
        try:
            run = store.run(run.parent)
        except HistoryError:  # removed since
            break
    return run.started_at


def read_files(connection: Connection, run_id: str) -> list[str]:
    """Return the eval files that a run has results of, sorted."""
    query = select(case_results.c.file).where(case_results.c.run_id == run_id).distinct()
    return sorted(file for (file,) in connection.execute(query))


def read_same_results(
    rootdir: Path, setting: str, file: str, cases: Mapping[str, BaselineCase]
) -> Mapping[str, tuple[str, CaseResult]]:
    """Return the newest result of each item of a file that is what a baseline keeps of it, and the id of its run.

    Args:
        rootdir: root of the project.
        setting: the setting ``evals_history``.
        file: the eval file.
        cases: the baseline's cases by the item's name: what they keep tells which result they were made of.

    Raises ``HistoryError`` if the history cannot be read.
    """
    found: dict[str, tuple[str, CaseResult]] = {}
    with open_history(rootdir, setting) as store, store.reading() as connection:
        for names in _batches(cases):
            newest = _find_newest(connection, file, {name: cases[name] for name in names})
            found |= _read_results(connection, newest)
    return found


def _batches(names: Iterable[str]) -> Iterator[list[str]]:
    left = iter(names)
    while batch := list(itertools.islice(left, _BATCH)):
        yield batch


def _find_newest(connection: Connection, file: str, cases: Mapping[str, BaselineCase]) -> dict[int, str]:
    """Return ids of results, with the id of the run that each was made in."""
    columns = case_results.c
    query = (
        select(*(columns[name] for name in _KEPT))
        .join(runs, runs.c.id == columns.run_id)
        .where(
            columns.file == file,
            columns.name.in_(list(cases)),
            columns.fingerprint.in_(sorted({case.fingerprint for case in cases.values()})),
            columns.error_kind.is_(None),
            columns.score.is_not(None),
            runs.c.record_schema == SCHEMA_VERSION,
            runs.c.kind.not_in((RunKind.ATTRIBUTE.value, RunKind.SHARD.value)),
            func.coalesce(columns.reused_from, "") != OF_BASELINE,  # the baseline itself is at hand
        )
        .order_by(runs.c.started_at.desc(), runs.c.id.desc())
    )
    newest: dict[str, tuple[int, str]] = {}
    for row in connection.execute(query):
        if _is_origin(row, cases[row.name]):
            newest.setdefault(row.name, (row.id, row.reused_from or row.run_id))
    return dict(newest.values())


def _is_origin(row: Row[Any], before: BaselineCase) -> bool:
    """Return whether a baseline keeps just that of a case which a result says.

    The same score is not enough: another run may have it from other judges, at another price.
    """
    return (
        before.fingerprint == row.fingerprint
        and before.passed is row.passed
        and _rounded([before.score, *before.trial_scores]) == _rounded([row.score, *(row.trial_scores or ())])
        and _rounded(before.scores.values())
        == _rounded((row.judge_values or {}).get(name, -1.0) for name in before.scores)
        and round_figure(before.cost) == round_figure(row.cost)
        and round_figure(before.latency) == round_figure(row.latency)
        and round_length(before.output_length) == round_length(row.output_length)
    )


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(value, SCORE_DIGITS) for value in values]


def _read_results(connection: Connection, origins: Mapping[int, str]) -> dict[str, tuple[str, CaseResult]]:
    ids: Sequence[int] = list(origins)
    by_result: dict[int, list[object]] = {}
    ordered = (scores.c.result_id, scores.c.trial, scores.c.position)
    for row in connection.execute(select(scores).where(scores.c.result_id.in_(ids)).order_by(*ordered)).mappings():
        by_result.setdefault(row["result_id"], []).append(row)
    rows = connection.execute(select(case_results).where(case_results.c.id.in_(ids))).mappings()
    results = {row["id"]: result_from_rows(row, by_result.get(row["id"], ())) for row in rows}  # type: ignore[arg-type]  # rows, by their columns
    return {result.name: (origins[number], result) for number, result in results.items()}
