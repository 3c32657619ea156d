from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history.history_file import HistoryFile
from pytest_promptevals.history.merge_sources import open_copy
from pytest_promptevals.history.schema import VERSION_TABLE
from pytest_promptevals.history.unsaved import UnsavedRun
from tests.support.sample_results import make_result, make_run

RUN = make_run("20261122-120000-aaaaaa")


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    folder = tmp_path / "copies"
    folder.mkdir()
    return folder


def test_a_file_is_read_as_it_was_left_and_stays_so(tmp_path: Path, copies: Path) -> None:
    path = tmp_path / "job" / "history.db"
    history = HistoryFile.open(path)
    history.add_run(RUN, [make_result("a")], ())
    beside = sorted(file.name for file in path.parent.iterdir())
    before = path.read_bytes()

    # Its log is beside it still, as if the job had been killed.
    with open_copy(path, "job/history.db", copies) as store:
        assert [result.name for result in store.results(RUN.id)] == ["a"]

    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == beside
    history.close()


def test_results_that_the_file_did_not_take_are_read_too(tmp_path: Path, copies: Path) -> None:
    path = tmp_path / "history.db"
    HistoryFile.open(path).close()
    unsaved = UnsavedRun(path, RUN)
    unsaved.add_results(RUN.id, [make_result("b")])
    unsaved.finish_run(RUN, ())
    unsaved.close()

    with open_copy(path, "history.db", copies) as store:
        assert [result.name for result in store.results(RUN.id)] == ["b"]
    assert unsaved.path.exists()


ADVICE = "bring it from its job once more, or run that job again"


def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path, copies: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"no database" * 100)

    with pytest.raises(HistoryError) as error, open_copy(path, "jobs/history.db", copies):
        pass

    assert str(error.value) == f"jobs/history.db is damaged, or no history (file is not a database); {ADVICE}"
    assert path.read_bytes() == b"no database" * 100


def test_damage_in_the_middle_is_found(tmp_path: Path, copies: Path) -> None:
    path = tmp_path / "history.db"
    with HistoryFile.open(path) as history:
        history.add_run(RUN, [make_result(f"c{number}") for number in range(200)], ())
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 8192] = b"\xff" * 8192
    path.write_bytes(data)

    with pytest.raises(HistoryError) as error, open_copy(path, "history.db", copies):
        pass

    assert str(error.value).startswith("history.db is damaged")


def test_what_else_is_wrong_names_the_file_that_was_given(tmp_path: Path, copies: Path) -> None:
    path = tmp_path / "history.db"
    HistoryFile.open(path).close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608 - a constant
        connection.commit()

    with pytest.raises(HistoryError) as error, open_copy(path, "jobs/history.db", copies):
        pass

    assert str(error.value).startswith(
        "history database jobs/history.db: it was written by a newer version of pytest-promptevals (its schema is 9999"
    )


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"")

    with pytest.raises(HistoryError) as error, open_copy(path, "history.db", tmp_path / "none"):
        pass

    assert str(error.value) == "history.db cannot be read: No such file or directory"
