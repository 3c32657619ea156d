from __future__ import annotations

import contextlib
import dataclasses
import functools
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_promptevals.cache import access as access_module
from pytest_promptevals.cache.access import Access
from pytest_promptevals.cache.database import Database, open_database

GOES_ON = "the run goes on, and keeps its responses in memory"
LOCKED = "another process keeps it locked; wait until that one is done"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


@pytest.fixture
def access(path: Path) -> Iterator[Access]:
    access = Access(path)
    yield access
    access.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_module, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(access_module, "_TRY_SECONDS", 0.01)


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM responses").fetchone()[0])


def add(connection: sqlite3.Connection, key: str = "k", size: int = 1) -> str:
    connection.execute("INSERT INTO responses VALUES (?, 's', 1, '{}', ?)", (key, "x" * size))
    return key


def fill(access: Access, count: int = 200) -> None:
    access.attempt(lambda connection: [add(connection, f"{number}", 2000) for number in range(count)])


@contextlib.contextmanager
def locked(path: Path, mode: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    if mode == "EXCLUSIVE":
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute(f"BEGIN {mode}")
    connection.execute("DELETE FROM claims")
    with contextlib.closing(connection):
        yield connection
        connection.execute("ROLLBACK")


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[1000:] = b"\xff" * (len(data) - 1000)
    path.write_bytes(data)


def asides(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.glob("*.corrupt-*") if not file.name.endswith(("-wal", "-shm")))


def test_the_file_is_opened_when_it_is_needed(access: Access, path: Path) -> None:
    assert not path.exists()

    assert access.attempt(count) == 0
    assert path.exists()
    assert access.notices == []


def test_a_lock_that_ends_is_waited_for(access: Access, path: Path) -> None:
    access.attempt(count)
    with locked(path) as other:
        threading.Timer(0.3, lambda: other.execute("ROLLBACK; ")).start()
        started = time.monotonic()

        assert access.attempt(add) == "k"
        assert time.monotonic() - started > 0.2
        other.execute("BEGIN")

    assert access.notices == []


@pytest.mark.usefixtures("impatient")
def test_behind_a_lock_that_does_not_end_reading_goes_on(access: Access, path: Path) -> None:
    access.attempt(lambda connection: add(connection, "earlier"))

    with locked(path):
        assert access.attempt(lambda connection: add(connection) if access.can_write else count(connection)) == 1

    assert access.is_usable
    assert access.notices == [f"response cache {path}: {LOCKED}; {GOES_ON}"]


@pytest.mark.usefixtures("impatient")
def test_a_database_that_cannot_even_be_read_is_done_without(access: Access, path: Path) -> None:
    access.attempt(count)
    access.close()

    with locked(path, "EXCLUSIVE"):
        assert access.attempt(count) is None

    assert access.attempt(count) is None
    assert access.notices[1:] == [f"response cache {path}: {LOCKED}; the run goes on without it"]


def test_whoever_is_to_stop_waits_no_longer(access: Access, path: Path) -> None:
    access.attempt(count)
    with locked(path):
        started = time.monotonic()
        access.stop_at = started + 0.1

        access.attempt(lambda connection: add(connection) if access.can_write else None)

        assert time.monotonic() - started < 5
    assert not access.can_write


def test_after_trouble_it_can_be_tried_again(access: Access, path: Path) -> None:
    access.can_write = False
    access.give_up("some reason")
    assert access.attempt(count) is None

    access.try_again()

    assert access.attempt(add) == "k"
    assert access.can_write


def test_what_is_said_is_said_once(access: Access) -> None:
    access.give_up("some reason")
    access.give_up("some reason")

    assert access.notices == ["some reason; the run goes on without it"]


def test_a_full_disk_leaves_what_can_be_read(access: Access, path: Path) -> None:
    access.attempt(lambda connection: add(connection, "earlier"))
    access.attempt(lambda connection: connection.execute("PRAGMA max_page_count = 20"))

    def add_much(connection: sqlite3.Connection) -> str | int:
        return add(connection, size=10**6) if access.can_write else count(connection)

    assert access.attempt(add_much) == 1

    assert access.notices == [f"response cache {path}: the disk is full; free some space; {GOES_ON}"]


def test_an_error_that_nothing_mends_is_done_without(access: Access, path: Path) -> None:
    access.attempt(count)

    assert access.attempt(lambda connection: connection.execute("SELECT nonsense")) is None

    assert access.notices == [f"response cache {path}: no such column: nonsense; the run goes on without it"]


def test_what_cannot_be_opened_is_done_without(path: Path) -> None:
    path.mkdir()
    access = Access(path)

    assert access.attempt(count) is None
    reason = "it cannot be opened; check the permissions of the file and its folder"
    assert access.notices == [f"response cache {path}: {reason}; the run goes on without it"]


def test_a_cache_that_cannot_be_written_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    def open_to_read(name: Path, timeout: float) -> Database:
        return dataclasses.replace(open_database(name, timeout), is_writable=False)

    monkeypatch.setattr(access_module, "open_database", open_to_read)
    access = Access(path)

    assert access.attempt(count) == 0
    assert not access.can_write
    assert access.notices == [
        f"response cache {path}: it cannot be written; check the permissions of the file and its folder; {GOES_ON}"
    ]
    access.close()


def test_a_file_that_is_damaged_from_the_start_is_put_aside(path: Path) -> None:
    path.write_bytes(b"nonsense" * 1000)
    access = Access(path)

    assert access.attempt(count) == 0

    (aside,) = asides(path)
    assert (path.parent / aside).read_bytes() == b"nonsense" * 1000
    assert access.notices == [f"response cache {path} was damaged; it is kept as {aside} and a new one was begun"]
    access.close()


def test_a_file_that_is_damaged_on_the_way_is_put_aside(access: Access, path: Path) -> None:
    fill(access)
    access.close()
    damage(path)

    assert access.attempt(lambda connection: (count(connection), add(connection))) == (0, "k")

    assert len(asides(path)) == 1


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes " * 100, encoding="utf-8")
    access = Access(path)

    assert access.attempt(count) is None

    assert path.read_text(encoding="utf-8") == "my notes " * 100
    assert access.notices == [
        f"response cache {path} is no database; name another file with 'evals_cache_file'; the run goes on without it"
    ]


def test_two_that_find_the_damage_put_it_aside_once(access: Access, path: Path) -> None:
    other = Access(path)
    fill(access)
    assert other.attempt(count) == 200
    access.attempt(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
    access.close()
    damage(path)

    for number, each in enumerate((access, other, access, other)):
        assert each.attempt(functools.partial(add, key=f"k{number}")) == f"k{number}"
    other.close()

    assert access.attempt(count) == 4
    assert len(asides(path)) == 1
    assert len(access.notices) == 1
    assert other.notices == []


@pytest.mark.parametrize("what", ["moved", "removed"])
def test_a_file_that_is_taken_away_is_begun_anew(access: Access, path: Path, what: str) -> None:
    fill(access, 20)
    if what == "moved":
        path.rename(path.with_name("elsewhere.db"))
    else:
        for file in path.parent.iterdir():
            file.unlink()

    assert access.attempt(add) == "k"
    assert access.attempt(count) == 1
    assert access.notices == []


def test_a_file_that_is_taken_away_again_and_again_is_given_up(access: Access, path: Path) -> None:
    def take_away(connection: sqlite3.Connection) -> None:
        path.unlink()
        add(connection)

    assert access.attempt(take_away) is None

    (notice,) = access.notices
    assert re.fullmatch(r"response cache \S+: .*; the run goes on without it", notice)
