"""Connections to the history: to an SQLite file, and what those to any database have in common."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol


class SqlConnection(Protocol):
    """A connection whose rows know their values by column, and yield them in order.

    Statements keep to what SQLite and PostgreSQL both understand; question marks stand for values.
    """

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Any:
        """Run a statement and return its cursor."""

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]], /) -> Any:
        """Run a statement for each of the rows."""


def connect(path: Path, patience: float) -> sqlite3.Connection:
    """Return a connection on which transactions begin where they are written; ``patience`` is in seconds."""
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    # A process that is killed loses nothing so; a machine that loses power may lose the last seconds.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection
