"""SQLite files: what their errors mean, and what becomes of a damaged one."""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

Identity: TypeAlias = tuple[int, int]
"""Device and inode of a file."""

_PERMISSIONS: Final = "check the permissions of the file and its folder"
CANNOT_BE_WRITTEN: Final = f"it cannot be written; {_PERMISSIONS}"
"""What is said of a database that can be read only."""
_LOCKED: Final = "another process keeps it locked; wait until that one is done"
_REASONS: Final = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_PROTOCOL: _LOCKED,
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_READONLY: CANNOT_BE_WRITTEN,
    sqlite3.SQLITE_PERM: CANNOT_BE_WRITTEN,
    sqlite3.SQLITE_CANTOPEN: f"it cannot be opened; {_PERMISSIONS}",
}
_DAMAGE: Final = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
_SUFFIXES: Final = (".db", ".sqlite", ".sqlite3")
_HEADER: Final = b"SQLite format 3\0"
_PRIMARY_CODE: Final = 0xFF
_ROWS_AT_ONCE: Final = 200
"""Python lets another thread run, and then waits for it, at each step of a statement: a row a step is expensive."""


def identify(path: Path) -> Identity | None:
    """Return what tells the file of that name from any other, or ``None`` if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def code_of(error: sqlite3.Error) -> int:
    """Return SQLite's primary code of an error; 0 for an error of Python's own."""
    return int(getattr(error, "sqlite_errorcode", 0)) & _PRIMARY_CODE


def is_damage(error: BaseException | None) -> bool:
    """Return whether an error means that the file is no sound SQLite database."""
    return isinstance(error, sqlite3.Error) and code_of(error) in _DAMAGE


def is_busy(error: BaseException | None) -> bool:
    """Return whether an error means that another process keeps the database locked."""
    return isinstance(error, sqlite3.Error) and code_of(error) in _BUSY


def reason_of(error: sqlite3.Error) -> str:
    """Return what an error means and what to do, in the user's words."""
    return _REASONS.get(code_of(error), str(error))


def was_database(path: Path) -> bool:
    """Return whether a damaged file is a tool's to rename: one that begins or is named as a database."""
    return path.suffix.lower() in _SUFFIXES or is_database(path)


def is_database(path: Path) -> bool:
    """Return whether a file begins as an SQLite database does."""
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER
    except OSError:
        return False


def put_aside(path: Path) -> Path:
    """Rename a damaged database, with the files that SQLite keeps beside it; return its new name.

    Raises ``OSError`` if it cannot be renamed; ``FileNotFoundError`` where another process has just done so.
    """
    aside = path.with_name(f"{path.name}.corrupt-{dt.datetime.now(dt.UTC):%Y%m%d-%H%M%S-%f}")
    # The file itself last: SQLite would put a log that is left behind into the next file of the name.
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return path.rename(aside)


def write_rows(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[object]]) -> None:
    """Write rows with an ``INSERT`` that has ``{}`` in the place of what follows ``VALUES``, many of them at once.

    All rows have the same number of values. Use it inside a transaction: it may take several statements.
    """
    if not rows:
        return
    marks = f"({', '.join('?' * len(rows[0]))})"
    size = min(_ROWS_AT_ONCE, connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // len(rows[0]))
    rest = len(rows) % size
    many = statement.format(", ".join([marks] * size))
    for start in range(0, len(rows) - rest, size):
        connection.execute(many, [value for row in rows[start : start + size] for value in row])
    # One statement for any number of them: a statement for each number would fill the memory of prepared ones.
    connection.executemany(statement.format(marks), rows[len(rows) - rest :])


@contextlib.contextmanager
def write_transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all that is written inside, or nothing. It waits for its turn before it reads anything."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have ended the transaction already.
        with contextlib.suppress(sqlite3.Error):
            connection.rollback()
        raise
