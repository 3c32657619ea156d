"""What a run needs of the history, whichever database holds it."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self, TypeAlias

from pytest_promptevals.errors import CodecError, HistoryError
from pytest_promptevals.history import rows
from pytest_promptevals.history.comparison_rows import comparison_to_row, gates_to_rows
from pytest_promptevals.history.connecting import SqlConnection
from pytest_promptevals.history.database import WAY_OUT
from pytest_promptevals.history.good_cases import WantedItems, read_good_cases
from pytest_promptevals.history.place import Place
from pytest_promptevals.history.stored import store_text
from pytest_promptevals.history.unfinished import find_unfinished_run, interrupt_abandoned_runs, is_unfinished
from pytest_promptevals.records.comparisons import BaselineCase, Comparison
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run, RunStatus

PATIENCE: Final = 5.0
"""Seconds that a write waits for other processes: theirs take milliseconds, and what waits longer is kept elsewhere."""

Members: TypeAlias = Sequence[tuple[str, str]]
"""Id and content hash of each case of an eval file."""


class RunHistory(abc.ABC):
    """The history database of a run under way. Every method raises ``HistoryError`` with what to do where it fails.

    Several processes may write to the same database; each object belongs to one thread. What differs between the
    databases is in the subclasses.
    """

    place: Place
    """Where the database is."""
    beside: Path
    """What the names of files begin with in which results wait for this history."""
    notice: str | None = None
    """A warning for the user from opening the database: a damaged file was put aside."""

    _connection: SqlConnection
    _LOCKING: ClassVar[str] = ""
    """Ends a query for rows that are changed then, where a transaction does not wait for its turn at its beginning."""
    _SKIPPING: ClassVar[str] = ""
    """The same, for rows that are left alone if somebody else is about to change them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of the database."""

    def start_run(self, run: Run) -> None:
        """Record that a run has begun, or goes on; runs that killed processes left behind become interrupted."""
        with self._writing() as connection:
            row = self._find_row(run.id)
            if row is None:
                self._insert("runs", [rows.run_to_row(run)])
            elif _is_own(row, run) or is_unfinished(connection, _run_of(row)):
                self._update_run(run)
            else:
                raise HistoryError(f"run {run.id} is {row['status']} already, in process {row['pid']} of {row['host']}")
            self._hold(run)
            interrupt_abandoned_runs(connection, but=run.id, locking=self._SKIPPING)

    def restore_run(self, run: Run) -> None:
        """Record a run of the past that ended without a word, unless it is there."""
        row = rows.run_to_row(dataclasses.replace(run, status=RunStatus.INTERRUPTED))
        with self._writing():
            self._insert("runs", [row], _UNLESS_KNOWN)

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
            row = self._read_row(run_id)
            if not is_unfinished(connection, _run_of(row)):
                return False
            self._update_run(dataclasses.replace(run, id=run_id, started_at=row["started_at"]))
            self._claim(run_id)
            return True

    def add_results(self, run_id: str, results: Iterable[CaseResult]) -> None:
        """Record results of a run, in one transaction. A later result of an item takes the place of an earlier one."""
        if last := _last_of_each(results):
            with self._writing():
                self._insert_results(run_id, last)

    def finish_run(self, run: Run, comparisons: Sequence[Comparison]) -> None:
        """Record how a run ended, and what its comparisons say; not if another process has gone on with it.

        Runs of processes that were killed meanwhile become interrupted.
        """
        with self._writing() as connection:
            if _is_own(self._read_row(run.id), run):
                self._update_run(run)
                self._write_end(run, comparisons)
            interrupt_abandoned_runs(connection, but=run.id, locking=self._SKIPPING)

    def add_run(self, run: Run, results: Iterable[CaseResult], comparisons: Sequence[Comparison]) -> None:
        """Record a run that is over, with all that belongs to it, in one transaction. It must not be there yet."""
        with self._writing():
            self._insert("runs", [rows.run_to_row(run)])
            if last := _last_of_each(results):
                self._insert_results(run.id, last)
            self._write_end(run, comparisons)

    def knows_dataset(self, file: str, version: str) -> bool:
        """Return whether that version of an eval file's cases is recorded."""
        query = "SELECT 1 FROM dataset_versions WHERE file = ? AND version = ?"
        with self._explaining():
            return self._connection.execute(query, (store_text(file), version)).fetchone() is not None

    def add_contents(self, contents: Iterable[rows.Content]) -> None:
        """Record texts by their content hashes; those that are known stay as they are."""
        # In one order for all: two processes that write the same texts wait for each other, but never both.
        with self._writing():
            self._insert("contents", [rows.content_to_row(content) for content in sorted(contents)], _UNLESS_KNOWN)

    def add_dataset(self, file: str, version: str, created_at: str, members: Members) -> None:
        """Record which cases an eval file has: id and content hash of each. A version that is known stays as it is."""
        row = rows.dataset_to_row(file, version, created_at, members)
        with self._writing():
            self._insert("dataset_versions", [row], _UNLESS_KNOWN)

    def last_good(self, wanted: WantedItems) -> tuple[BaselineCase, ...]:
        """Return those items' newest scores from the finished runs in which the file's ``score`` gate did not fail."""
        with self._explaining():
            return read_good_cases(self._connection, wanted)

    def _find_row(self, run_id: str) -> Any:
        return self._connection.execute(f"SELECT * FROM runs WHERE id = ?{self._LOCKING}", (run_id,)).fetchone()  # noqa: S608 - text of our own

    def _read_row(self, run_id: str) -> Any:
        row = self._find_row(run_id)
        if row is None:
            raise self._no_run(run_id)
        return row

    def _no_run(self, run_id: str) -> HistoryError:
        return HistoryError(f"history database {self.place} has no run {run_id!r}")

    def _update_run(self, run: Run) -> None:
        row = rows.run_to_row(run)
        changes = ", ".join(f"{column} = ?" for column in row)
        statement = f"UPDATE runs SET {changes} WHERE id = ?"  # noqa: S608 - names of our own
        self._connection.execute(statement, (*row.values(), run.id))

    def _write_end(self, run: Run, comparisons: Sequence[Comparison]) -> None:
        """Record what is known at the end of a run only, in the place of an earlier end."""
        for table in ("run_files", "run_outcomes", "comparisons"):
            self._connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run.id,))  # noqa: S608 - names of our own
        self._insert("run_files", list(rows.files_to_rows(run)))
        self._insert("run_outcomes", list(rows.outcomes_to_rows(run)))
        self._insert("comparisons", [comparison_to_row(run.id, comparison) for comparison in comparisons])
        self._insert("gates", [row for comparison in comparisons for row in gates_to_rows(run.id, comparison)])

    @contextlib.contextmanager
    def _writing(self) -> Iterator[SqlConnection]:
        with self._explaining(), self._transaction():
            yield self._connection

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            with self._explaining_database():
                yield
        except CodecError as error:
            raise HistoryError(f"history database {self.place}: {error}, {WAY_OUT}") from error

    @abc.abstractmethod
    def _transaction(self) -> contextlib.AbstractContextManager[object]:
        """Write all that is written inside, or nothing."""

    @abc.abstractmethod
    def _explaining_database(self) -> contextlib.AbstractContextManager[object]:
        """Turn the database's errors inside into ``HistoryError``."""

    @abc.abstractmethod
    def _insert(self, table: str, new: Sequence[rows.Row], ending: str = "") -> None:
        """Write rows of the same columns; ``ending`` stands behind their values."""

    @abc.abstractmethod
    def _insert_results(self, run_id: str, results: Collection[CaseResult]) -> None:
        """Write results of different items, in the place of earlier ones."""

    def _hold(self, run: Run) -> None:
        """Show other processes that the run is under way; where host and process do so, there is nothing to do."""
        del run

    def _claim(self, run_id: str) -> None:
        """Do the same from now on until this process starts the run."""
        del run_id


_UNLESS_KNOWN: Final = "ON CONFLICT DO NOTHING"


def _last_of_each(results: Iterable[CaseResult]) -> Collection[CaseResult]:
    return {(result.file, result.name): result for result in results}.values()


def _is_own(row: Any, run: Run) -> bool:
    return (row["host"], row["pid"]) == (run.host, run.pid)


def _run_of(row: Any) -> Run:
    return rows.run_from_row(rows.read_row(row))
