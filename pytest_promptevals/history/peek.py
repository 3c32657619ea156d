"""Questions to the history before a run, in a few milliseconds: nothing is written, and no answer is never an error."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from pytest_promptevals.errors import PromptEvalsError
from pytest_promptevals.history.connecting import SqlConnection
from pytest_promptevals.history.database import read_revision
from pytest_promptevals.history.place import Place, PostgresPlace
from pytest_promptevals.history.postgres_connection import connect
from pytest_promptevals.history.postgres_database import explaining, read_postgres_revision
from pytest_promptevals.history.rows import read_row, result_from_rows
from pytest_promptevals.history.schema import REVISION
from pytest_promptevals.history.unfinished import find_unfinished_run
from pytest_promptevals.records.codec import SCHEMA_VERSION
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run

PATIENCE: Final = 1.0
"""Seconds that a question waits for other processes."""

Answer = TypeVar("Answer")


def ask(place: Place, question: Callable[[SqlConnection], Answer]) -> Answer | None:
    """Return the answer to a question, ``None`` without an up-to-date history or if it cannot be read.

    What is wrong with it is said when the run is recorded.
    """
    try:
        return _ask_postgres(place, question) if isinstance(place, PostgresPlace) else _ask_file(place, question)
    except (sqlite3.Error, OSError, LookupError, TypeError, ValueError, PromptEvalsError):
        return None


def _ask_postgres(place: PostgresPlace, question: Callable[[SqlConnection], Answer]) -> Answer | None:
    with explaining(place), contextlib.closing(connect(place, PATIENCE)) as connection:
        connection.execute("SET default_transaction_read_only = on")
        return question(connection) if read_postgres_revision(connection) == REVISION else None


def _ask_file(path: Path, question: Callable[[SqlConnection], Answer]) -> Answer | None:
    with contextlib.closing(_open(path)) as connection:
        connection.row_factory = sqlite3.Row
        return question(connection) if read_revision(connection) == REVISION else None


def _open(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    # Where SQLite may keep no files of its own and there are none, nobody writes: the file is all there is.
    if not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists():
        uri += "&immutable=1"
    return sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)


def read_unfinished_run(place: Place, run: Run, *, same_arguments: bool) -> Run | None:
    """Return the newest run of the same share if it did not finish, else ``None``.

    Args:
        place: where the history is.
        run: the run that begins now.
        same_arguments: only a run of the same command line at the same commit.
    """
    return ask(place, lambda connection: find_unfinished_run(connection, run, same_arguments=same_arguments))


def read_finished(place: Place, run_id: str) -> dict[tuple[str, str], CaseResult]:
    """Return the results of a run that are no errors, by eval file and name; none if they cannot be read."""
    return ask(place, lambda connection: _read_results(connection, run_id)) or {}


_RESULTS: Final = """
    SELECT case_results.* FROM case_results JOIN runs ON runs.id = case_results.run_id
    WHERE case_results.run_id = ? AND case_results.error_kind IS NULL AND runs.record_schema = ?
"""
_SCORES: Final = "SELECT * FROM scores WHERE result_id = ? ORDER BY trial, position"


def _read_results(connection: SqlConnection, run_id: str) -> dict[tuple[str, str], CaseResult]:
    results: dict[tuple[str, str], CaseResult] = {}
    for row in connection.execute(_RESULTS, (run_id, SCHEMA_VERSION)):
        scores = map(read_row, connection.execute(_SCORES, (row["id"],)))
        results[row["file"], row["name"]] = result_from_rows(read_row(row), scores)
    return results
