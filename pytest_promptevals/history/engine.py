"""The history database through SQLAlchemy, which takes a quarter of a second to load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from pytest_promptevals.history.connecting import connect
from pytest_promptevals.history.place import PostgresPlace
from pytest_promptevals.history.postgres_connection import connect_driver


def create_history_engine(path: Path, patience: float) -> Engine:
    """Return an engine of the SQLite file. Connections are made when they are needed, by the rules of ``connect``."""
    engine = create_engine(URL.create("sqlite", database=str(path)), creator=lambda: connect(path, patience))
    # Python's sqlite3 begins transactions late and by its own rules; here they begin where they are written.
    event.listen(engine, "begin", _begin)
    return engine


def create_postgres_engine(place: PostgresPlace, patience: float) -> Engine:
    """Return an engine of the PostgreSQL database, which is connected to when it is needed."""

    def connect_server() -> Any:
        connection = connect_driver(place, patience)
        connection.autocommit = False  # SQLAlchemy begins and ends transactions
        return connection

    return create_engine("postgresql+psycopg://", creator=connect_server)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def writing(engine: Engine) -> Engine:
    """Return the engine for transactions that write: in a file they wait for their turn before they read anything."""
    return engine.execution_options(begin="BEGIN IMMEDIATE")


def reading(engine: Engine) -> Engine:
    """Return the engine for transactions that read, in which nothing changes from the first query on."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ")


def original_error(error: SQLAlchemyError) -> Exception:
    """Return the driver's own error behind an error of SQLAlchemy; the error itself if there is none."""
    original = getattr(error, "orig", None)
    return original if isinstance(original, Exception) else error
