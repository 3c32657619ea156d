"""The SQLite file of the history: opening it and bringing it up to date."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Final

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.files.own_folder import make_folder
from pytest_promptevals.files.sqlite_files import (
    identify,
    is_busy,
    is_damage,
    put_aside,
    reason_of,
    was_database,
    write_transaction,
)
from pytest_promptevals.history import schema
from pytest_promptevals.history.connecting import connect

WAY_OUT: Final = "or keep no history with 'evals_history = off'"


def open_database(path: Path, patience: float) -> tuple[sqlite3.Connection, str | None]:
    """Return a connection to an up-to-date database, and a warning if a damaged file was put aside for it.

    Args:
        path: the SQLite file; made, with its folder, if need be.
        patience: seconds that this and every write waits for other processes.

    Raises ``HistoryError`` if there can be none; its cause is SQLite's error, if it was one.
    """
    _make_folder(path.parent)
    identity = identify(path)
    try:
        return _open(path, patience), None
    except sqlite3.Error as error:
        if not is_damage(error):
            raise explain(error, path) from error
        if not was_database(path):
            raise HistoryError(
                f"history database {path} is no database; name another file with 'evals_history', {WAY_OUT}"
            ) from None
    # Another process may have put the damaged file aside in the meantime, and begun the new one.
    aside = put_database_aside(path) if identify(path) == identity else None
    try:
        connection = _open(path, patience)
    except sqlite3.Error as error:
        raise explain(error, path) from error
    if aside is None:
        return connection, None
    return connection, f"history database {path} was damaged; it is kept as {aside.name} and a new one was begun"


def explain(error: sqlite3.Error, path: Path) -> HistoryError:
    """Return the error of a database in the user's words."""
    return HistoryError(f"history database {path}: {reason_of(error)}, {WAY_OUT}", may_pass=True)


def put_database_aside(path: Path) -> Path:
    """Rename a damaged database and return its new name. Raises ``HistoryError`` if it cannot be renamed."""
    try:
        return put_aside(path)
    except OSError as error:
        raise HistoryError(
            f"history database {path} is damaged and cannot be renamed: {error.strerror}; move it away, {WAY_OUT}"
        ) from error


def _make_folder(folder: Path) -> None:
    try:
        make_folder(folder)
    except OSError as error:
        raise HistoryError(
            f"history folder {folder} cannot be written: {error.strerror}; check its permissions, {WAY_OUT}"
        ) from error


def _open(path: Path, patience: float) -> sqlite3.Connection:
    connection = connect(path, patience)
    try:
        revision = read_revision(connection)  # first: a database of something else is left as it is
        use_write_ahead_log(connection, patience)
        if revision is None:
            revision = _create_tables(connection)
        if revision != schema.REVISION:
            _migrate(path, patience)
    except HistoryError as error:
        connection.close()
        raise HistoryError(f"history database {path}: {error}, {WAY_OUT}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def read_revision(connection: sqlite3.Connection) -> str | None:
    """Return the number of a database's last migration, ``None`` if it is empty.

    Raises ``HistoryError`` if it is a database of something else.
    """
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    names = [name for (name,) in connection.execute(query)]
    if schema.VERSION_TABLE in names:
        (revision,) = connection.execute(f"SELECT version_num FROM {schema.VERSION_TABLE}").fetchone()  # noqa: S608 - a constant
        return str(revision)
    if names:
        raise HistoryError(
            f"it holds tables of something else ({', '.join(names[:3])}); choose another file with 'evals_history'"
        )
    return None


def _create_tables(connection: sqlite3.Connection) -> str | None:
    """Make an empty database one of this version, without the time that loading Alembic takes."""
    with write_transaction(connection):
        if (revision := read_revision(connection)) is not None:  # another process has been first
            return revision
        for statement in schema.CREATE:
            connection.execute(statement)
    return schema.REVISION


def _migrate(path: Path, patience: float) -> None:
    from pytest_promptevals.history.migrating import migrate  # noqa: PLC0415 - loads SQLAlchemy and Alembic, 0.4 s

    migrate(path, patience)


def use_write_ahead_log(connection: sqlite3.Connection, patience: float) -> None:
    """Let readers and a writer work at once.

    SQLite does not wait by itself where two processes switch the log on in a new file at the same time.
    """
    give_up = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return
