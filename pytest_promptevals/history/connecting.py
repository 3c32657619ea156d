"""Connections to the SQLite file of the history."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def connect(path: Path, patience: float) -> sqlite3.Connection:
    """Return a connection on which transactions begin where they are written; ``patience`` is in seconds."""
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    # A process that is killed loses nothing so; a machine that loses power may lose the last seconds.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection
