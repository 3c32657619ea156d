"""Runs in the history database. Loads SQLAlchemy: imported only where something is recorded or read."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

from sqlalchemy import Connection, Engine, RowMapping, Select, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from pytest_promptevals.errors import CodecError, HistoryError
from pytest_promptevals.history import rows, tables
from pytest_promptevals.history.database import WAY_OUT, explain, is_damage, open_database, put_aside, writing
from pytest_promptevals.history.good_cases import read_good_cases
from pytest_promptevals.records.codec import SCHEMA_VERSION
from pytest_promptevals.records.comparisons import BaselineCase, Comparison
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run

BUSY_TIMEOUT: Final = 30.0
"""Seconds that a write waits for other processes."""

Item: TypeAlias = tuple[str, str]
"""Eval file and name of an item."""


class HistoryStore:
    """The history database. Every method raises ``HistoryError`` with what to do where the database fails.

    Several processes may have the same file open, and write to it.
    """

    def __init__(self, engine: Engine, path: Path, notice: str | None = None) -> None:
        """Wrap an engine whose database is up to date; see ``open``."""
        self.path: Final = path
        self.notice: Final = notice
        """A warning for the user from opening the database: a damaged file was put aside."""
        self._reader = engine
        self._writer = writing(engine)

    @classmethod
    def open(cls, path: Path, busy_timeout: float = BUSY_TIMEOUT) -> Self:
        """Open the SQLite file of the history: made, with its folder, if need be, and brought up to date.

        A file that is no sound database is renamed, never deleted, and a new one is begun; ``notice`` then says so.
        """
        engine, notice = open_database(path, busy_timeout)
        return cls(engine, path, notice)

    def close(self) -> None:
        """Close all connections."""
        self._reader.dispose()

    def start_run(self, run: Run) -> None:
        """Record that a run has begun."""
        with self._transaction(self._writer) as connection:
            connection.execute(insert(tables.runs), rows.run_to_row(run))

    def add_results(self, run_id: str, results: Iterable[CaseResult]) -> None:
        """Record results of a run, in one transaction. A later result of an item takes the place of an earlier one."""
        last = {(result.file, result.name): result for result in results}
        if not last:
            return
        with self._transaction(self._writer) as connection:
            if earlier := _read_ids(connection, run_id, last):
                connection.execute(delete(tables.case_results).where(tables.case_results.c.id.in_(earlier.values())))
            connection.execute(
                insert(tables.case_results), [rows.result_to_row(run_id, result) for result in last.values()]
            )
            ids = _read_ids(connection, run_id, last)
            scores = [row for item, result in last.items() for row in rows.scores_to_rows(ids[item], result)]
            if scores:
                connection.execute(insert(tables.scores), scores)

    def finish_run(self, run: Run, comparisons: Sequence[Comparison]) -> None:
        """Record how a run ended, and what its comparisons say."""
        values = rows.run_to_row(run)
        with self._transaction(self._writer) as connection:
            found = connection.execute(update(tables.runs).where(tables.runs.c.id == run.id).values(values))
            if found.rowcount == 0:
                raise self._no_run(run.id)
            connection.execute(delete(tables.comparisons).where(tables.comparisons.c.run_id == run.id))
            for comparison in comparisons:
                connection.execute(insert(tables.comparisons), rows.comparison_to_row(run.id, comparison))
                if gates := list(rows.gates_to_rows(run.id, comparison)):
                    connection.execute(insert(tables.gates), gates)

    def runs(self, limit: int | None = None) -> tuple[Run, ...]:
        """Return the newest runs, newest first; all of them without a limit."""
        query = select(tables.runs).order_by(tables.runs.c.started_at.desc(), tables.runs.c.id.desc()).limit(limit)
        with self._transaction(self._reader) as connection:
            return tuple(rows.run_from_row(row) for row in connection.execute(query).mappings())

    def run(self, run_id: str) -> Run:
        """Return one run."""
        with self._transaction(self._reader) as connection:
            return rows.run_from_row(self._read_run(connection, run_id))

    def results(self, run_id: str, file: str | None = None) -> tuple[CaseResult, ...]:
        """Return the results of a run, or of one eval file of it, in the order in which they were recorded."""
        results, scores = tables.case_results, tables.scores
        wanted = [results.c.run_id == run_id, *([] if file is None else [results.c.file == file])]
        with self._transaction(self._reader) as connection:
            self._check_schema(self._read_run(connection, run_id))
            scores_of = _group(
                connection,
                select(scores)
                .join(results)
                .where(*wanted)
                .order_by(scores.c.result_id, scores.c.trial, scores.c.position),
                "result_id",
            )
            found = connection.execute(select(results).where(*wanted).order_by(results.c.id)).mappings()
            return tuple(rows.result_from_rows(row, scores_of.get(row["id"], ())) for row in found)

    def comparisons(self, run_id: str) -> tuple[Comparison, ...]:
        """Return the comparisons of a finished run, by file."""
        comparisons, gates = tables.comparisons, tables.gates
        with self._transaction(self._reader) as connection:
            self._check_schema(self._read_run(connection, run_id))
            gates_of = _group(
                connection,
                select(gates).where(gates.c.run_id == run_id).order_by(gates.c.file, gates.c.position),
                "file",
            )
            query = select(comparisons).where(comparisons.c.run_id == run_id).order_by(comparisons.c.file)
            found = connection.execute(query).mappings()
            return tuple(rows.comparison_from_rows(row, gates_of.get(row["file"], ())) for row in found)

    def last_good(self, file: str, names: Collection[str]) -> tuple[BaselineCase, ...]:
        """Return those items' newest scores from the finished runs in which the file's ``score`` gate did not fail."""
        with self._transaction(self._reader) as connection:
            return read_good_cases(connection, file, names)

    def _read_run(self, connection: Connection, run_id: str) -> RowMapping:
        row = connection.execute(select(tables.runs).where(tables.runs.c.id == run_id)).mappings().first()
        if row is None:
            raise self._no_run(run_id)
        return row

    def _no_run(self, run_id: str) -> HistoryError:
        return HistoryError(f"history database {self.path} has no run {run_id!r}")

    def _check_schema(self, run: RowMapping) -> None:
        if run["record_schema"] != SCHEMA_VERSION:
            raise HistoryError(
                f"history database {self.path}: run {run['id']} was written with schema {run['record_schema']}, this "
                f"version of pytest-promptevals reads schema {SCHEMA_VERSION}; use the version that wrote it"
            )

    @contextlib.contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        try:
            with engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self._explain(error) from error
        except CodecError as error:
            raise HistoryError(f"history database {self.path}: {error}, {WAY_OUT}") from error

    def _explain(self, error: SQLAlchemyError) -> HistoryError:
        if not is_damage(error):
            return explain(error, self.path)
        self.close()
        aside = put_aside(self.path)
        return HistoryError(
            f"history database {self.path} is damaged; it is kept as {aside.name} and the next run begins a new one"
        )


def _read_ids(connection: Connection, run_id: str, items: Collection[Item]) -> dict[Item, int]:
    """Return the ids of the items' results. After an insert, to ask once is faster than RETURNING row by row."""
    columns = tables.case_results.c
    query = select(columns.file, columns.name, columns.id).where(
        columns.run_id == run_id, columns.name.in_([name for _, name in items])
    )
    # A name may stand in several files.
    found = {(file, name): result_id for file, name, result_id in connection.execute(query)}
    return {item: found[item] for item in items if item in found}


def _group(connection: Connection, query: Select[Any], column: str) -> dict[Any, list[RowMapping]]:
    """Return the rows of a query by a column, after which they are sorted."""
    found = connection.execute(query).mappings()
    return {key: list(group) for key, group in itertools.groupby(found, key=lambda row: row[column])}
