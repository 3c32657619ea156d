"""The SQLite file of the response cache: opening it, putting a damaged one aside, and what its errors mean."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_promptevals.errors import CacheError
from pytest_promptevals.files.own_folder import make_folder
from pytest_promptevals.files.sqlite_files import Identity, code_of, identify, put_aside, reason_of, was_database

SCHEMA_VERSION: Final = 1
"""Raised when the tables change."""

_APPLICATION_ID: Final = 0x70657663
"""Marks a file as ours; ``pevc`` in ASCII."""
_TABLES: Final = (
    "responses (key TEXT PRIMARY KEY, session TEXT NOT NULL, stored_at INTEGER NOT NULL, request TEXT NOT NULL,"
    " response TEXT NOT NULL);"
    "owners (owner TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL,"
    " beat INTEGER NOT NULL) WITHOUT ROWID;"
    "claims (key TEXT PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID;"
    "uses (session TEXT NOT NULL, file TEXT NOT NULL, key TEXT NOT NULL, is_missing INTEGER NOT NULL,"
    " noted_at INTEGER NOT NULL, PRIMARY KEY (session, file, key)) WITHOUT ROWID"
)
_TABLE_NAMES: Final = frozenset(table.split(maxsplit=1)[0] for table in _TABLES.split(";"))
_NOT_TO_BE_WRITTEN: Final = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)


@dataclass(frozen=True, slots=True)
class Database:
    """An open file of the cache."""

    connection: sqlite3.Connection
    """In autocommit mode; may be used in one thread at a time."""
    identity: Identity | None
    """What the file is, whatever its name; ``None`` if it was gone at once."""
    is_writable: bool
    """Whether it was opened for more than reading."""


def open_database(path: Path, timeout: float) -> Database:
    """Open the cache, making it if there is none; where it cannot be written, what is there can be read.

    Args:
        path: the SQLite file.
        timeout: seconds to wait for another process that keeps it locked.

    Raises ``CacheError`` if it is a database of something else or of a newer version, or cannot be used at all, and
    ``sqlite3.Error`` if it is damaged or locked.
    """
    try:
        make_folder(path.parent)
    except OSError as error:
        raise CacheError(
            f"response cache folder {path.parent} cannot be made: {error.strerror}; check the permissions"
        ) from None
    try:
        return Database(_open_for_writing(path, timeout), identify(path), is_writable=True)
    except sqlite3.OperationalError as error:
        if code_of(error) not in _NOT_TO_BE_WRITTEN:
            raise
        return _open_for_reading(path, explain(error, path))


def explain(error: sqlite3.Error, path: Path) -> CacheError:
    """Return the error of a database in the user's words."""
    return CacheError(f"response cache {path}: {reason_of(error)}")


def put_cache_aside(path: Path) -> Path | None:
    """Rename a damaged cache, and return its new name; ``None`` if another process has just done so.

    Raises ``CacheError`` if it is no database of ours, or cannot be renamed.
    """
    if not was_database(path):
        raise CacheError(f"response cache {path} is no database; name another file with 'evals_cache_file'")
    try:
        return put_aside(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CacheError(
            f"response cache {path} is damaged and cannot be renamed: {error.strerror}; move it away"
        ) from None


def _open_for_writing(path: Path, timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
    try:
        if not _is_ours(connection, path):
            _create_tables(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        # A process that is killed loses nothing so; a machine that loses power may lose the last seconds.
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _open_for_reading(path: Path, reason: CacheError) -> Database:
    """Open a cache in a folder that cannot be written. Raises ``reason`` if there is none."""
    # With a log beside it, the file is not all that there is, and who cannot write cannot put the two together.
    if path.with_name(f"{path.name}-wal").exists():
        raise reason
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    except sqlite3.Error:
        raise reason from None
    with contextlib.ExitStack() as undo:
        undo.callback(connection.close)
        try:
            is_ours = _is_ours(connection, path)
        except sqlite3.Error:
            raise reason from None
        if not is_ours:
            raise reason
        undo.pop_all()
    return Database(connection, identify(path), is_writable=False)


def _is_ours(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether the tables are there. Raises ``CacheError`` if other ones are."""
    # The tables first: another process may make all of this at once, between two of these questions.
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application == _APPLICATION_ID and version > SCHEMA_VERSION:
        raise CacheError(
            f"response cache {path} was written by a newer version of pytest-promptevals (its schema is {version}, "
            f"this version reads {SCHEMA_VERSION}); update pytest-promptevals, or name another file with "
            "'evals_cache_file'"
        )
    if application == _APPLICATION_ID:
        return _TABLE_NAMES.issubset(names)  # what is missing is made anew
    if names:
        raise CacheError(
            f"response cache {path} holds tables of something else ({', '.join(names[:3])}); name another file with "
            "'evals_cache_file'"
        )
    return False


def _create_tables(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if not _is_ours(connection, path):  # another process may have been first
        for table in _TABLES.split(";"):
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table}")
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")
