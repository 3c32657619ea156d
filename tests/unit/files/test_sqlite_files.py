from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from pytest_promptevals.files.sqlite_files import (
    code_of,
    identify,
    is_busy,
    is_damage,
    put_aside,
    reason_of,
    was_database,
    write_rows,
    write_transaction,
)


def error_with(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("boom")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (sqlite3.SQLITE_READONLY, "it cannot be written; check the permissions of the file and its folder"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "it cannot be written; check the permissions of the file and its folder"),
        (sqlite3.SQLITE_PERM, "it cannot be written; check the permissions of the file and its folder"),
        (sqlite3.SQLITE_CANTOPEN, "it cannot be opened; check the permissions of the file and its folder"),
        (sqlite3.SQLITE_BUSY, "another process keeps it locked; wait until that one is done"),
        (sqlite3.SQLITE_LOCKED, "another process keeps it locked; wait until that one is done"),
        (sqlite3.SQLITE_FULL, "the disk is full; free some space"),
        (sqlite3.SQLITE_IOERR, "boom"),
    ],
)
def test_each_sqlite_error_has_words(code: int, reason: str) -> None:
    assert reason_of(error_with(code)) == reason


def test_an_error_of_pythons_own_has_no_code() -> None:
    assert code_of(sqlite3.ProgrammingError("Cannot operate on a closed database.")) == 0


@pytest.mark.parametrize("code", [sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CORRUPT_INDEX])
def test_damage_is_told_from_other_errors(code: int) -> None:
    assert is_damage(error_with(code))
    assert not is_damage(error_with(sqlite3.SQLITE_FULL))
    assert not is_damage(OSError())


@pytest.mark.parametrize("code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_LOCKED])
def test_a_lock_is_told_from_other_errors(code: int) -> None:
    assert is_busy(error_with(code))
    assert not is_busy(error_with(sqlite3.SQLITE_FULL))
    assert not is_busy(None)


def test_a_damaged_database_goes_aside_with_the_files_beside_it(tmp_path: Path) -> None:
    for name in ("a.db", "a.db-wal", "a.db-shm"):
        (tmp_path / name).write_text(name, encoding="utf-8")

    aside = put_aside(tmp_path / "a.db")

    assert re.fullmatch(r"a\.db\.corrupt-\d{8}-\d{6}-\d{6}", aside.name)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {
        aside.name + suffix: f"a.db{suffix}" for suffix in ("", "-wal", "-shm")
    }


def test_a_damaged_database_goes_aside_alone_if_there_is_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()

    aside = put_aside(tmp_path / "a.db")

    assert list(tmp_path.iterdir()) == [aside]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.db", b"anything", True),
        ("a.SQLITE", b"anything", True),
        ("notes.md", b"SQLite format 3\0 and so on", True),
        ("notes.md", b"SQLite format 4\0 and so on", False),
    ],
)
def test_a_database_is_known_by_its_name_or_its_beginning(
    tmp_path: Path, name: str, content: bytes, *, expected: bool
) -> None:
    (tmp_path / name).write_bytes(content)

    assert was_database(tmp_path / name) is expected


def test_a_file_that_cannot_be_read_is_nobodys_to_rename(tmp_path: Path) -> None:
    assert not was_database(tmp_path / "none")


def test_a_file_has_an_identity_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    before = identify(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "c")

    assert before == identify(tmp_path / "c") != identify(tmp_path / "b")
    assert identify(tmp_path / "a") is None


@pytest.fixture
def connection(tmp_path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    connection.execute("CREATE TABLE numbers (number INTEGER)")
    return connection


def test_a_transaction_that_fails_writes_nothing(connection: sqlite3.Connection) -> None:
    def fail() -> None:
        with write_transaction(connection):
            connection.execute("INSERT INTO numbers VALUES (1)")
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        fail()

    assert connection.execute("SELECT * FROM numbers").fetchall() == []
    assert not connection.in_transaction
    connection.close()


def test_a_transaction_keeps_other_writers_out_from_its_beginning(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, timeout=0)
    with write_transaction(connection), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")

    other.execute("INSERT INTO numbers VALUES (2)")
    other.close()
    connection.close()


def test_a_connection_that_was_lost_shows_the_first_error(connection: sqlite3.Connection) -> None:
    def lose() -> None:
        with write_transaction(connection):
            connection.close()
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        lose()


def test_the_log_goes_first_since_the_next_file_of_the_name_would_take_it_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed: list[str] = []
    monkeypatch.setattr(Path, "rename", lambda self, _: renamed.append(self.name))
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"a.db{suffix}").touch()

    put_aside(tmp_path / "a.db")

    assert renamed == ["a.db-wal", "a.db-shm", "a.db"]


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 450])
@pytest.mark.parametrize("variables", [32766, 7])
def test_rows_are_written_many_at_once(count: int, variables: int) -> None:
    connection = sqlite3.connect(":memory:")
    connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, variables)
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
    rows = [(number, str(number)) for number in range(count)]
    asked: list[str] = []
    connection.set_trace_callback(asked.append)

    write_rows(connection, "INSERT INTO t (a, b) VALUES {} ON CONFLICT (a) DO UPDATE SET b = 'twice'", rows)

    assert connection.execute("SELECT a, b FROM t ORDER BY a").fetchall() == rows
    if variables > count:
        inserts = sum(text.startswith("INSERT") for text in asked)
        assert inserts == count // 200 + count % 200
