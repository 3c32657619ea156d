"""Runs in the history database, to be looked through. Loads SQLAlchemy: imported only where the past is read."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, select
from sqlalchemy.exc import SQLAlchemyError

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history import rows, tables
from pytest_promptevals.history.engine import create_history_engine, sqlite_error_of
from pytest_promptevals.history.history_file import PATIENCE, HistoryFile
from pytest_promptevals.records.codec import SCHEMA_VERSION
from pytest_promptevals.records.comparisons import Comparison
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run


class HistoryStore(HistoryFile):
    """The history database with all that it holds."""

    def __init__(self, connection: sqlite3.Connection, path: Path, notice: str | None = None) -> None:
        """Wrap a connection to an up-to-date database; see ``open``."""
        super().__init__(connection, path, notice)
        self._reader: Final = create_history_engine(path, PATIENCE)

    def close(self) -> None:
        """Close all connections."""
        self._reader.dispose()
        super().close()

    def runs(self, limit: int | None = None) -> tuple[Run, ...]:
        """Return the newest runs, newest first; all of them without a limit."""
        query = select(tables.runs).order_by(tables.runs.c.started_at.desc(), tables.runs.c.id.desc()).limit(limit)
        with self._reading() as connection:
            return tuple(rows.run_from_row(row) for row in connection.execute(query).mappings())

    def run(self, run_id: str) -> Run:
        """Return one run."""
        with self._reading() as connection:
            return rows.run_from_row(self._read_run(connection, run_id))

    def results(self, run_id: str, file: str | None = None) -> tuple[CaseResult, ...]:
        """Return the results of a run, or of one eval file of it, in the order in which they were recorded."""
        results, scores = tables.case_results, tables.scores
        wanted = [results.c.run_id == run_id, *([] if file is None else [results.c.file == file])]
        with self._reading() as connection:
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
        with self._reading() as connection:
            self._check_schema(self._read_run(connection, run_id))
            gates_of = _group(
                connection,
                select(gates).where(gates.c.run_id == run_id).order_by(gates.c.file, gates.c.position),
                "file",
            )
            query = select(comparisons).where(comparisons.c.run_id == run_id).order_by(comparisons.c.file)
            found = connection.execute(query).mappings()
            return tuple(rows.comparison_from_rows(row, gates_of.get(row["file"], ())) for row in found)

    def _read_run(self, connection: Connection, run_id: str) -> RowMapping:
        row = connection.execute(select(tables.runs).where(tables.runs.c.id == run_id)).mappings().first()
        if row is None:
            raise self._no_run(run_id)
        return row

    def _check_schema(self, run: RowMapping) -> None:
        if run["record_schema"] != SCHEMA_VERSION:
            raise HistoryError(
                f"history database {self.path}: run {run['id']} was written with schema {run['record_schema']}, this "
                f"version of pytest-promptevals reads schema {SCHEMA_VERSION}; use the version that wrote it"
            )

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._explaining():
            try:
                with self._reader.begin() as connection:
                    yield connection
            except SQLAlchemyError as error:
                raise sqlite_error_of(error) from error


def _group(connection: Connection, query: Select[Any], column: str) -> dict[Any, list[RowMapping]]:
    """Return the rows of a query by a column, after which they are sorted."""
    found = connection.execute(query).mappings()
    return {key: list(group) for key, group in itertools.groupby(found, key=lambda row: row[column])}
