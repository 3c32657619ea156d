"""A database that may be locked, full, damaged, moved or not ours, and a run that goes on all the same."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from pytest_promptevals.cache.database import Database, explain, open_database, put_cache_aside
from pytest_promptevals.errors import CacheError
from pytest_promptevals.files.sqlite_files import CANNOT_BE_WRITTEN, Identity, code_of, identify, is_busy, is_damage

Result = TypeVar("Result")

LOCK_SECONDS: Final = 30.0
"""How long a locked database is waited for."""

_TRY_SECONDS: Final = 0.2
"""How long SQLite waits by itself; between two such waits it is seen whether to stop."""
_PAUSE_SECONDS: Final = 0.01
_REPAIRS: Final = 5
"""How often the file is opened anew for one action."""
_CANNOT_WRITE: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM)


class Access:
    """Does things with a database, opened at the first use, for as long as it can be used.

    What fails is done without for the rest of the run: first without writing, then altogether.

    Args:
        path: the SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self.notices: list[str] = []
        """What went wrong, one line each for the user."""
        self.stop_at = float("inf")
        """Time of the monotonic clock after which a locked database is not waited for; another thread may set it."""
        self.is_usable = True
        """Whether there is a database."""
        self.can_write = True
        """Whether it takes anything."""
        self.path = path
        """The SQLite file."""
        self._database: Database | None = None
        self._identity: Identity | None = None

    def attempt(self, action: Callable[[sqlite3.Connection], Result]) -> Result | None:
        """Return what an action returns, or ``None`` if there is no database to be used (any more).

        It is begun anew after a repair, so it may do nothing that cannot be done twice but in a transaction.
        """
        give_up = time.monotonic() + LOCK_SECONDS
        repairs = 0
        while self.is_usable:
            try:
                return action(self._connection())
            except CacheError as error:
                self.give_up(str(error))
            except sqlite3.Error as error:
                if is_busy(error):
                    self._wait(error, give_up)
                    continue
                repairs += 1
                if repairs > _REPAIRS or not self._repair(error):
                    self.give_up(str(explain(error, self.path)))
            except Exception as error:  # noqa: BLE001 - a defect here costs the cache and not the run
                self.give_up_after(error)
        return None

    def note(self, notice: str) -> None:
        """Add a line for the user, once."""
        if notice not in self.notices:
            self.notices.append(notice)

    def give_up(self, reason: str) -> None:
        """Do without the database from now on."""
        self.close()
        self.is_usable = False
        self.note(f"{reason}; the run goes on without it")

    def give_up_after(self, error: Exception) -> None:
        """Do without the database after an error that nobody thought of."""
        self.give_up(f"response cache {self.path}: {type(error).__name__}: {error}")

    def try_again(self) -> None:
        """Have the next action open the file anew, and try what has failed so far."""
        self.close()
        self.is_usable = True
        self.can_write = True

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            with contextlib.suppress(sqlite3.Error):
                self._database.connection.close()
        self._database = None

    def _connection(self) -> sqlite3.Connection:
        # SQLite itself goes on writing into a file that was removed, or put aside by another process.
        if self._database is not None and identify(self.path) != self._identity:
            self.close()
        if self._database is None:
            self._identity = identify(self.path)
            self._database = open_database(self.path, _TRY_SECONDS)
            self._identity = self._database.identity
            if not self._database.is_writable:
                self._do_without_writing(f"response cache {self.path}: {CANNOT_BE_WRITTEN}")
        return self._database.connection

    def _wait(self, error: sqlite3.Error, give_up: float) -> None:
        if time.monotonic() <= min(give_up, self.stop_at):
            time.sleep(_PAUSE_SECONDS)
        elif self.can_write:  # others may read while one writes
            self._do_without_writing(str(explain(error, self.path)))
        else:
            self.give_up(str(explain(error, self.path)))

    def _repair(self, error: sqlite3.Error) -> bool:
        """Do what makes a second try worth while; return whether there is such a thing."""
        if identify(self.path) != self._identity:
            self.close()
            return True
        if is_damage(error):
            self._put_aside()
            return True
        if self.can_write and code_of(error) in _CANNOT_WRITE:
            self._do_without_writing(str(explain(error, self.path)))
            return True
        return False

    def _put_aside(self) -> None:
        self.close()
        try:
            aside = put_cache_aside(self.path)
        except CacheError as error:
            self.give_up(str(error))
            return
        if aside is not None:
            self.note(f"response cache {self.path} was damaged; it is kept as {aside.name} and a new one was begun")

    def _do_without_writing(self, reason: str) -> None:
        self.can_write = False
        self.note(f"{reason}; the run goes on, and keeps its responses in memory")
