from __future__ import annotations

import dataclasses
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import make_url
from sqlalchemy.schema import CreateTable

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history import database, tables
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.results import ErrorRecord
from tests.support.sample_results import FILE, make_result, make_run

RUN = make_run()
WAY_OUT = "or keep no history with 'evals_history = off'"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new database: migrating one takes longer than to copy it."""
    path = tmp_path_factory.mktemp("template") / "history.db"
    HistoryStore.open(path).close()
    return path


@pytest.fixture
def path(tmp_path: Path, template: Path) -> Path:
    return Path(shutil.copy(template, tmp_path / "history.db"))


@pytest.fixture
def store(path: Path) -> Iterator[HistoryStore]:
    store = HistoryStore.open(path, busy_timeout=0.05)
    store.start_run(RUN)
    yield store
    store.close()


def sqlite_error(code: int, text: str = "boom") -> OperationalError:
    original = sqlite3.OperationalError(text)
    original.sqlite_errorcode = code
    return OperationalError("INSERT", {}, original)


def test_its_own_folder_is_made_and_kept_out_of_git(tmp_path: Path) -> None:
    path = tmp_path / "a" / ".promptevals" / "history.db"

    HistoryStore.open(path).close()

    assert path.exists()
    assert (path.parent / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_a_new_database_has_a_write_ahead_log_and_need_not_be_in_a_folder_of_its_own(tmp_path: Path) -> None:
    store = HistoryStore.open(tmp_path / "state" / "history.db")

    with store._reader.connect() as connection:
        settings = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in _PRAGMAS]
    assert settings == ["wal", 1, 1]
    store.close()


_PRAGMAS = ("journal_mode", "synchronous", "foreign_keys")


def test_a_gitignore_of_the_user_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / ".promptevals"
    folder.mkdir()
    (folder / ".gitignore").write_text("history.db\n", encoding="utf-8")

    HistoryStore.open(folder / "history.db").close()

    assert (folder / ".gitignore").read_text(encoding="utf-8") == "history.db\n"


def test_another_folder_gets_no_gitignore(path: Path) -> None:
    HistoryStore.open(path).close()

    assert not (path.parent / ".gitignore").exists()


def test_readers_do_not_wait_for_a_writer(store: HistoryStore, path: Path) -> None:
    writer = sqlite3.connect(path)
    writer.execute("BEGIN IMMEDIATE")

    assert [run.id for run in store.runs()] == [RUN.id]
    writer.close()


def test_a_file_that_is_no_database_is_kept_aside(path: Path) -> None:
    path.write_bytes(b"no database at all, but somebody's notes" * 100)

    store = HistoryStore.open(path)

    (aside,) = path.parent.glob("history.db.corrupt-*")
    assert re.fullmatch(r"history\.db\.corrupt-\d{8}-\d{6}-\d{6}", aside.name)
    assert aside.read_bytes().startswith(b"no database at all")
    assert store.notice == f"history database {path} was damaged; it is kept as {aside.name} and a new one was begun"
    assert store.runs() == ()
    store.close()


def test_the_files_beside_a_damaged_database_go_with_it(tmp_path: Path) -> None:
    for name in ("history.db", "history.db-wal", "history.db-shm"):
        (tmp_path / name).write_text(name, encoding="utf-8")

    aside = database.put_aside(tmp_path / "history.db")

    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {
        aside.name + suffix: f"history.db{suffix}" for suffix in ("", "-wal", "-shm")
    }


def test_a_sound_database_has_no_notice(store: HistoryStore) -> None:
    assert store.notice is None


def test_a_damaged_file_that_another_process_has_replaced_is_not_put_aside(
    path: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(b"x" * 5000)
    is_damage = database.is_damage

    def replace_meanwhile(error: OperationalError) -> bool:
        shutil.copy(template, path.with_name("new"))
        path.with_name("new").rename(path)
        return is_damage(error)

    monkeypatch.setattr(database, "is_damage", replace_meanwhile)

    store = HistoryStore.open(path)

    assert store.notice is None
    assert not list(path.parent.glob("*corrupt*"))
    store.close()


def test_a_damaged_file_that_cannot_be_renamed_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"x" * 5000)

    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)

    with pytest.raises(HistoryError) as caught:
        HistoryStore.open(path)

    assert str(caught.value) == (
        f"history database {path} is damaged and cannot be renamed: Permission denied; move it away, {WAY_OUT}"
    )


def test_a_new_database_that_cannot_be_begun_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"x" * 5000)
    put_aside = database.put_aside

    def put_aside_and_block(damaged: Path) -> Path:
        aside = put_aside(damaged)
        damaged.mkdir()
        return aside

    monkeypatch.setattr(database, "put_aside", put_aside_and_block)

    with pytest.raises(HistoryError, match="it cannot be opened; check the permissions"):
        HistoryStore.open(path)


def test_damage_found_while_writing_puts_the_file_aside_for_the_next_run(store: HistoryStore, path: Path) -> None:
    store.add_results(RUN.id, [make_result(str(number)) for number in range(200)])
    store.close()
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * 4096 * 20)

    with pytest.raises(HistoryError) as caught:
        store.add_results(RUN.id, [make_result(str(number)) for number in range(200)])

    (aside,) = path.parent.glob("history.db.corrupt-*")
    assert str(caught.value) == (
        f"history database {path} is damaged; it is kept as {aside.name} and the next run begins a new one"
    )


def test_a_database_of_a_newer_version_is_an_error(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE promptevals_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(HistoryError) as caught:
        HistoryStore.open(path)

    assert str(caught.value) == (
        f"history database {path}: it was written by a newer version of pytest-promptevals (its schema is 9999, this "
        f"version knows 0001); update pytest-promptevals, or choose another file with 'evals_history', {WAY_OUT}"
    )


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE users (id)")
    connection.close()

    with pytest.raises(HistoryError) as caught:
        HistoryStore.open(path)

    assert str(caught.value) == (
        f"history database {path}: it holds tables of something else (users); choose another file with "
        f"'evals_history', {WAY_OUT}"
    )


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".promptevals").touch()

    with pytest.raises(HistoryError) as caught:
        HistoryStore.open(tmp_path / ".promptevals" / "history.db")

    assert str(caught.value) == (
        f"history folder {tmp_path / '.promptevals'} cannot be written: File exists; check its permissions, {WAY_OUT}"
    )


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HistoryError) as caught:
        HistoryStore.open(tmp_path)

    assert str(caught.value) == (
        f"history database {tmp_path}: it cannot be opened; check the permissions of the file and its folder, {WAY_OUT}"
    )


def test_a_locked_database_is_an_error(store: HistoryStore, path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(HistoryError) as caught:
        store.add_results(RUN.id, [make_result()])

    assert str(caught.value) == (
        f"history database {path}: another process keeps it locked; wait until that one is done, {WAY_OUT}"
    )
    other.close()


class BusyConnection:
    """Answers as SQLite does where another process switches the write-ahead log on: at once, and not at all."""

    def __init__(self, refusals: int, code: int = sqlite3.SQLITE_BUSY) -> None:
        self.refusals = refusals
        self.code = code

    def execute(self, statement: str) -> None:
        assert statement == "PRAGMA journal_mode = WAL"
        if self.refusals:
            self.refusals -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.code
            raise error


def test_a_lock_while_the_log_is_switched_on_is_waited_for() -> None:
    connection = BusyConnection(refusals=2)

    database.use_write_ahead_log(cast("sqlite3.Connection", connection), busy_timeout=30)

    assert connection.refusals == 0


@pytest.mark.parametrize(("code", "timeout"), [(sqlite3.SQLITE_BUSY, -1), (sqlite3.SQLITE_IOERR, 30)])
def test_a_log_that_cannot_be_switched_on_is_an_error(code: int, timeout: float) -> None:
    connection = BusyConnection(refusals=100, code=code)

    with pytest.raises(sqlite3.OperationalError):
        database.use_write_ahead_log(cast("sqlite3.Connection", connection), timeout)
    assert connection.refusals == 99


def test_a_connection_that_cannot_be_prepared_is_closed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connections: list[sqlite3.Connection] = []

    def fail(connection: sqlite3.Connection, busy_timeout: float) -> None:
        connections.append(connection)
        raise sqlite3.DatabaseError("boom")

    monkeypatch.setattr(database, "use_write_ahead_log", fail)

    with pytest.raises(HistoryError, match="boom"):
        HistoryStore.open(path)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connections[0].execute("SELECT 1")


def test_a_new_database_that_stays_locked_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(HistoryError, match="another process keeps it locked"):
        HistoryStore.open(path, busy_timeout=0.05)
    other.close()


def test_a_database_that_another_process_has_just_migrated_is_not_migrated_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([None, tables.REVISION])
    monkeypatch.setattr(database, "_read_revision", lambda _: next(answers))

    HistoryStore.open(path).close()

    assert list(answers) == []


def test_a_full_disk_is_an_error_and_what_was_written_stays(store: HistoryStore, path: Path) -> None:
    store.add_results(RUN.id, [make_result("first")])
    with store._reader.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(HistoryError) as caught:
        store.add_results(RUN.id, [make_result(str(number)) for number in range(1000)])

    assert str(caught.value) == f"history database {path}: the disk is full; free some space, {WAY_OUT}"
    assert [result.name for result in store.results(RUN.id)] == ["first"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (sqlite3.SQLITE_READONLY, "it cannot be written; check the permissions of the file and its folder"),
        (
            sqlite3.SQLITE_READONLY_DBMOVED,
            "it cannot be written; check the permissions of the file and its folder",
        ),
        (sqlite3.SQLITE_PERM, "it cannot be written; check the permissions of the file and its folder"),
        (sqlite3.SQLITE_LOCKED, "another process keeps it locked; wait until that one is done"),
        (sqlite3.SQLITE_IOERR, "boom"),
    ],
)
def test_each_sqlite_error_has_words(code: int, reason: str, path: Path) -> None:
    assert str(database.explain(sqlite_error(code), path)) == f"history database {path}: {reason}, {WAY_OUT}"


def test_results_of_an_unknown_run_are_an_error(store: HistoryStore) -> None:
    with pytest.raises(HistoryError, match="FOREIGN KEY constraint failed"):
        store.add_results("none", [make_result()])


def test_asking_for_an_unknown_run_is_an_error(store: HistoryStore, path: Path) -> None:
    for ask in (store.run, store.results, store.comparisons):
        with pytest.raises(HistoryError) as caught:
            ask("none")
        assert str(caught.value) == f"history database {path} has no run 'none'"


def test_finishing_an_unknown_run_is_an_error(store: HistoryStore) -> None:
    with pytest.raises(HistoryError, match="has no run 'none'"):
        store.finish_run(make_run("none"), [])


def test_a_number_that_json_lacks_is_an_error(store: HistoryStore) -> None:
    trial = dataclasses.replace(make_result().trials[0], score=float("nan"))

    with pytest.raises(HistoryError) as caught:
        store.add_results(RUN.id, [make_result(trials=(trial,))])

    assert str(caught.value).endswith(f"nan cannot be stored: JSON has no such number, {WAY_OUT}")


def test_records_of_another_schema_are_an_error(store: HistoryStore, path: Path) -> None:
    with store._writer.begin() as connection:
        connection.exec_driver_sql("UPDATE runs SET record_schema = 2")

    for read in (store.results, store.comparisons):
        with pytest.raises(HistoryError) as caught:
            read(RUN.id)
        assert str(caught.value) == (
            f"history database {path}: run {RUN.id} was written with schema 2, this version of pytest-promptevals "
            "reads schema 1; use the version that wrote it"
        )


@pytest.mark.parametrize(("text", "stored"), [("\ud800 and \0", "\\ud800 and \\x00"), ("\0", "\\x00"), ("é", "é")])
def test_texts_that_utf_8_cannot_hold_are_stored_as_escapes(store: HistoryStore, text: str, stored: str) -> None:
    store.add_results(RUN.id, [make_result(error=ErrorRecord("judge", text))])

    (result,) = store.results(RUN.id)
    assert result.error == ErrorRecord("judge", stored)


def test_an_expected_value_that_json_lacks_is_an_error(store: HistoryStore) -> None:
    with pytest.raises(HistoryError, match="Out of range float values are not JSON compliant"):
        store.add_results(RUN.id, [make_result(expected=float("inf"))])


def test_the_tables_suit_postgresql() -> None:
    dialect = make_url("postgresql+psycopg://").get_dialect()()

    statements = [str(CreateTable(table).compile(dialect=dialect)) for table in tables.metadata.sorted_tables]

    assert "id SERIAL NOT NULL" in statements[1]
    assert "score DOUBLE PRECISION" in statements[1]
    assert not any("ROWID" in statement for statement in statements)


def test_results_of_one_file_can_be_asked_for(store: HistoryStore) -> None:
    store.add_results(RUN.id, [make_result("a"), make_result("a", file="evals/other.eval.yaml")])

    assert [result.file for result in store.results(RUN.id, FILE)] == [FILE]
    assert len(store.results(RUN.id)) == 2


def test_no_results_write_nothing(store: HistoryStore) -> None:
    store.add_results("none", [])


def test_a_result_without_scores_is_stored(store: HistoryStore) -> None:
    store.add_results(RUN.id, [make_result(score=None)])

    assert store.results(RUN.id) == (make_result(score=None),)
