"""The history in an SQLite file, through Python's own ``sqlite3``, which loads at once."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.files.sqlite_files import identify, is_damage, write_rows, write_transaction
from pytest_promptevals.history import rows
from pytest_promptevals.history.database import explain, open_database, put_database_aside
from pytest_promptevals.history.run_history import PATIENCE, RunHistory
from pytest_promptevals.records.results import CaseResult


class HistoryFile(RunHistory):
    """The history in an SQLite file. Where SQLite failed, its error is the cause of the ``HistoryError``."""

    def __init__(self, connection: sqlite3.Connection, path: Path, notice: str | None = None) -> None:
        """Wrap a connection to an up-to-date database; see ``open``."""
        connection.row_factory = sqlite3.Row
        self.path: Final = path
        self.place = self.beside = path
        self.notice = notice
        self._connection: sqlite3.Connection = connection
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

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._check_place()
        with write_transaction(self._connection):
            yield

    def _check_place(self) -> None:
        # SQLite itself goes on writing into a file that was removed, or that a reader found damaged and put aside.
        if identify(self.path) != self._identity:
            raise sqlite3.OperationalError("the file was removed or renamed while it was in use")

    @contextlib.contextmanager
    def _explaining_database(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def _explain(self, error: sqlite3.Error) -> HistoryError:
        if not is_damage(error):
            return explain(error, self.path)
        self.close()
        # Another process may have put the damaged file aside before, and begun a new one.
        if identify(self.path) != self._identity:
            return HistoryError(
                f"history database {self.path} was damaged; another process has begun a new one", may_pass=True
            )
        aside = put_database_aside(self.path)
        return HistoryError(
            f"history database {self.path} is damaged; it is kept as {aside.name} and a new one is begun", may_pass=True
        )

    def _insert(self, table: str, new: Sequence[rows.Row], ending: str = "") -> None:
        if new:
            statement = f"{_insert_statement(table, new[0])} {ending}"
            write_rows(self._connection, statement, [tuple(row.values()) for row in new])

    def _insert_results(self, run_id: str, results: Collection[CaseResult]) -> None:
        connection = self._connection
        (newest,) = connection.execute("SELECT max(id) FROM case_results").fetchone()
        numbered = list(enumerate(results, start=(newest or 0) + 1))
        write_rows(
            connection, _INSERT_RESULT, [rows.result_values(number, run_id, result) for number, result in numbered]
        )
        write_rows(
            connection, _INSERT_SCORE, [row for number, result in numbered for row in rows.score_values(number, result)]
        )


def _insert_statement(table: str, columns: Iterable[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {{}}"  # noqa: S608 - names of our own


# An item's earlier result goes, and its scores with it.
_INSERT_RESULT: Final = _insert_statement("case_results", rows.RESULT_COLUMNS).replace("INSERT", "INSERT OR REPLACE", 1)
_INSERT_SCORE: Final = _insert_statement("scores", rows.SCORE_COLUMNS)
