"""Scores that were asked for anew, run by run: what the noise of an eval file is measured on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, ScalarSelect, and_, exists, func, select

from pytest_promptevals.history.tables import case_results, comparisons, run_files, runs
from pytest_promptevals.records.past import FreshScore
from pytest_promptevals.records.runs import RunKind, RunStatus

_RECORDED: Final = "recorded"
"""Model of the cases that carry their own output: nothing is asked for them."""
_TESTED: Final = "test"
"""Model of the cases whose outputs a test function makes."""
_COLUMNS: Final = (
    case_results.c.run_id,
    case_results.c.name,
    case_results.c.model,
    case_results.c.fingerprint,
    case_results.c.score,
    case_results.c.passed,
    case_results.c.fresh_trials,
    case_results.c.trial_scores,
    case_results.c.weight,
    case_results.c.case_group,
    runs.c.git_commit,
    runs.c.git_is_dirty,
)


def list_files(connection: Connection) -> tuple[str, ...]:
    """Return the eval files that were compared in any run, sorted."""
    return tuple(connection.execute(select(comparisons.c.file).distinct().order_by(comparisons.c.file)).scalars())


def find_recorded(connection: Connection, files: Collection[str]) -> frozenset[str]:
    """Return those of the eval files all of whose results are outputs that the cases carry: nothing is asked there."""
    table = case_results.c
    asked = select(table.file).distinct().where(table.file.in_(files), table.model != _RECORDED)
    return frozenset(files) - frozenset(connection.scalars(asked))


def read_fresh_scores(connection: Connection, file: str, last: int) -> tuple[Mapping[str, FreshScore], ...]:
    """Return the scores of an eval file's cases by name, for each run that asked for them anew, oldest first.

    Only scores count all of whose responses were asked for in that run. The newest ``last`` runs of the file are
    looked at, without those over less than half of its cases, and those whose cases were chosen by what was known of
    them: reruns of what had failed, runs that were interrupted, and those that took over results of others.
    """
    has_taken_over = exists().where(
        case_results.c.run_id == runs.c.id, case_results.c.file == file, case_results.c.reused_from.is_not(None)
    )
    is_test = (
        comparisons.c.file == file,
        runs.c.kind == RunKind.RUN.value,
        runs.c.status == RunStatus.FINISHED.value,
        ~has_taken_over,
        2 * _count_cases(file) >= func.coalesce(run_files.c.cases, 0),
    )
    newest = (
        select(runs.c.id)
        .join(comparisons, comparisons.c.run_id == runs.c.id)
        .outerjoin(run_files, and_(run_files.c.run_id == runs.c.id, run_files.c.file == file))
        .where(*is_test)
    )
    ids = connection.execute(newest.order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(last)).scalars().all()
    query = select(*_COLUMNS).join(runs, runs.c.id == case_results.c.run_id)
    wanted = query.where(
        case_results.c.run_id.in_(ids),
        case_results.c.file == file,
        case_results.c.fresh_trials > 0,
        case_results.c.score.is_not(None),
        case_results.c.error_kind.is_(None),
        case_results.c.model != _RECORDED,
    )
    by_run: dict[str, dict[str, FreshScore]] = {run_id: {} for run_id in reversed(ids)}
    for row in connection.execute(wanted).mappings():
        if row["fresh_trials"] == _count_trials(row):
            by_run[row["run_id"]][row["name"]] = _to_score(row)
    return tuple(scores for scores in by_run.values() if scores)


def _count_cases(file: str) -> ScalarSelect[int]:
    """Return how many cases of an eval file a run has results of."""
    table = case_results.c
    counted = select(func.count(table.case_id.distinct())).where(table.run_id == runs.c.id, table.file == file)
    return counted.correlate(runs).scalar_subquery()


def _count_trials(row: RowMapping) -> int:
    scores: list[Any] | None = row["trial_scores"]
    return len(scores) if scores else 1


def _to_score(row: RowMapping) -> FreshScore:
    return FreshScore(
        fingerprint=_fingerprint(row),
        score=row["score"],
        passed=bool(row["passed"]),
        trials=row["fresh_trials"],
        weight=row["weight"],
        group=row["case_group"],
    )


def _fingerprint(row: RowMapping) -> str:
    """Return what was asked; where a test function made the output, its code belongs to that."""
    if row["model"] != _TESTED:
        return str(row["fingerprint"])
    is_known = row["git_commit"] is not None and not row["git_is_dirty"]
    return f"{row['fingerprint']}@{row['git_commit'] if is_known else row['run_id']}"
