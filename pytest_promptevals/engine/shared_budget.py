"""One budget for the processes of a run, in a small SQLite file.

Each process keeps a lock on a file of its own while it lives. What a process that is gone had under way counts as
spent, since the calls may have been paid.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from pytest_promptevals.engine.budget import Reservation, fits, refusal
from pytest_promptevals.errors import CallNotMadeError, UsageError

_PATIENCE: Final = 5.0
"""Seconds to wait for a file that another process keeps locked; it does so for less than a millisecond."""
_LOOK: Final = 0.01
"""Seconds between two looks whether there is enough by now."""
_WAKE: Final = 0.5
"""Seconds between two looks whether the other processes live."""
_SET_UP: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY CHECK (id = 1), spent REAL NOT NULL, closed_by REAL);
CREATE TABLE IF NOT EXISTS calls (
    number INTEGER PRIMARY KEY, owner TEXT NOT NULL, bound REAL NOT NULL, is_waiting INTEGER NOT NULL
);
INSERT OR IGNORE INTO state VALUES (1, 0.0, NULL);
COMMIT;
"""


class SharedBudget:
    """The limit of a run in several processes, each with an object of its own. Used on one loop.

    Args:
        path: the file that they share, new for each run. Whoever made its folder removes it.
        limit: US dollars, the same in all of them.

    Raises ``UsageError`` if the file cannot be made.
    """

    def __init__(self, path: Path, limit: float) -> None:
        self._path = path
        self._limit = limit
        self._owner = secrets.token_hex(8)
        try:
            self._life = _hold(self._life_file(self._owner))
            self._database = _open(path)
            _set_up(self._database)
        except sqlite3.Error as error:
            raise UsageError(f"--evals-max-cost: {path}, which keeps the count, cannot be made: {error}.") from error
        self._unsettled: list[tuple[int, float]] = []
        self._spent = 0.0
        self._turn = asyncio.Lock()
        self._looked = 0.0

    @property
    def spent(self) -> float:
        """US dollars that the calls of all processes cost so far, at most; the last known if it cannot be read."""
        with contextlib.suppress(sqlite3.Error):
            self._bury_the_dead()
            (written,) = self._database.execute("SELECT spent FROM state").fetchone()
            self._spent = written + sum(cost for _, cost in self._unsettled)
        return self._spent

    async def reserve(self, bound: float) -> Reservation:
        """Take what a call may cost, see ``SpendingLimit``."""
        if bound <= 0:
            return Reservation(0.0)
        # One call of each process waits in the file, and the others behind it.
        async with self._turn:
            try:
                return Reservation(bound, await self._take(bound))
            except sqlite3.Error as error:
                raise CallNotMadeError(
                    f"not run: budget: {self._path}, in which the processes of this run share it, cannot be used: "
                    f"{error}. Free some space, or run without --evals-max-cost.",
                    reason="budget",
                ) from error

    def settle(self, reservation: Reservation, cost: float | None) -> None:
        """Give back what a call did not cost, see ``SpendingLimit``. A second time does nothing."""
        if reservation.is_settled:
            return
        reservation.is_settled = True
        charge = reservation.charge(cost)
        if reservation.number or charge:
            self._give_back(reservation.number, charge)

    def close(self) -> None:
        """Leave the budget; what is under way counts as spent."""
        with contextlib.suppress(sqlite3.Error), self._transaction() as database:
            _count_as_spent(database, self._owner)
        self._database.close()
        self._life.close()
        _remove(self._life_file(self._owner))

    async def _take(self, bound: float) -> int:
        """Return the number of a reservation, once there is enough. Raises ``CallNotMadeError``."""
        number, is_granted = self._ask(bound, None)
        try:
            while not is_granted:
                await asyncio.sleep(_LOOK)
                if time.monotonic() - self._looked > _WAKE:
                    self._bury_the_dead()
                number, is_granted = self._ask(bound, number)
        except (asyncio.CancelledError, sqlite3.Error):
            self._give_back(number, 0.0)
            raise
        return number

    def _ask(self, bound: float, number: int | None) -> tuple[int, bool]:
        """Return the number of a call, new if it has none yet, and whether it may be made or has to wait.

        Raises ``CallNotMadeError`` if it may not be made at all.
        """
        with self._transaction() as database:
            state = _read_state(database)
            closed_by = state.closed_by
            if closed_by is None and not state.under_way and not fits(self._limit, state.spent + bound):
                closed_by = bound
                database.execute("UPDATE state SET closed_by = ?", (bound,))
            if closed_by is not None or not fits(self._limit, state.spent + bound):
                database.execute("DELETE FROM calls WHERE number = ?", (number,))
            else:
                has_room = fits(self._limit, state.spent + state.reserved + bound)
                is_granted = has_room and state.first_waiting == number
                return self._note(database, bound, number, is_waiting=not is_granted), is_granted
        raise refusal(self._limit, state.spent, bound, closed_by)

    def _note(self, database: sqlite3.Connection, bound: float, number: int | None, *, is_waiting: bool) -> int:
        """Write down a call that may be made, or that waits; return its number."""
        row = (number, self._owner, bound, is_waiting)
        (number,) = database.execute(
            "INSERT OR REPLACE INTO calls (number, owner, bound, is_waiting) VALUES (?, ?, ?, ?) RETURNING number", row
        ).fetchone()
        return number

    def _give_back(self, number: int, cost: float) -> None:
        self._unsettled.append((number, cost))
        # Until it can be written, the bound stays reserved: too little is spent, never too much.
        with contextlib.suppress(sqlite3.Error), self._transaction():
            pass

    def _bury_the_dead(self) -> None:
        """Count what processes that are gone had under way as spent."""
        self._looked = time.monotonic()
        owners = self._database.execute("SELECT DISTINCT owner FROM calls WHERE owner <> ?", (self._owner,)).fetchall()
        for owner in (owner for (owner,) in owners if not _is_held(self._life_file(owner))):
            with self._transaction() as database:
                _count_as_spent(database, owner)
            _remove(self._life_file(owner))

    def _life_file(self, owner: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{owner}")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Change the file, alone, after what is still to be settled."""
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            for number, cost in self._unsettled:
                database.execute("UPDATE state SET spent = spent + ?", (cost,))
                database.execute("DELETE FROM calls WHERE number = ?", (number,))
            yield database
            database.execute("COMMIT")
        except BaseException:
            database.execute("ROLLBACK")
            raise
        self._unsettled.clear()


def _set_up(database: sqlite3.Connection) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            database.executescript(_SET_UP)
        except sqlite3.OperationalError as error:
            # Of several processes that make it a WAL file at once, SQLite refuses all but one without waiting.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_LOOK)
        else:
            return


class _State(NamedTuple):
    spent: float
    closed_by: float | None
    reserved: float
    under_way: int
    first_waiting: int | None


def _read_state(database: sqlite3.Connection) -> _State:
    spent, closed_by = database.execute("SELECT spent, closed_by FROM state").fetchone()
    calls = database.execute(
        "SELECT TOTAL(bound) FILTER (WHERE NOT is_waiting), COUNT(*) FILTER (WHERE NOT is_waiting), "
        "MIN(number) FILTER (WHERE is_waiting) FROM calls"
    ).fetchone()
    return _State(spent, closed_by, *calls)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)


def _count_as_spent(database: sqlite3.Connection, owner: str) -> None:
    database.execute(
        "UPDATE state SET spent = spent + (SELECT TOTAL(bound) FROM calls WHERE owner = ? AND NOT is_waiting)", (owner,)
    )
    database.execute("DELETE FROM calls WHERE owner = ?", (owner,))


def _hold(path: Path) -> sqlite3.Connection:
    """Lock a file for as long as the connection is open and the process lives, on every system."""
    connection = _open(path)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("BEGIN EXCLUSIVE")
    return connection


def _is_held(path: Path) -> bool:
    with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return True
    return False


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
