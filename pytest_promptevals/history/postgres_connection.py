"""Connections to a history in PostgreSQL that take the same statements as Python's ``sqlite3``."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history.place import PostgresPlace

if TYPE_CHECKING:
    import psycopg

LEAST_SECONDS: Final = 2
"""Shortest time that PostgreSQL's library waits for a connection."""

_LOCKS: Final = 0x70E7A15
"""First half of the advisory locks that are held for runs under way."""
MIGRATION_LOCK: Final = 0x70E7A16
"""Advisory lock of whoever makes or changes the tables."""

Cursor: TypeAlias = "psycopg.Cursor[PostgresRow]"


class PostgresRow:
    """A row that knows its values by column, and yields them in order."""

    __slots__ = ("_columns", "_values")

    def __init__(self, columns: dict[str, int], values: Sequence[Any]) -> None:
        self._columns = columns
        self._values = values

    def __getitem__(self, column: str) -> Any:
        return self._values[self._columns[column]]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def keys(self) -> list[str]:
        """Return the names of the columns."""
        return list(self._columns)


class PostgresConnection:
    """A connection on which each statement is a transaction, unless one is begun."""

    def __init__(self, connection: psycopg.Connection[PostgresRow]) -> None:
        """Wrap a connection; see ``connect``."""
        self.raw: Final = connection

    def execute(self, statement: str, values: Sequence[object] = ()) -> Cursor:
        """Run a statement in which question marks stand for the values."""
        return self.raw.execute(to_postgres(statement), values)

    def executemany(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement for each of the rows."""
        if rows:
            self.raw.cursor().executemany(to_postgres(statement), rows)

    def copy(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Write rows into a table, many of them at once."""
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        with self.raw.cursor().copy(statement) as copying:
            for row in rows:
                copying.write_row(row)

    def hold(self, run_id: str) -> None:
        """Show all others, for as long as the connection lives, that the run is under way."""
        self.execute("SELECT pg_advisory_lock_shared(?, ?)", (_LOCKS, _number(run_id)))

    def is_held(self, run_id: str) -> bool:
        """Return whether any connection, this one too, shows that the run is under way."""
        return self.execute(_IS_HELD, (_LOCKS, _number(run_id))).fetchone() is not None

    def close(self) -> None:
        """Close the connection."""
        self.raw.close()


_IS_HELD: Final = """
    SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory' AND classid = ? AND objid = ? AND granted LIMIT 1
"""


def to_postgres(statement: str) -> str:
    """Return a statement with the placeholders of PostgreSQL's driver. None of ours has a question mark in a text."""
    return statement.replace("%", "%%").replace("?", "%s")


def _number(run_id: str) -> int:
    return zlib.crc32(run_id.encode("utf-8", "backslashreplace")) >> 1  # as half of a lock: 31 bits


def connect(place: PostgresPlace, patience: float) -> PostgresConnection:
    """Return a connection; ``patience`` is how many seconds it, and each lock, is waited for.

    Raises ``HistoryError`` without the driver, and the driver's own errors.
    """
    raw = connect_driver(place, patience)
    raw.row_factory = _make_row
    return PostgresConnection(raw)


def connect_driver(place: PostgresPlace, patience: float) -> Any:
    """Return a connection of the driver, as ``connect`` does, that yields tuples."""
    psycopg = load_driver(place)
    seconds = max(LEAST_SECONDS, round(patience))
    known = _read_url(place)
    # What the user says in the URL counts.
    defaults = {
        "connect_timeout": seconds,
        "tcp_user_timeout": 1000 * 2 * seconds,  # milliseconds; a server that is gone without a word
        "keepalives_idle": 60,  # seconds; a connection that is silent for long is forgotten on the way
        "application_name": "pytest-promptevals",
        "client_encoding": "utf8",
    }
    ours = {name: value for name, value in defaults.items() if name not in known}
    connection = psycopg.connect(place.conninfo, autocommit=True, **ours)
    connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{max(1, int(patience * 1000))}ms",))
    return connection


def _read_url(place: PostgresPlace) -> dict[str, Any]:
    if not place.is_escaped:
        raise HistoryError(
            f"history database {place}: '/', '?', '#', '@' and spaces in user and password have to be escaped, '@' as "
            "'%40'; or leave the password out, it may stand in PGPASSWORD or in ~/.pgpass"
        )
    psycopg = load_driver(place)
    try:
        known: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(place.conninfo)
    except psycopg.ProgrammingError as error:
        raise HistoryError(f"history database {place}: {str(error).strip()}; correct 'evals_history'") from None
    return known


def load_driver(place: PostgresPlace) -> Any:
    """Return the package ``psycopg``, which takes a tenth of a second to load.

    Raises ``HistoryError`` with the command that installs it if it is not there.
    """
    try:
        import psycopg  # noqa: PLC0415 - of an extra, and slow to load
    except ImportError:
        raise HistoryError(
            f"history database {place} needs the package psycopg; install it with: "
            'pip install "pytest-promptevals[postgres]"'
        ) from None
    return psycopg


def _make_row(cursor: psycopg.Cursor[Any]) -> Any:
    columns = {column.name: index for index, column in enumerate(cursor.description or ())}
    return lambda values: PostgresRow(columns, values)
