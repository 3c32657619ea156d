"""Single cases of a run, where reading all of them would take long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from pytest_promptevals.errors import UsageError, did_you_mean
from pytest_promptevals.history.rows import result_from_rows
from pytest_promptevals.history.schema import OVER_TRIALS
from pytest_promptevals.history.tables import case_results, scores
from pytest_promptevals.records.results import CaseResult

_MOST_NAMES = 2000
"""Names that are compared with one that was mistyped."""


@dataclass(frozen=True, slots=True)
class LowCase:
    """A case that did not pass."""

    file: str
    """The eval file."""
    name: str
    """The item's name."""
    path: str
    """File in which the case stands."""
    line: int
    """Its line."""
    score: float | None
    """Its score; ``None`` for an error."""
    said: str
    """What kept it from being scored, or what the first judge that failed it said."""


def read_low_cases(connection: Connection, run_id: str, limit: int | None = None) -> tuple[LowCase, ...]:
    """Return the cases of a run that did not pass: errors first, then those with the lowest scores."""
    table = case_results.c
    query = (
        select(table.id, table.file, table.name, table.path, table.line, table.score, table.error_message)
        .where(*_is_low(run_id))
        .order_by(table.score.is_not(None), table.score, table.file, table.name)
        .limit(limit)
    )
    found = connection.execute(query).all()
    said = _read_explanations(connection, [row.id for row in found if row.error_message is None])
    return tuple(
        LowCase(row.file, row.name, row.path, row.line, row.score, row.error_message or said.get(row.id, ""))
        for row in found
    )


def count_low_cases(connection: Connection, run_id: str) -> int:
    """Return how many cases of a run did not pass."""
    return connection.scalar(select(func.count()).select_from(case_results).where(*_is_low(run_id))) or 0


def read_results(connection: Connection, run_id: str, name: str) -> tuple[CaseResult, ...]:
    """Return the results of a run's cases of that name: an item's name, or the case's id; by file.

    Raises ``UsageError`` if there are none.
    """
    table = case_results.c
    plain = name.rpartition("::")[2]
    query = select(case_results).where(table.run_id == run_id, or_(table.name == plain, table.case_id == plain))
    if plain != name:
        query = query.where(table.file == name.rpartition("::")[0])
    found = connection.execute(query.order_by(table.file, table.name)).mappings().all()
    if not found:
        raise _no_case(connection, run_id, name)
    return tuple(result_from_rows(row, connection.execute(_scores_of(row["id"])).mappings().all()) for row in found)


def _is_low(run_id: str) -> Sequence[ColumnElement[bool]]:
    table = case_results.c
    return table.run_id == run_id, or_(table.passed.is_(None), table.passed.is_(False))


def _scores_of(result_id: int) -> Select[Any]:
    return select(scores).where(scores.c.result_id == result_id).order_by(scores.c.trial, scores.c.position)


def _read_explanations(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return what the first judge said that failed, by result."""
    table = scores.c
    query = (
        select(table.result_id, table.judge, table.explanation)
        .where(table.result_id.in_(ids), table.trial == OVER_TRIALS, ~table.passed, table.required)
        .order_by(table.result_id, table.position.desc())
    )
    return {row.result_id: f"{row.judge}: {row.explanation}".removesuffix(": ") for row in connection.execute(query)}


def _no_case(connection: Connection, run_id: str, name: str) -> UsageError:
    query = select(case_results.c.name).where(case_results.c.run_id == run_id).limit(_MOST_NAMES)
    hint = did_you_mean(name, list(connection.scalars(query)))
    return UsageError(f"run {run_id} has no case {name!r}.{hint if 'Did you mean' in hint else ''}")
