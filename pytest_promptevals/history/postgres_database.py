"""The PostgreSQL database of the history: opening it, bringing it up to date, and what its errors mean."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history import schema
from pytest_promptevals.history.database import WAY_OUT
from pytest_promptevals.history.place import PostgresPlace
from pytest_promptevals.history.postgres_connection import PostgresConnection, connect, load_driver

_LOCKED: Final = "another process keeps it locked; wait until that one is done"
_REASONS: Final = {
    "55P03": _LOCKED,  # lock_not_available
    "40P01": _LOCKED,  # deadlock_detected
    "53100": "the server's disk is full; free some space",
    "25006": "it cannot be written: the server only reads; name the primary server",
}
"""What states of PostgreSQL mean, where its own words do not help."""

_OURS: Final = (
    *("runs", "case_results", "scores", "comparisons", "gates", "run_files", "run_outcomes", "contents"),
    "dataset_versions",
)
_FOREIGN: Final = (
    "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename = ANY(?) ORDER BY 1"
)


def open_postgres(place: PostgresPlace, patience: float) -> PostgresConnection:
    """Return a connection to an up-to-date database.

    Args:
        place: the database; its tables are made if need be.
        patience: seconds that the server, this and every write, and other processes are waited for.

    Raises ``HistoryError`` if there can be none; its cause is the driver's error, if it was one.
    """
    load_driver(place)
    with explaining(place):
        connection = connect(place, patience)
        try:
            _bring_up_to_date(connection, place, patience)
        except BaseException:
            connection.close()
            raise
    return connection


def _bring_up_to_date(connection: PostgresConnection, place: PostgresPlace, patience: float) -> None:
    try:
        if read_postgres_revision(connection) != schema.REVISION:
            _migrate(place, patience)
    except HistoryError as error:
        raise HistoryError(f"history database {place}: {error}, {WAY_OUT}") from error


def _migrate(place: PostgresPlace, patience: float) -> None:
    from pytest_promptevals.history.migrating import migrate_postgres  # noqa: PLC0415 - loads SQLAlchemy and Alembic, 0.4 s

    migrate_postgres(place, patience)


def read_postgres_revision(connection: PostgresConnection) -> str | None:
    """Return the number of a database's last migration, ``None`` if it has no tables of ours.

    Raises ``HistoryError`` if tables of something else stand where ours would.
    """
    if [*connection.execute("SELECT 1 WHERE to_regclass(?) IS NULL", (schema.VERSION_TABLE,))]:
        names = [name for (name,) in connection.execute(_FOREIGN, (list(_OURS),))]
        if names:
            raise HistoryError(
                f"it holds tables of something else ({', '.join(names[:3])}); choose another database with "
                "'evals_history', or another schema of it, as in '…/database?options=-csearch_path%3Devals'"
            )
        return None
    query = f"SELECT version_num FROM {schema.VERSION_TABLE}"  # noqa: S608 - a constant
    return next((str(revision) for (revision,) in connection.execute(query)), None)


@contextlib.contextmanager
def explaining(place: PostgresPlace) -> Iterator[None]:
    """Turn the driver's errors inside into ``HistoryError``."""
    psycopg = load_driver(place)
    try:
        yield
    except psycopg.Error as error:
        raise explain_postgres(error, place) from error


def explain_postgres(error: Exception, place: PostgresPlace) -> HistoryError:
    """Return an error of the driver in the user's words, without the password."""
    state: str | None = getattr(error, "sqlstate", None)
    lines = str(error).strip().splitlines() or [type(error).__name__]
    reason = _REASONS.get(state or "") or " ".join(lines[0].split()).removeprefix("connection failed: ")
    for secret in place.secrets:
        reason = reason.replace(secret, "***")
    # What is fatal is said by a server that is there.
    if state is None and _is_of_connection(error) and "FATAL" not in reason:
        reason += "; start the server or correct 'evals_history'"
    return HistoryError(f"history database {place}: {reason}, {WAY_OUT}", may_pass=True)


def _is_of_connection(error: Exception) -> bool:
    """Return whether the driver says that the connection failed; its classes are not loaded for that."""
    return any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)
