"""Runs in the history database, to be looked through. Loads SQLAlchemy: imported only where the past is read."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, overload

from sqlalchemy import Connection, Engine, RowMapping, Select, select
from sqlalchemy.exc import SQLAlchemyError

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history import rows, tables
from pytest_promptevals.history.comparison_rows import comparison_from_rows
from pytest_promptevals.history.database import open_database
from pytest_promptevals.history.engine import (
    create_history_engine,
    create_postgres_engine,
    original_error,
    reading,
    writing,
)
from pytest_promptevals.history.history_file import HistoryFile
from pytest_promptevals.history.place import Place, PostgresPlace
from pytest_promptevals.history.postgres_database import open_postgres
from pytest_promptevals.history.postgres_history import PostgresHistory
from pytest_promptevals.history.run_history import PATIENCE, RunHistory
from pytest_promptevals.records.codec import SCHEMA_VERSION
from pytest_promptevals.records.comparisons import Comparison
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run


class HistoryStore(RunHistory):
    """The history database with all that it holds."""

    _reader: Engine

    @overload
    @staticmethod
    def open(place: Path, patience: float = PATIENCE) -> FileStore: ...

    @overload
    @staticmethod
    def open(place: PostgresPlace, patience: float = PATIENCE) -> PostgresStore: ...

    @staticmethod
    def open(place: Place, patience: float = PATIENCE) -> HistoryStore:
        """Open the history at that place: its tables are made if need be, and brought up to date.

        ``patience`` is how many seconds opening, and each write, waits for other processes.
        """
        if isinstance(place, PostgresPlace):
            return PostgresStore.connect(place, patience)
        return FileStore.connect(place, patience)

    def runs(self, limit: int | None = None) -> tuple[Run, ...]:
        """Return the newest runs, newest first; all of them without a limit. ``run`` tells more of one."""
        runs, files = tables.runs, tables.run_files
        query = select(runs).order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(limit)
        newest = query.with_only_columns(runs.c.id).subquery()
        with self.reading() as connection:
            files_of = _group(
                connection,
                select(files).join(newest, files.c.run_id == newest.c.id).order_by(files.c.run_id, files.c.file),
                "run_id",
            )
            found = connection.execute(query).mappings()
            return tuple(rows.run_from_row(row, files_of.get(row["id"], ())) for row in found)

    def run(self, run_id: str) -> Run:
        """Return one run, with what pytest made of its items."""
        files, noted = tables.run_files, tables.run_outcomes
        with self.reading() as connection:
            row = self._read_run(connection, run_id)
            query = select(files).where(files.c.run_id == run_id).order_by(files.c.file)
            outcomes = connection.scalar(select(noted.c.outcomes).where(noted.c.run_id == run_id))
            return rows.run_from_row(row, connection.execute(query).mappings().all(), outcomes)

    def results(self, run_id: str, file: str | None = None) -> tuple[CaseResult, ...]:
        """Return the results of a run, or of one eval file of it, in the order in which they were recorded."""
        results, scores = tables.case_results, tables.scores
        wanted = [results.c.run_id == run_id, *([] if file is None else [results.c.file == file])]
        with self.reading() as connection:
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
        with self.reading() as connection:
            self._check_schema(self._read_run(connection, run_id))
            gates_of = _group(
                connection,
                select(gates).where(gates.c.run_id == run_id).order_by(gates.c.file, gates.c.position),
                "file",
            )
            query = select(comparisons).where(comparisons.c.run_id == run_id).order_by(comparisons.c.file)
            found = connection.execute(query).mappings()
            return tuple(comparison_from_rows(row, gates_of.get(row["file"], ())) for row in found)

    def _read_run(self, connection: Connection, run_id: str) -> RowMapping:
        row = connection.execute(select(tables.runs).where(tables.runs.c.id == run_id)).mappings().first()
        if row is None:
            raise self._no_run(run_id)
        return row

    def _check_schema(self, run: RowMapping) -> None:
        if run["record_schema"] != SCHEMA_VERSION:
            raise HistoryError(
                f"history database {self.place}: run {run['id']} was written with schema {run['record_schema']}, this "
                f"version of pytest-promptevals reads schema {SCHEMA_VERSION}; use the version that wrote it"
            )

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection to write on: all that is written inside, or nothing. Else it is as ``reading``."""
        with self._connecting(writing(self._reader)) as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to read from, on which nothing changes meanwhile.

        What fails inside is a ``HistoryError``.
        """
        with self._connecting(reading(self._reader)) as connection:
            yield connection

    @contextlib.contextmanager
    def _connecting(self, engine: Engine) -> Iterator[Connection]:
        with self._explaining():
            try:
                with engine.begin() as connection:
                    yield connection
            except SQLAlchemyError as error:
                raise original_error(error) from error


class FileStore(HistoryStore, HistoryFile):
    """The same in an SQLite file."""

    @classmethod
    def connect(cls, path: Path, patience: float) -> Self:
        """Open the file, as ``HistoryFile.open`` does."""
        connection, notice = open_database(path, patience)
        store = cls(connection, path, notice)
        store._reader = create_history_engine(path, PATIENCE)
        return store

    def close(self) -> None:
        """Close all connections."""
        self._reader.dispose()
        super().close()


class PostgresStore(HistoryStore, PostgresHistory):
    """The same in a PostgreSQL database."""

    @classmethod
    def connect(cls, place: PostgresPlace, patience: float) -> Self:
        """Connect to the database, as ``PostgresHistory.open`` does."""
        store = cls(open_postgres(place, patience), place)
        store._reader = create_postgres_engine(place, patience)
        return store

    def close(self) -> None:
        """Close all connections."""
        self._reader.dispose()
        super().close()


def _group(connection: Connection, query: Select[Any], column: str) -> dict[Any, list[RowMapping]]:
    """Return the rows of a query by a column, after which they are sorted."""
    found = connection.execute(query).mappings()
    return {key: list(group) for key, group in itertools.groupby(found, key=lambda row: row[column])}
