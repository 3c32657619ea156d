"""Metrics of eval files over runs, from the rows of comparisons alone: results of cases are not looked at."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, select

from pytest_promptevals.history.run_queries import filter_conditions
from pytest_promptevals.history.tables import comparisons, gates, runs
from pytest_promptevals.records.comparisons import Verdict
from pytest_promptevals.records.effects import (
    COST,
    JUDGE_PREFIX,
    LATENCY_P50,
    LATENCY_P95,
    OUTPUT_LENGTH,
    PASS_RATE,
    SCORE,
)
from pytest_promptevals.records.run_filters import RunFilter
from pytest_promptevals.records.trends import TrendPoint

_COLUMNS: Final = {
    SCORE: comparisons.c.mean_score,
    PASS_RATE: comparisons.c.pass_rate,
    COST: comparisons.c.cost,
    LATENCY_P50: comparisons.c.latency_p50,
    LATENCY_P95: comparisons.c.latency_p95,
    OUTPUT_LENGTH: comparisons.c.output_length,
}
_Verdicts: TypeAlias = Mapping[tuple[str, str], tuple[Verdict, ...]]


def read_trends(
    connection: Connection, wanted: RunFilter, files: Collection[str] = (), last: int | None = None
) -> tuple[TrendPoint, ...]:
    """Return what runs say of eval files, by file, oldest first.

    Args:
        connection: to the history.
        wanted: which runs.
        files: which eval files; all of them if empty.
        last: the newest so many of the runs that say something of those files; all of them if ``None``.
    """
    newest = _newest_runs(wanted, files, last).subquery()
    columns = [column.label(metric) for metric, column in _COLUMNS.items()]
    query = (
        select(
            runs.c.id,
            runs.c.started_at,
            runs.c.git_branch,
            runs.c.git_commit,
            runs.c.git_is_dirty,
            comparisons.c.file,
            comparisons.c.cases,
            comparisons.c.errors,
            comparisons.c.judges,
            *columns,
        )
        .join(newest, newest.c.id == runs.c.id)
        .join(comparisons, comparisons.c.run_id == runs.c.id)
        .where(*_is_of(files))
        .order_by(comparisons.c.file, runs.c.started_at, runs.c.id)
    )
    verdicts = _read_verdicts(connection, newest.select())
    return tuple(_point_of(row, verdicts) for row in connection.execute(query).mappings())


def known_files(connection: Connection) -> tuple[str, ...]:
    """Return the eval files that any run says something of, sorted."""
    return tuple(connection.execute(select(comparisons.c.file).distinct().order_by(comparisons.c.file)).scalars())


def _newest_runs(wanted: RunFilter, files: Collection[str], last: int | None) -> Select[tuple[str]]:
    compared = select(comparisons.c.run_id).where(comparisons.c.run_id == runs.c.id, *_is_of(files)).exists()
    query = select(runs.c.id).where(*filter_conditions(wanted), compared)
    return query.order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(last)


def _is_of(files: Collection[str]) -> Sequence[ColumnElement[bool]]:
    return [comparisons.c.file.in_(files)] if files else []


def _read_verdicts(connection: Connection, newest: Select[Any]) -> _Verdicts:
    query = (
        select(gates.c.run_id, gates.c.file, gates.c.verdict)
        .where(gates.c.run_id.in_(newest))
        .order_by(gates.c.run_id, gates.c.file, gates.c.position)
    )
    return {
        key: tuple(Verdict(verdict) for _, _, verdict in group)
        for key, group in itertools.groupby(connection.execute(query), key=lambda row: (row[0], row[1]))
    }


def _point_of(row: RowMapping, verdicts: _Verdicts) -> TrendPoint:
    values = {metric: row[metric] for metric in _COLUMNS if row[metric] is not None}
    judges = {f"{JUDGE_PREFIX}{name}": value for name, value in (row["judges"] or {}).items()}
    return TrendPoint(
        run_id=row["id"],
        started_at=row["started_at"],
        branch=row["git_branch"],
        commit=row["git_commit"],
        is_dirty=bool(row["git_is_dirty"]),
        file=row["file"],
        cases=row["cases"],
        errors=row["errors"],
        values=values | judges,
        verdicts=verdicts.get((row["id"], row["file"]), ()),
    )
