"""The SQLite file of the history: opening it, bringing it up to date, and what its errors mean."""

from __future__ import annotations

import datetime as dt
import sqlite3
import time
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.files.text import write_text_atomically
from pytest_promptevals.history.tables import REVISION, VERSION_TABLE

OWN_FOLDER: Final = ".promptevals"
"""A folder of this name belongs to the project's tool alone and is kept out of git."""

WAY_OUT: Final = "or keep no history with 'evals_history = off'"

_PERMISSIONS: Final = "check the permissions of the file and its folder"
_REASONS: Final = {
    sqlite3.SQLITE_BUSY: "another process keeps it locked; wait until that one is done",
    sqlite3.SQLITE_LOCKED: "another process keeps it locked; wait until that one is done",
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_READONLY: f"it cannot be written; {_PERMISSIONS}",
    sqlite3.SQLITE_PERM: f"it cannot be written; {_PERMISSIONS}",
    sqlite3.SQLITE_CANTOPEN: f"it cannot be opened; {_PERMISSIONS}",
}
_DAMAGE: Final = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_HEADER: Final = b"SQLite format 3\0"
_PRIMARY_CODE: Final = 0xFF


def open_database(path: Path, busy_timeout: float) -> tuple[Engine, str | None]:
    """Return the engine of an up-to-date database, and a warning if a damaged file was put aside for it.

    Raises ``HistoryError`` if there can be none.
    """
    _make_folder(path.parent)
    identity = _identify(path)
    try:
        return _open(path, busy_timeout), None
    except SQLAlchemyError as error:
        if not is_damage(error):
            raise explain(error, path) from error
        if not _was_database(path):
            raise HistoryError(
                f"history database {path} is no database; name another file with 'evals_history', {WAY_OUT}"
            ) from error
    # Another process may have put the damaged file aside in the meantime, and begun the new one.
    aside = put_aside(path) if _identify(path) == identity else None
    try:
        engine = _open(path, busy_timeout)
    except SQLAlchemyError as error:
        raise explain(error, path) from error
    if aside is None:
        return engine, None
    return engine, f"history database {path} was damaged; it is kept as {aside.name} and a new one was begun"


def _was_database(path: Path) -> bool:
    """Return whether a damaged file is ours to rename: one that begins or is named as a database."""
    if path.suffix.lower() in (".db", ".sqlite", ".sqlite3"):
        return True
    with path.open("rb") as file:
        return file.read(len(_HEADER)) == _HEADER


def is_damage(error: SQLAlchemyError) -> bool:
    """Return whether an error means that the file is no sound SQLite database."""
    return _code_of(error) in _DAMAGE


def explain(error: SQLAlchemyError, path: Path) -> HistoryError:
    """Return the error of a database in the user's words."""
    reason = _REASONS.get(_code_of(error), str(getattr(error, "orig", None) or error))
    return HistoryError(f"history database {path}: {reason}, {WAY_OUT}")


def put_aside(path: Path) -> Path:
    """Rename a damaged database, with the files that SQLite keeps beside it. Raises ``HistoryError`` if it cannot."""
    now = dt.datetime.now(dt.UTC)
    aside = path.with_name(f"{path.name}.corrupt-{now:%Y%m%d-%H%M%S-%f}")
    try:
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            companion = path.with_name(path.name + suffix)
            if companion.exists():
                companion.rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise HistoryError(
            f"history database {path} is damaged and cannot be renamed: {error.strerror}; move it away, {WAY_OUT}"
        ) from error
    return aside


def _code_of(error: SQLAlchemyError) -> int:
    return int(getattr(getattr(error, "orig", None), "sqlite_errorcode", 0)) & _PRIMARY_CODE


def _identify(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _make_folder(folder: Path) -> None:
    ignore = folder / ".gitignore"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.name == OWN_FOLDER and not ignore.exists():
            write_text_atomically(ignore, "*\n")
    except OSError as error:
        raise HistoryError(
            f"history folder {folder} cannot be written: {error.strerror}; check its permissions, {WAY_OUT}"
        ) from error


def _open(path: Path, busy_timeout: float) -> Engine:
    engine = _create_engine(path, busy_timeout)
    try:
        with engine.connect() as connection:
            revision = _read_revision(connection)
        if revision != REVISION:
            _migrate(engine)
    except HistoryError as error:
        engine.dispose()
        raise HistoryError(f"history database {path}: {error}, {WAY_OUT}") from error
    except BaseException:
        engine.dispose()
        raise
    return engine


def _migrate(engine: Engine) -> None:
    from pytest_promptevals.history.migrating import migrate  # noqa: PLC0415 - Alembic takes as long as SQLAlchemy

    with writing(engine).begin() as connection:
        if _read_revision(connection) != REVISION:  # another process may have been first
            migrate(connection)


def _read_revision(connection: Connection) -> str | None:
    names = inspect(connection).get_table_names()
    if VERSION_TABLE in names:
        revision: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - a constant
        return revision
    if names:
        raise HistoryError(
            f"it holds tables of something else ({', '.join(names[:3])}); choose another file with 'evals_history'"
        )
    return None


def writing(engine: Engine) -> Engine:
    """Return the engine for transactions that write: they wait for their turn before they read anything."""
    return engine.execution_options(begin="BEGIN IMMEDIATE")


def _create_engine(path: Path, busy_timeout: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_timeout, "isolation_level": None},
    )

    def prepare(connection: sqlite3.Connection, record: object) -> None:
        del record
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = NORMAL")
            use_write_ahead_log(connection, busy_timeout)
        except BaseException:
            connection.close()  # SQLAlchemy does not know of it yet
            raise

    event.listen(engine, "connect", prepare)
    # Python's sqlite3 begins transactions late and by its own rules; here they begin where they are written.
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def use_write_ahead_log(connection: sqlite3.Connection, busy_timeout: float) -> None:
    """Let readers and a writer work at once.

    SQLite does not wait by itself where two processes switch the log on in a new file at the same time.
    """
    give_up = time.monotonic() + busy_timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return
