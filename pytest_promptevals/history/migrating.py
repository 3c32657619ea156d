"""Bringing an older history database up to date. Loads Alembic: imported only where there is something to migrate."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history.engine import create_history_engine, create_postgres_engine, original_error, writing
from pytest_promptevals.history.place import PostgresPlace
from pytest_promptevals.history.postgres_connection import MIGRATION_LOCK
from pytest_promptevals.history.schema import REVISION, VERSION_TABLE

FOLDER: Final = Path(__file__).parent / "migrations"
"""Where the migrations are, in a checkout as in an installed wheel."""


def migrate(path: Path, patience: float) -> None:
    """Run the migrations that the database does not have yet, all of them or none.

    Raises ``HistoryError`` if the database has one that this version does not know, and ``sqlite3.Error``.
    """
    engine = create_history_engine(path, patience)
    try:
        with writing(engine).begin() as connection:
            upgrade(connection)
    except SQLAlchemyError as error:
        raise original_error(error) from error
    finally:
        engine.dispose()


def migrate_postgres(place: PostgresPlace, patience: float) -> None:
    """Do the same in a PostgreSQL database, of several processes one after the other.

    Raises ``HistoryError`` as ``migrate`` does, and the driver's errors.
    """
    engine = create_postgres_engine(place, patience)
    try:
        with engine.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            upgrade(connection)
    except SQLAlchemyError as error:
        raise original_error(error) from error
    finally:
        engine.dispose()


def upgrade(connection: Connection, target: str = "head") -> None:
    """Run the migrations up to the target within the transaction under way.

    Raises ``HistoryError`` if the database has one that this version does not know.
    """
    script = ScriptDirectory(str(FOLDER), version_locations=[str(FOLDER)])
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    current = context.get_current_revision()
    if current is not None and current not in {known.revision for known in script.walk_revisions()}:
        raise HistoryError(
            f"it was written by a newer version of pytest-promptevals (its schema is {current}, this version knows "
            f"{REVISION}); update pytest-promptevals, or choose another place with 'evals_history'"
        )
    with Operations.context(context):
        for revision in reversed(list(script.iterate_revisions(target, current or "base"))):
            revision.module.upgrade()
            context.stamp(script, revision.revision)
