"""Bringing an older history database up to date. Loads Alembic: imported only where there is something to migrate."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history.engine import create_history_engine, sqlite_error_of, writing
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
        raise sqlite_error_of(error) from error
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
            f"{REVISION}); update pytest-promptevals, or choose another file with 'evals_history'"
        )
    with Operations.context(context):
        for revision in reversed(list(script.iterate_revisions(target, current or "base"))):
            revision.module.upgrade()
            context.stamp(script, revision.revision)
