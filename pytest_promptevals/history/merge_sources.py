"""Where the parts of a run are: in the history, or in history files that other machines wrote."""

from __future__ import annotations

import contextlib
import glob
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, select, update

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.files.sqlite_files import reason_of
from pytest_promptevals.history.merging import Part, share_of
from pytest_promptevals.history.run_queries import find_run
from pytest_promptevals.history.store import FileStore, HistoryStore
from pytest_promptevals.history.tables import runs
from pytest_promptevals.history.unsaved import add_unsaved_runs
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run, RunKind, RunStatus

_NOT_COPIED: Final = "-shm"
"""Ends the name of what SQLite keeps of the processes that use a file now."""
_MERGED: Final = (RunKind.RUN.value, RunKind.SHARD.value)
_NEWEST_FIRST: Final = (runs.c.started_at.desc(), runs.c.id.desc())


@contextlib.contextmanager
def open_copy(path: Path, shown: str, folder: Path) -> Iterator[FileStore]:
    """Give a copy of a history file in an empty folder, so that the file itself stays as it is.

    What lies beside it of runs that it did not take is in the copy. Raises ``HistoryError`` with the name that is to be
    ``shown``.
    """
    copy = folder / path.name
    try:
        for part in path.parent.glob(f"{glob.escape(path.name)}*"):
            if part.is_file() and not part.name.endswith(_NOT_COPIED):
                shutil.copyfile(part, folder / part.name)
    except OSError as error:
        raise HistoryError(f"{shown} cannot be read: {error.strerror}") from error
    _check_sound(copy, shown)
    try:
        with FileStore.connect(copy, patience=1.0) as store:
            add_unsaved_runs(store)
            yield store
    except HistoryError as error:
        raise HistoryError(str(error).replace(str(copy), shown)) from error


def _check_sound(copy: Path, shown: str) -> None:
    advice = "bring it from its job once more, or run that job again"
    try:
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise HistoryError(f"{shown} is damaged, or no history ({reason_of(error)}); {advice}") from error
    if answer != "ok":
        raise HistoryError(f"{shown} is damaged; {advice}")


def find_parts(store: HistoryStore, place: str = "", reference: str = "") -> list[Part]:
    """Return a run and the other shares of its selection at its commit: all attempts at them, newest first.

    Args:
        store: the history.
        place: what to call it; empty for the history of the project.
        reference: an id, the beginning of one, a saved name or ``latest``; without one, the newest run is meant. A run
            that was merged stands for its shares.

    Raises ``UsageError`` for a reference that means none, ``HistoryError`` where there is none at all.
    """
    with store.reading() as connection:
        found = find_run(connection, reference) if reference else _newest(connection)
    if found is None:
        raise HistoryError(f"{place or 'the history'} has no run of evals; run pytest first")
    run = store.run(found)
    with store.reading() as connection:
        ids = _shares_of(connection, run)
    return [Part(store.run(run_id), place, partial(_read, store, run_id)) for run_id in ids]


def state_of(store: HistoryStore, run_id: str) -> RunStatus | None:
    """Return how far the run of that id got, ``None`` if there is none."""
    with store.reading() as connection:
        status = connection.scalar(select(runs.c.status).where(runs.c.id == run_id))
    return None if status is None else RunStatus(status)


def mark_shards(store: HistoryStore, run_id: str, parts: Sequence[str]) -> None:
    """Record that runs are shares of another, so that they do not count beside it; those that are not there do not."""
    with store.writing() as connection:
        of_parts = (runs.c.id.in_(list(parts)), runs.c.kind == RunKind.RUN.value)
        connection.execute(update(runs).where(*of_parts).values(kind=RunKind.SHARD.value, parent=run_id))


def _newest(connection: Connection) -> str | None:
    merged = select(runs.c.parent).where(runs.c.kind == RunKind.SHARD.value, runs.c.parent.is_not(None))
    wanted = (runs.c.kind.in_(_MERGED), runs.c.id.not_in(merged))
    found = connection.scalar(select(runs.c.id).where(*wanted).order_by(*_NEWEST_FIRST).limit(1))
    return None if found is None else str(found)


def _shares_of(connection: Connection, run: Run) -> list[str]:
    """Return the ids of the shares that a run is one of, or was merged of; itself if it is none."""
    if run.shard is None:
        parts = select(runs.c.id).where(runs.c.kind == RunKind.SHARD.value, runs.c.parent == run.id)
        return list(connection.scalars(parts.order_by(*_NEWEST_FIRST))) or [run.id]
    commit, selection, count = share_of(run)
    same = (runs.c.git_commit.is_not_distinct_from(commit), runs.c.selection == selection)
    query = select(runs.c.id).where(runs.c.kind.in_(_MERGED), runs.c.shard.endswith(f"/{count}"), *same)
    found = list(connection.scalars(query.order_by(*_NEWEST_FIRST)))
    return found if run.id in found else [run.id]


def _read(store: HistoryStore, run_id: str) -> tuple[CaseResult, ...]:
    return store.results(run_id)
