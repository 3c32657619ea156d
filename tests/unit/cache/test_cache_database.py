from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.cache import database
from pytest_promptevals.cache.database import explain, open_database, put_cache_aside
from pytest_promptevals.errors import CacheError
from pytest_promptevals.files.sqlite_files import identify, is_damage


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(open_database(path, 0.1).connection) as connection:
        yield connection


def error_of(path: Path) -> str:
    with pytest.raises(CacheError) as caught:
        open_database(path, 0.1)
    return str(caught.value)


def test_a_new_file_is_marked_as_ours_and_logs_ahead(tmp_path: Path) -> None:
    with opened(tmp_path / ".promptevals" / "cache.db") as connection:
        pragmas = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "journal_mode")
        }

    assert pragmas == {"user_version": 1, "journal_mode": "wal"}
    assert (tmp_path / ".promptevals" / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_what_is_in_it_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with opened(path) as connection:
        connection.execute("INSERT INTO responses VALUES ('k', 's', 1, '{}', '{}')")

    with opened(path) as connection:
        assert connection.execute("SELECT count(*) FROM responses").fetchone() == (1,)


def test_the_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with opened(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    before = path.read_bytes()

    assert error_of(path) == (
        f"response cache {path} was written by a newer version of pytest-promptevals (its schema is 7, this version "
        "reads 1); update pytest-promptevals, or name another file with 'evals_cache_file'"
    )
    assert path.read_bytes() == before


def test_the_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (name TEXT)")
        connection.execute("PRAGMA user_version = 1")
    before = path.read_bytes()

    assert error_of(path) == (
        f"response cache {path} holds tables of something else (users); name another file with 'evals_cache_file'"
    )
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    assert error_of(tmp_path / "file" / "sub" / "cache.db") == (
        f"response cache folder {tmp_path / 'file' / 'sub'} cannot be made: Not a directory; check the permissions"
    )


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    assert error_of(tmp_path) == (
        f"response cache {tmp_path}: it cannot be opened; check the permissions of the file and its folder"
    )


def test_damage_and_locks_are_left_to_the_caller(tmp_path: Path) -> None:
    (tmp_path / "cache.db").write_bytes(b"nonsense" * 1000)

    with pytest.raises(sqlite3.DatabaseError) as caught:
        open_database(tmp_path / "cache.db", 0.1)

    assert is_damage(caught.value)


def test_a_damaged_file_is_put_aside_with_its_log(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"cache.db{suffix}").write_text(f"damaged{suffix}", encoding="utf-8")

    aside = put_cache_aside(path)
    assert aside is not None

    assert re.fullmatch(r"cache\.db\.corrupt-\d{8}-\d{6}-\d{6}", aside.name)
    assert {file.name: file.read_text("utf-8") for file in tmp_path.iterdir()} == {
        aside.name: "damaged",
        f"{aside.name}-wal": "damaged-wal",
        f"{aside.name}-shm": "damaged-shm",
    }


def test_a_file_of_another_kind_is_not_ours_to_rename(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("my notes, which are long enough to be no database at all", encoding="utf-8")

    with pytest.raises(CacheError) as caught:
        put_cache_aside(notes)

    assert str(caught.value) == f"response cache {notes} is no database; name another file with 'evals_cache_file'"
    assert notes.exists()


def test_a_database_of_any_name_is(tmp_path: Path) -> None:
    path = tmp_path / "responses"
    path.write_bytes(b"SQLite format 3\0 and then nonsense")

    assert put_cache_aside(path) is not None
    assert not path.exists()
    with pytest.raises(CacheError, match="is no database"):
        put_cache_aside(path)


def test_a_file_that_cannot_be_renamed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "cache.db"
    path.write_text("", encoding="utf-8")
    monkeypatch.setattr(Path, "rename", refuse)

    with pytest.raises(CacheError) as caught:
        put_cache_aside(path)

    assert str(caught.value) == (
        f"response cache {path} is damaged and cannot be renamed: Permission denied; move it away"
    )


def test_a_file_is_known_by_what_it_is_and_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert identify(path) is None
    path.write_text("", encoding="utf-8")
    before = identify(path)

    path.rename(tmp_path / "b")
    path.write_text("", encoding="utf-8")

    assert identify(tmp_path / "b") == before
    assert identify(path) not in (before, None)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (sqlite3.SQLITE_BUSY_RECOVERY, "another process keeps it locked; wait until that one is done"),
        (sqlite3.SQLITE_FULL, "the disk is full; free some space"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "it cannot be written; check the permissions of the file and its folder"),
        (sqlite3.SQLITE_ERROR, "what SQLite says"),
    ],
)
def test_the_errors_of_sqlite_are_put_in_words(code: int, reason: str) -> None:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorcode = code

    assert str(explain(error, Path("cache.db"))) == f"response cache cache.db: {reason}"


READ_ONLY = """
import os, sys
from pathlib import Path
from typing import Any
from pytest_promptevals.cache.database import open_database
from pytest_promptevals.errors import CacheError
if os.geteuid() == 0:
    os.setuid(65534)
try:
    database = open_database(Path(sys.argv[1]), 0.1)
except CacheError as error:
    print(error)
else:
    print(database.is_writable, database.connection.execute("SELECT key FROM responses").fetchall())
"""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="the system has no such permissions")
@pytest.mark.parametrize("is_in_use", [False, True], ids=["closed", "in use"])
def test_a_cache_in_a_folder_that_cannot_be_written_can_be_read(public_folder: Path, *, is_in_use: bool) -> None:
    path = public_folder / "cache.db"
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(opened(path))
        connection.execute("INSERT INTO responses VALUES ('k', 's', 1, '{}', '{}')")
        if not is_in_use:
            stack.pop_all().close()
        public_folder.chmod(0o555)

        assert run_as_nobody(path) == f"{is_in_use} [('k',)]\n"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="the system has no such permissions")
def test_a_folder_that_cannot_be_written_and_holds_no_cache_is_an_error(public_folder: Path) -> None:
    path = public_folder / "cache.db"
    public_folder.chmod(0o555)
    says = f"response cache {path}: it cannot be opened; check the permissions of the file and its folder\n"
    assert run_as_nobody(path) == says

    public_folder.chmod(0o755)
    path.write_bytes(b"")
    public_folder.chmod(0o555)
    assert run_as_nobody(path).startswith(f"response cache {path}: it cannot be ")

    public_folder.chmod(0o755)
    path.unlink()
    with opened(public_folder / "other.db") as connection:
        connection.execute("INSERT INTO responses VALUES ('k', 's', 1, '{}', '{}')")
        for suffix in ("", "-wal"):
            shutil.copy(public_folder / f"other.db{suffix}", public_folder / f"cache.db{suffix}")
    public_folder.chmod(0o555)
    assert run_as_nobody(path) == says

    public_folder.chmod(0o755)
    path.write_bytes(b"nonsense" * 1000)
    (public_folder / "cache.db-wal").unlink()
    public_folder.chmod(0o555)
    assert "file is not a database" in run_as_nobody(path, fails=True)


@pytest.mark.parametrize("kind", ["ours", "log", "missing", "empty", "nonsense", "newer"])
def test_what_cannot_be_written_is_opened_to_be_read_if_it_is_all_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """As in the tests above, in this process."""
    path = tmp_path / "cache.db"
    with opened(path) as connection:
        connection.execute(f"PRAGMA user_version = {7 if kind == 'newer' else 1}")
    if kind == "missing":
        path.unlink()
    if kind == "log":
        (tmp_path / "cache.db-wal").touch()
    if kind in ("empty", "nonsense"):
        path.write_bytes({"empty": b"", "nonsense": b"nonsense" * 1000}[kind])

    def refuse(*arguments: object) -> None:
        error = sqlite3.OperationalError()
        error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        raise error

    monkeypatch.setattr(database, "_open_for_writing", refuse)

    if kind == "ours":
        found = open_database(path, 0.1)
        assert not found.is_writable
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            found.connection.execute("DELETE FROM claims")
        found.connection.close()
    else:
        assert ("newer version" if kind == "newer" else "it cannot be opened") in error_of(path)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that other users reach; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


def run_as_nobody(path: Path, *, fails: bool = False) -> str:
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(path)], capture_output=True, encoding="utf-8", check=False, cwd="/"
    )
    assert (done.returncode != 0) is fails, done.stderr
    return done.stderr if fails else done.stdout


def test_the_tables_are_made_once_by_two_that_open_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cache.db"
    create = database._create_tables

    def be_late(connection: sqlite3.Connection, name: Path) -> None:
        monkeypatch.undo()
        with opened(path) as other:
            other.execute("INSERT INTO responses VALUES ('k', 's', 1, '{}', '{}')")
        create(connection, name)

    monkeypatch.setattr(database, "_create_tables", be_late)

    with opened(path) as connection:
        assert connection.execute("SELECT count(*) FROM responses").fetchone() == (1,)


def test_tables_that_are_missing_are_made_anew_and_the_others_kept(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    database = open_database(path, 1.0)
    database.connection.execute("INSERT INTO responses VALUES ('k', 's', 1, '{}', '{}')")
    database.connection.execute("DROP TABLE claims")
    database.connection.close()

    connection = open_database(path, 1.0).connection

    assert connection.execute("SELECT count(*) FROM claims").fetchone() == (0,)
    assert connection.execute("SELECT key FROM responses").fetchall() == [("k",)]
    connection.close()


@pytest.mark.parametrize("number", range(1, 7))
def test_a_file_that_another_process_makes_at_the_same_time_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = tmp_path / "cache.db"
    connect = sqlite3.connect
    asked: list[str] = []

    class Interrupted(sqlite3.Connection):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            asked.append(arguments[0])
            if len(asked) == number and not self.in_transaction:
                with monkeypatch.context() as patch:
                    patch.setattr(sqlite3, "connect", connect)
                    open_database(path, 0.1).connection.close()
            return super().execute(*arguments)

    monkeypatch.setattr(sqlite3, "connect", lambda *args, **options: connect(*args, factory=Interrupted, **options))

    with opened(path) as connection:
        assert connection.execute("SELECT count(*) FROM responses").fetchone() == (0,)
    assert len(asked) >= number


def test_a_damaged_cache_that_another_process_has_put_aside_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cache.db"
    assert put_cache_aside(path) is None

    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 100)
    monkeypatch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(FileNotFoundError()))
    assert put_cache_aside(path) is None
