from __future__ import annotations

import re
import shutil
import sqlite3
from pathlib import Path
from typing import cast

import pytest

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.files.sqlite_files import is_damage, put_aside
from pytest_promptevals.history import database, schema
from pytest_promptevals.history.history_file import HistoryFile
from tests.support.sample_results import make_result, make_run

RUN = make_run()
WAY_OUT = "or keep no history with 'evals_history = off'"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "history.db"
    HistoryFile.open(path).close()
    return path


def test_its_own_folder_is_made_and_kept_out_of_git(tmp_path: Path) -> None:
    path = tmp_path / "a" / ".promptevals" / "history.db"

    HistoryFile.open(path).close()

    assert path.exists()
    assert (path.parent / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_a_new_database_has_a_write_ahead_log_and_need_not_be_in_a_folder_of_its_own(tmp_path: Path) -> None:
    store = HistoryFile.open(tmp_path / "state" / "history.db")

    settings = [store._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _PRAGMAS]
    assert settings == ["wal", 1, 1]
    store.close()


_PRAGMAS = ("journal_mode", "synchronous", "foreign_keys")


def test_a_file_that_is_no_database_is_kept_aside(path: Path) -> None:
    path.write_bytes(b"no database at all, but somebody's notes" * 100)

    store = HistoryFile.open(path)

    (aside,) = path.parent.glob("history.db.corrupt-*")
    assert re.fullmatch(r"history\.db\.corrupt-\d{8}-\d{6}-\d{6}", aside.name)
    assert aside.read_bytes().startswith(b"no database at all")
    assert store.notice == f"history database {path} was damaged; it is kept as {aside.name} and a new one was begun"
    store.start_run(RUN)
    store.close()


def test_a_sound_database_has_no_notice(path: Path) -> None:
    store = HistoryFile.open(path)

    assert store.notice is None
    store.close()


def test_a_damaged_file_that_another_process_has_replaced_is_not_put_aside(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(path, path.with_name("new"))
    path.write_bytes(b"x" * 5000)

    def replace_meanwhile(error: sqlite3.Error) -> bool:
        path.with_name("new").rename(path)
        return is_damage(error)

    monkeypatch.setattr(database, "is_damage", replace_meanwhile)

    store = HistoryFile.open(path)

    assert store.notice is None
    assert not list(path.parent.glob("*corrupt*"))
    store.close()


def test_a_damaged_file_that_cannot_be_renamed_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"x" * 5000)

    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)

    with pytest.raises(HistoryError) as caught:
        HistoryFile.open(path)

    assert str(caught.value) == (
        f"history database {path} is damaged and cannot be renamed: Permission denied; move it away, {WAY_OUT}"
    )


def test_a_new_database_that_cannot_be_begun_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"x" * 5000)

    def put_aside_and_block(damaged: Path) -> Path:
        aside = put_aside(damaged)
        damaged.mkdir()
        return aside

    monkeypatch.setattr(database, "put_aside", put_aside_and_block)

    with pytest.raises(HistoryError, match="it cannot be opened; check the permissions"):
        HistoryFile.open(path)


def test_a_database_of_a_newer_version_is_an_error(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE promptevals_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(HistoryError) as caught:
        HistoryFile.open(path)

    assert str(caught.value) == (
        f"history database {path}: it was written by a newer version of pytest-promptevals (its schema is 9999, this "
        f"version knows 0007); update pytest-promptevals, or choose another place with 'evals_history', {WAY_OUT}"
    )


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE users (id)")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(HistoryError) as caught:
        HistoryFile.open(path)

    assert path.read_bytes() == before
    assert str(caught.value) == (
        f"history database {path}: it holds tables of something else (users); choose another file with "
        f"'evals_history', {WAY_OUT}"
    )


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".promptevals").touch()

    with pytest.raises(HistoryError) as caught:
        HistoryFile.open(tmp_path / ".promptevals" / "history.db")

    assert str(caught.value) == (
        f"history folder {tmp_path / '.promptevals'} cannot be written: File exists; check its permissions, {WAY_OUT}"
    )


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HistoryError) as caught:
        HistoryFile.open(tmp_path)

    assert str(caught.value) == (
        f"history database {tmp_path}: it cannot be opened; check the permissions of the file and its folder, {WAY_OUT}"
    )


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

    database.use_write_ahead_log(cast("sqlite3.Connection", connection), patience=30)

    assert connection.refusals == 0


@pytest.mark.parametrize(("code", "timeout"), [(sqlite3.SQLITE_BUSY, -1), (sqlite3.SQLITE_IOERR, 30)])
def test_a_log_that_cannot_be_switched_on_is_an_error(code: int, timeout: float) -> None:
    connection = BusyConnection(refusals=100, code=code)

    with pytest.raises(sqlite3.OperationalError):
        database.use_write_ahead_log(cast("sqlite3.Connection", connection), timeout)
    assert connection.refusals == 99


def test_a_connection_that_cannot_be_prepared_is_closed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connections: list[sqlite3.Connection] = []

    def fail(connection: sqlite3.Connection, patience: float) -> None:
        connections.append(connection)
        raise sqlite3.DatabaseError("boom")

    monkeypatch.setattr(database, "use_write_ahead_log", fail)

    with pytest.raises(HistoryError, match="boom"):
        HistoryFile.open(path)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connections[0].execute("SELECT 1")


def test_a_new_database_that_stays_locked_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(HistoryError, match="another process keeps it locked"):
        HistoryFile.open(path, patience=0.05)
    other.close()


def test_a_new_database_that_another_process_has_just_begun_is_not_begun_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([None, schema.REVISION])
    monkeypatch.setattr(database, "read_revision", lambda _: next(answers))

    HistoryFile.open(path).close()

    assert list(answers) == []


def test_a_file_that_is_no_database_and_not_named_as_one_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "NOTES.md"
    path.write_text("notes " * 1000, encoding="utf-8")

    with pytest.raises(HistoryError) as caught:
        HistoryFile.open(path)

    assert str(caught.value) == (
        f"history database {path} is no database; name another file with 'evals_history', {WAY_OUT}"
    )
    assert path.read_text(encoding="utf-8").startswith("notes")


def test_damage_found_while_writing_puts_the_file_aside(path: Path) -> None:
    history = damaged_history(path)

    with pytest.raises(HistoryError) as caught:
        history.add_results(RUN.id, [make_result(str(number)) for number in range(200)])

    (aside,) = path.parent.glob("history.db.corrupt-*")
    assert str(caught.value) == (
        f"history database {path} is damaged; it is kept as {aside.name} and a new one is begun"
    )


def test_damage_found_after_another_process_began_a_new_database_leaves_that_one_alone(path: Path) -> None:
    history = HistoryFile.open(path)
    path.rename(path.with_name("elsewhere.db"))
    HistoryFile.open(path).close()
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    assert str(history._explain(error)) == f"history database {path} was damaged; another process has begun a new one"
    assert not list(path.parent.glob("*corrupt*"))


def test_a_file_that_is_gone_is_not_written_to(path: Path) -> None:
    history = HistoryFile.open(path)
    path.unlink()

    with pytest.raises(HistoryError) as caught:
        history.start_run(RUN)

    assert str(caught.value) == (
        f"history database {path}: the file was removed or renamed while it was in use, {WAY_OUT}"
    )
    history.close()


def damaged_history(path: Path) -> HistoryFile:
    """A history that is damaged in its midst while it is open."""
    history = HistoryFile.open(path)
    history.start_run(RUN)
    history.add_results(RUN.id, [make_result(str(number)) for number in range(200)])
    history.close()
    with path.open("r+b") as file:
        file.seek(4096 * 22)  # behind the first pages of the tables
        file.write(b"\xff" * (path.stat().st_size - 4096 * 22))
    return HistoryFile.open(path)
