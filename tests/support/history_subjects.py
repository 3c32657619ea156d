"""The databases that a history may be in, to test what is the same in all of them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_promptevals.history.opening import open_history
from pytest_promptevals.history.place import Place, locate_history
from pytest_promptevals.history.store import HistoryStore
from tests.support.postgres_server import PostgresServer

SCRIPT_START = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
rootdir, setting = Path(sys.argv[2]), sys.argv[3]
"""
"""What a script begins with that ``HistorySubject.start`` runs."""


@dataclass(frozen=True)
class HistorySubject:
    """One database, and how to get at it."""

    rootdir: Path
    setting: str
    server: PostgresServer | None = None
    """The server that it is in, if it is in one."""

    @property
    def place(self) -> Place:
        """Where it is."""
        return locate_history(self.rootdir, self.setting)

    def open(self) -> HistoryStore:
        """Open it as the command line does."""
        return open_history(self.rootdir, self.setting)

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement behind the history's back, and return its rows."""
        if self.server is not None:
            return self.server.execute(statement, self.setting.rpartition("/")[2])
        assert isinstance(self.place, Path)
        connection = sqlite3.connect(self.place, isolation_level=None)
        found = connection.execute(statement).fetchall()
        connection.close()
        return found

    def start(self, script: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a process that works with it."""
        root = Path(__file__).resolve().parents[2]
        command = [sys.executable, "-c", SCRIPT_START + script, str(root), str(self.rootdir), self.setting, *arguments]
        return subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8")


def make_subject(rootdir: Path, server: PostgresServer | None, *, is_new: bool = False) -> HistorySubject:
    """Return an empty history; ``is_new`` leaves even its tables to be made."""
    if server is None:
        return HistorySubject(rootdir, "history.db")
    name = server.new_database() if is_new else server.new_database(like=_ready_database(rootdir, server))
    return HistorySubject(rootdir, server.url(name), server)


def _ready_database(rootdir: Path, server: PostgresServer) -> str:
    """Return the name of a database that has the tables: to copy it takes a tenth of the time of making them."""
    name = "ready"
    if not server.has_database(name):
        server.new_database(name)
        open_history(rootdir, server.url(name)).close()
    return name
