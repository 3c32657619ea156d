"""What a history in an SQLite file does beside the contract."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history import schema
from pytest_promptevals.history.engine import create_history_engine, writing
from pytest_promptevals.history.migrating import FOLDER, upgrade
from pytest_promptevals.history.past import Past
from pytest_promptevals.history.store import HistoryStore
from tests.support.sample_results import FILE, make_result, make_run

RUN = make_run()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def make_old_database(path: Path, revision: str) -> None:
    """Make a database as the version of that migration made it."""
    engine = create_history_engine(path, patience=1)
    with writing(engine).begin() as connection:
        upgrade(connection, revision)
    engine.dispose()


def test_migrations_lead_from_an_empty_database_to_that_of_a_new_one(path: Path, tmp_path: Path) -> None:
    HistoryStore.open(path).close()
    migrated = tmp_path / "migrated.db"
    make_old_database(migrated, "head")

    assert describe(migrated) == describe(path)


def describe(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that SQLite knows of the tables, whatever the order of the columns."""
    connection = sqlite3.connect(path)
    names = sorted(name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
    questions = ("table_info", "foreign_key_list", "index_list")
    known = {
        f"{question} {name}": sorted(
            # The first number only counts; defaults may be in quotes or in brackets.
            tuple(str(value).strip("'()") for value in row[1:])
            for row in connection.execute(f"PRAGMA {question}({name})")
        )
        for name in names
        for question in questions
    }
    rowless = connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%'").fetchall()
    indexed = {
        name: [row[2] for row in connection.execute(f"PRAGMA index_info({name})")]
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    }
    connection.close()
    assert len(names) == 10
    return {**known, "without rowid": rowless, "indexes": sorted(indexed.items())}


def test_a_database_of_the_first_version_that_stays_locked_is_an_error(path: Path) -> None:
    make_old_database(path, "0001")
    other = sqlite3.connect(path)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(HistoryError, match="another process keeps it locked; wait until that one is done"):
        HistoryStore.open(path, patience=0.01)
    other.close()


def test_migrations_are_numbered_in_a_row_and_the_newest_is_known() -> None:
    script = ScriptDirectory(str(FOLDER), version_locations=[str(FOLDER)])

    numbers = [revision.revision for revision in script.walk_revisions()][::-1]

    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert script.get_current_head() == schema.REVISION


@pytest.mark.parametrize("foreign", ["'abc'", "x'00'"])
def test_a_weight_that_somebody_else_wrote_is_not_known(path: Path, foreign: str) -> None:
    with HistoryStore.open(path) as store:
        store.start_run(RUN)
        store.add_results(RUN.id, [make_result("a"), make_result("b", weight=2.0)])
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE case_results SET weight = {foreign} WHERE name = 'a'")  # noqa: S608 - a test
    connection.close()

    assert Past(path.parent, path.name).weights_of(RUN.id, FILE) == {"b": 2.0}


def test_the_file_is_plain_sqlite(path: Path) -> None:
    store = HistoryStore.open(path)
    store.start_run(RUN)
    store.add_results(RUN.id, [make_result("a", 0.5)])

    connection = sqlite3.connect(path)
    query = "SELECT r.name, s.judge, s.value FROM case_results r JOIN scores s ON s.result_id = r.id ORDER BY s.trial"
    assert connection.execute(query).fetchall() == [("a", "exact", 0.5), ("a", "exact", 0.5)]
    connection.close()
    store.close()
