"""What a run needs of the history: written and read through Python's own ``sqlite3``, which loads at once."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self, TypeAlias

from pytest_promptevals.errors import CodecError, HistoryError
from pytest_promptevals.files.sqlite_files import identify, is_damage, write_rows, write_transaction
from pytest_promptevals.history import rows
from pytest_promptevals.history.database import WAY_OUT, explain, open_database, put_database_aside
from pytest_promptevals.history.good_cases import read_good_cases
from pytest_promptevals.history.unfinished import find_unfinished_run, interrupt_abandoned_runs, is_unfinished
from pytest_promptevals.records.comparisons import BaselineCase, Comparison
from pytest_promptevals.records.partial import MAX_LEVEL
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run, RunStatus

PATIENCE: Final = 5.0
"""Seconds that a write waits for other processes: theirs take milliseconds, and what waits longer is kept elsewhere."""

Item: TypeAlias = tuple[str, str]
"""Eval file and name of an item."""


class HistoryFile:
    """The history database of a run under way. Every method raises ``HistoryError`` with what to do where it fails.

    Several processes may have the same file open, and write to it; each object belongs to one thread. Where SQLite
    failed, its error is the cause of the ``HistoryError``.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, notice: str | None = None) -> None:
        """Wrap a connection to an up-to-date database; see ``open``."""
        connection.row_factory = sqlite3.Row
        self.path: Final = path
        self.notice: Final = notice
        """A warning for the user from opening the database: a damaged file was put aside."""
        self._connection: Final = connection
        self._identity: Final = identify(path)

    @classmethod
    def open(cls, path: Path, patience: float = PATIENCE) -> Self:
        """Open the SQLite file of the history: made, with its folder, if need be, and brought up to date.

        A file that is no sound database is renamed, never deleted, and a new one is begun; ``notice`` then says so.
        ``patience`` is how many seconds opening, and each write, waits for other processes.
        """
        connection, notice = open_database(path, patience)
        return cls(connection, path, notice)

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(sqlite3.Error):  # all is written, and SQLite has let go of the file
            self._connection.close()

    def start_run(self, run: Run) -> None:
        """Record that a run has begun, or goes on; runs that killed processes left behind become interrupted."""
        with self._writing() as connection:
            row = connection.execute("SELECT * FROM runs WHERE id = ?", (run.id,)).fetchone()
            if row is None:
                _insert(connection, "runs", rows.run_to_row(run))
            elif (row["host"], row["pid"]) == (run.host, run.pid) or is_unfinished(_run_of(row)):
                _update_run(connection, run)
            else:
                raise HistoryError(f"run {run.id} is {row['status']} already, in process {row['pid']} of {row['host']}")
            interrupt_abandoned_runs(connection, but=run.id)

    def restore_run(self, run: Run) -> None:
        """Record a run of the past that ended without a word, unless it is there."""
        row = rows.run_to_row(dataclasses.replace(run, status=RunStatus.INTERRUPTED))
        with self._writing() as connection:
            if connection.execute("SELECT 1 FROM runs WHERE id = ?", (run.id,)).fetchone() is None:
                _insert(connection, "runs", row)

    def unfinished_run(self, run: Run, *, same_arguments: bool) -> Run | None:
        """Return the newest run of the same share if it did not finish.

        Args:
            run: the run that begins now.
            same_arguments: only a run of the same command line at the same commit.
        """
        with self._explaining():
            return find_unfinished_run(self._connection, run, same_arguments=same_arguments)

    def resume_run(self, run_id: str, run: Run) -> bool:
        """Make a run this process's own, as ``run`` says it but with the time at which it once began.

        Returns whether it did: not if another process was first, or records it still.
        """
        with self._writing() as connection:
            row = self._read_row(connection, run_id)
            if not is_unfinished(_run_of(row)):
                return False
            _update_run(connection, dataclasses.replace(run, id=run_id, started_at=row["started_at"]))
            return True

    def add_results(self, run_id: str, results: Iterable[CaseResult]) -> None:
        """Record results of a run, in one transaction. A later result of an item takes the place of an earlier one."""
        last = {(result.file, result.name): result for result in results}
        if not last:
            return
        with self._writing() as connection:
            (newest,) = connection.execute("SELECT max(id) FROM case_results").fetchone()
            numbered = list(enumerate(last.values(), start=(newest or 0) + 1))
            write_rows(
                connection, _INSERT_RESULT, [rows.result_values(number, run_id, result) for number, result in numbered]
            )
            write_rows(
                connection,
                _INSERT_SCORE,
                [row for number, result in numbered for row in rows.score_values(number, result)],
            )

    def finish_run(self, run: Run, comparisons: Sequence[Comparison]) -> None:
        """Record how a run ended, and what its comparisons say; not if another process has gone on with it."""
        with self._writing() as connection:
            row = self._read_row(connection, run.id)
            if (row["host"], row["pid"]) != (run.host, run.pid):
                return
            _update_run(connection, run)
            connection.execute("DELETE FROM comparisons WHERE run_id = ?", (run.id,))
            for comparison in comparisons:
                _insert(connection, "comparisons", rows.comparison_to_row(run.id, comparison))
                for gate in rows.gates_to_rows(run.id, comparison):
                    _insert(connection, "gates", gate)

    def last_good(
        self, file: str, names: Collection[str], level: int = MAX_LEVEL, whole: Collection[str] = ()
    ) -> tuple[BaselineCase, ...]:
        """Return those items' newest scores from the finished runs in which the file's ``score`` gate did not fail."""
        with self._explaining():
            return read_good_cases(self._connection, file, names, level, whole)

    def _read_row(self, connection: sqlite3.Connection, run_id: str) -> sqlite3.Row:
        row: sqlite3.Row | None = connection.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            raise self._no_run(run_id)
        return row

    def _no_run(self, run_id: str) -> HistoryError:
        return HistoryError(f"history database {self.path} has no run {run_id!r}")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._explaining():
            self._check_place()
            with write_transaction(self._connection):
                yield self._connection

    def _check_place(self) -> None:
        # SQLite itself goes on writing into a file that was removed, or that a reader found damaged and put aside.
        if identify(self.path) != self._identity:
            raise sqlite3.OperationalError("the file was removed or renamed while it was in use")

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._explain(error) from error
        except CodecError as error:
            raise HistoryError(f"history database {self.path}: {error}, {WAY_OUT}") from error

    def _explain(self, error: sqlite3.Error) -> HistoryError:
        if not is_damage(error):
            return explain(error, self.path)
        self.close()
        # Another process may have put the damaged file aside before, and begun a new one.
        if identify(self.path) != self._identity:
            return HistoryError(f"history database {self.path} was damaged; another process has begun a new one")
        aside = put_database_aside(self.path)
        return HistoryError(
            f"history database {self.path} is damaged; it is kept as {aside.name} and a new one is begun"
        )


def _insert_statement(table: str, columns: Collection[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {{}}"  # noqa: S608 - names of our own


# An item's earlier result goes, and its scores with it.
_INSERT_RESULT: Final = _insert_statement("case_results", rows.RESULT_COLUMNS).replace("INSERT", "INSERT OR REPLACE", 1)
_INSERT_SCORE: Final = _insert_statement("scores", rows.SCORE_COLUMNS)


def _insert(connection: sqlite3.Connection, table: str, row: rows.Row) -> None:
    write_rows(connection, _insert_statement(table, row), [tuple(row.values())])


def _update_run(connection: sqlite3.Connection, run: Run) -> None:
    row = rows.run_to_row(run)
    changes = ", ".join(f"{column} = ?" for column in row)
    connection.execute(f"UPDATE runs SET {changes} WHERE id = ?", (*row.values(), run.id))  # noqa: S608 - names of our own


def _run_of(row: sqlite3.Row) -> Run:
    return rows.run_from_row(rows.read_row(row))
