"""The history database through SQLAlchemy, which takes a quarter of a second to load."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from pytest_promptevals.history.connecting import connect


def create_history_engine(path: Path, patience: float) -> Engine:
    """Return an engine of the SQLite file. Connections are made when they are needed, by the rules of ``connect``."""
    engine = create_engine(URL.create("sqlite", database=str(path)), creator=lambda: connect(path, patience))
    # Python's sqlite3 begins transactions late and by its own rules; here they begin where they are written.
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def writing(engine: Engine) -> Engine:
    """Return the engine for transactions that write: they wait for their turn before they read anything."""
    return engine.execution_options(begin="BEGIN IMMEDIATE")


def sqlite_error_of(error: SQLAlchemyError) -> sqlite3.Error:
    """Return SQLite's own error behind an error of SQLAlchemy."""
    original = getattr(error, "orig", None)
    return original if isinstance(original, sqlite3.Error) else sqlite3.Error(str(error))
