"""The history in PostgreSQL, for the runs of a team, through the driver alone: no database library is loaded."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from typing import ClassVar, Final, Self

from pytest_promptevals.history import rows
from pytest_promptevals.history.place import PostgresPlace
from pytest_promptevals.history.postgres_connection import PostgresConnection
from pytest_promptevals.history.postgres_database import explaining, open_postgres
from pytest_promptevals.history.run_history import PATIENCE, RunHistory
from pytest_promptevals.history.stored import store_text
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run

_CLAIMS: Final[dict[str, PostgresConnection]] = {}
"""Connections of this process that hold the runs which it took over, until it begins to record them."""


class PostgresHistory(RunHistory):
    """The history in a PostgreSQL database. Where it failed, the driver's error is the cause of the ``HistoryError``.

    A run under way holds a lock of the server's, which ends with the process, wherever that runs: so all know at once
    whose process was killed.
    """

    _connection: PostgresConnection
    _LOCKING: ClassVar[str] = " FOR UPDATE"
    _SKIPPING: ClassVar[str] = " FOR UPDATE SKIP LOCKED"

    def __init__(self, connection: PostgresConnection, place: PostgresPlace) -> None:
        """Wrap a connection to an up-to-date database; see ``open``."""
        self.place = self._place = place
        self.beside = place.beside
        self._connection = connection

    @classmethod
    def open(cls, place: PostgresPlace, patience: float = PATIENCE) -> Self:
        """Connect to the database: its tables are made if need be, and brought up to date.

        ``patience`` is how many seconds the server, and other processes, are waited for.
        """
        return cls(open_postgres(place, patience), place)

    def close(self) -> None:
        """Close the connection, unless a run that was taken over needs it until it is recorded."""
        if self._connection not in _CLAIMS.values():
            self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._connection.raw.transaction():
            yield

    def _explaining_database(self) -> contextlib.AbstractContextManager[None]:
        return explaining(self._place)

    def _insert(self, table: str, new: Sequence[rows.Row], ending: str = "") -> None:
        if new:
            marks = ", ".join("?" * len(new[0]))
            statement = f"INSERT INTO {table} ({', '.join(new[0])}) VALUES ({marks}) {ending}"  # noqa: S608 - names of our own
            self._connection.executemany(statement, [tuple(row.values()) for row in new])

    def _insert_results(self, run_id: str, results: Collection[CaseResult]) -> None:
        connection = self._connection
        # Of two processes that record the same run, one waits for the other: neither may miss what it has to replace.
        if connection.execute("SELECT 1 FROM runs WHERE id = ? FOR NO KEY UPDATE", (run_id,)).fetchone() is None:
            raise self._no_run(run_id)
        files, names = zip(*((store_text(each.file), store_text(each.name)) for each in results), strict=True)
        connection.execute(_DELETE_EARLIER, (run_id, list(files), list(names)))
        numbers = [number for (number,) in connection.execute(_NEXT_NUMBERS, (len(results),))]
        numbered = list(zip(numbers, results, strict=True))
        connection.copy(
            "case_results",
            rows.RESULT_COLUMNS,
            [rows.result_values(number, run_id, result) for number, result in numbered],
        )
        connection.copy(
            "scores",
            rows.SCORE_COLUMNS,
            [row for number, result in numbered for row in rows.score_values(number, result)],
        )

    def _hold(self, run: Run) -> None:
        self._connection.hold(run.id)
        self._end_claim(run.id)

    def _claim(self, run_id: str) -> None:
        self._connection.hold(run_id)
        self._end_claim(run_id)
        _CLAIMS[run_id] = self._connection

    def _end_claim(self, run_id: str) -> None:
        claim = _CLAIMS.pop(run_id, None)
        if claim is not None and claim is not self._connection:
            claim.close()


_DELETE_EARLIER: Final = """
    DELETE FROM case_results
    WHERE run_id = ? AND (file, name) IN (SELECT * FROM unnest(CAST(? AS TEXT[]), CAST(? AS TEXT[])))
"""
_NEXT_NUMBERS: Final = """
    SELECT nextval(pg_get_serial_sequence('case_results', 'id')) FROM generate_series(1, ?)
"""
