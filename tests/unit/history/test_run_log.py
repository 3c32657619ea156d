from __future__ import annotations

import dataclasses
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_promptevals.history import run_log as run_log_module
from pytest_promptevals.history import unsaved
from pytest_promptevals.history.history_file import HistoryFile
from pytest_promptevals.history.run_history import PATIENCE, RunHistory
from pytest_promptevals.history.run_log import LAST_PATIENCE, RunLog
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.comparisons import Comparison, Metrics
from pytest_promptevals.records.runs import RunStatus
from tests.support.sample_results import FILE, make_full_result, make_result, make_run

RUN = make_run()
FINISHED = make_run(status=RunStatus.FINISHED, finished_at="2026-11-21T17:27:00+00:00")
COMPARISON = Comparison(FILE, Metrics(1, 1, 0, 1.0, 1.0))
WAY_OUT = "or keep no history with 'evals_history = off'"
SIDE_FILE = f"history.db.unsaved-{RUN.id}.jsonl"
KEPT = f"what is missing there of this run is kept in {SIDE_FILE}, and the next run adds it"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "history.db"
    HistoryFile.open(path).close()
    return path


@pytest.fixture
def log(path: Path, monkeypatch: pytest.MonkeyPatch) -> RunLog:
    monkeypatch.setattr(run_log_module, "LAST_PATIENCE", 0.01)
    return RunLog(path, patience=0.01)


@pytest.fixture
def lock(path: Path) -> Iterator[sqlite3.Connection]:
    """Another process that keeps the database locked."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


def names_in(path: Path) -> list[str]:
    """Names of the cases that the run has in the history."""
    store = HistoryStore.open(path)
    names = [result.name for result in store.results(RUN.id)]
    store.close()
    return names


def test_a_run_is_written_into_the_history_alone(log: RunLog, path: Path) -> None:
    log.begin(RUN)
    log.add([make_result("a")])
    log.finish(FINISHED, [COMPARISON])
    log.close()

    assert log.notices == []
    assert names_in(path) == ["a"]
    assert [entry.name for entry in path.parent.iterdir()] == ["history.db"]


def test_the_end_of_a_run_waits_five_seconds_for_a_lock_and_hardly_longer() -> None:
    assert PATIENCE == 5.0
    assert LAST_PATIENCE == 0.5


@pytest.mark.usefixtures("lock")
def test_what_a_locked_history_does_not_take_is_kept_beside_it(log: RunLog, path: Path) -> None:
    log.begin(RUN)
    log.add([make_result("a")])
    log.finish(FINISHED, [COMPARISON])
    log.close()

    assert log.notices == [
        f"history database {path}: another process keeps it locked; wait until that one is done, {WAY_OUT}; {KEPT}"
    ]
    lines = path.with_name(SIDE_FILE).read_text(encoding="utf-8").splitlines()
    assert [line.rpartition('"type":')[2] for line in lines] == ['"Run"}', '"CaseResult"}', '"Comparison"}', '"Run"}']


def test_the_next_run_adds_what_was_kept_beside(log: RunLog, path: Path, lock: sqlite3.Connection) -> None:
    results = [make_result(str(number)) for number in range(250)] + [make_full_result()]
    log.begin(RUN)
    log.add(results)
    log.finish(FINISHED, [COMPARISON])
    log.close()
    lock.execute("ROLLBACK")

    second = RunLog(path)
    second.begin(make_run("second"))
    second.close()

    assert second.notices == []
    assert not path.with_name(SIDE_FILE).exists()
    store = HistoryStore.open(path)
    assert store.run(RUN.id) == FINISHED
    assert store.results(RUN.id) == tuple(results)
    assert store.comparisons(RUN.id) == (COMPARISON,)
    store.close()


def test_a_lock_that_is_gone_by_the_end_of_the_run_leaves_no_trace(
    log: RunLog, path: Path, lock: sqlite3.Connection
) -> None:
    log.begin(RUN)
    log.add([make_result("a")])
    lock.execute("ROLLBACK")
    log.finish(FINISHED, [])
    log.close()

    assert log.notices == []
    assert names_in(path) == ["a"]
    assert not path.with_name(SIDE_FILE).exists()


def test_a_lock_in_the_midst_of_a_run_divides_its_results(log: RunLog, path: Path) -> None:
    log.begin(RUN)
    log.add([make_result("a")])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    log.add([make_result("b")])
    log.add([make_result("c")])
    log.close()

    other.close()
    assert names_in(path) == ["a"]
    assert log.notices[0].endswith(KEPT)
    text = path.with_name(SIDE_FILE).read_text(encoding="utf-8")
    assert [name for name in "abc" if f'"name":"{name}"' in text] == ["b", "c"]


def test_what_is_recorded_beside_results_is_left_out_where_it_fails_and_costs_none(log: RunLog, path: Path) -> None:
    def keep(history: RunHistory) -> None:
        kept.append(history)
        history.add_contents([("h", "prompt", "Be kind.")])

    kept: list[RunHistory] = []
    log.begin(RUN)
    log.add([make_result("a")])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    log.keep(keep)
    log.keep(keep)
    other.close()
    log.finish(FINISHED, [])
    log.close()

    assert len(kept) == 1  # the second time, the history is not asked any more
    assert log.notices == []
    with HistoryStore.open(path) as store:
        assert store.run(RUN.id) == FINISHED
    assert names_in(path) == ["a"]


def test_a_full_disk_is_one_line_and_the_run_goes_on(log: RunLog, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.begin(RUN)
    (pages,) = log._sink._connection.execute("PRAGMA page_count").fetchone()  # type: ignore[union-attr]  # a HistoryFile
    log._sink._connection.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[union-attr]  # a HistoryFile

    def refuse(path: Path, run: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_log_module, "UnsavedRun", refuse)
    log.add([make_result(str(number)) for number in range(1000)])
    log.add([make_result("late")])
    log.finish(FINISHED, [])
    log.close()

    reason = f"history database {path}: the disk is full; free some space, {WAY_OUT}"
    assert log.notices == [f"{reason}; the results cannot be kept beside it either: No space left on device"]
    assert names_in(path) == []


@pytest.mark.usefixtures("lock")
def test_a_disk_that_gets_full_later_is_one_line_too(log: RunLog, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.begin(RUN)
    log.add([make_result("a")])

    def refuse(self: object, records: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(unsaved.UnsavedRun, "_write", refuse)
    log.add([make_result("b")])
    log.add([make_result("c")])
    log.close()

    locked = f"history database {path}: another process keeps it locked; wait until that one is done, {WAY_OUT}"
    assert log.notices == [
        f"{locked}; the results cannot be kept beside it either: No space left on device",
        f"{locked}; {KEPT}",
    ]
    assert '"name":"a"' in path.with_name(SIDE_FILE).read_text(encoding="utf-8")


@pytest.mark.usefixtures("lock")
def test_a_file_beside_the_history_that_is_gone_is_said(log: RunLog, path: Path) -> None:
    log.begin(RUN)
    path.with_name(f"{SIDE_FILE}.part").unlink()

    log.close()

    assert log.notices == [f"{SIDE_FILE} cannot be written: No such file or directory"]


def test_damage_in_the_midst_of_a_run_begins_a_new_database_with_what_follows(log: RunLog, path: Path) -> None:
    log.begin(RUN)
    log.add([make_result(str(number)) for number in range(200)])
    log.close()
    with path.open("r+b") as file:
        file.seek(4096 * 22)
        file.write(b"\xff" * (path.stat().st_size - 4096 * 22))
    log.begin(RUN)

    log.add([make_result("late")])
    log.finish(FINISHED, [COMPARISON])
    log.close()

    (aside,) = path.parent.glob("history.db.corrupt-*")
    assert log.notices == [f"history database {path} is damaged; it is kept as {aside.name} and a new one is begun"]
    assert names_in(path) == ["late"]


def test_a_history_that_is_removed_in_the_midst_of_a_run_is_begun_anew_with_what_follows(
    log: RunLog, path: Path
) -> None:
    log.begin(RUN)
    log.add([make_result("a")])
    for file in path.parent.glob("history.db*"):
        file.unlink()

    log.add([make_result("b")])
    log.finish(FINISHED, [COMPARISON])
    log.close()

    assert log.notices == []
    assert names_in(path) == ["b"]


def test_damage_at_the_beginning_is_said_and_the_run_is_recorded(log: RunLog, path: Path) -> None:
    path.write_bytes(b"x" * 5000)

    log.begin(RUN)
    log.add([make_result("a")])
    log.close()

    (aside,) = path.parent.glob("history.db.corrupt-*")
    assert log.notices == [f"history database {path} was damaged; it is kept as {aside.name} and a new one was begun"]
    assert names_in(path) == ["a"]


def test_a_history_of_a_newer_version_is_one_line_and_nothing_is_kept_beside_it(log: RunLog, path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE promptevals_version SET version_num = '9999'")
    connection.commit()
    connection.close()

    log.begin(RUN)
    log.add([make_result("a")])
    log.finish(FINISHED, [])
    log.close()

    assert len(log.notices) == 1
    assert "it was written by a newer version" in log.notices[0]
    assert [entry.name for entry in path.parent.iterdir()] == ["history.db"]


def test_a_run_that_another_process_records_is_one_line(log: RunLog, path: Path) -> None:
    history = HistoryFile.open(path)
    history.start_run(RUN)
    history.close()

    log.begin(dataclasses.replace(RUN, pid=5000))
    log.close()

    assert log.notices == [f"run {RUN.id} is running already, in process 4711 of another machine"]


@pytest.mark.parametrize("is_locked", [False, True])
def test_a_result_that_cannot_be_stored_costs_no_other(log: RunLog, path: Path, *, is_locked: bool) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    if is_locked:
        other.execute("BEGIN IMMEDIATE")
    log.begin(RUN)
    bad = [make_result(name, expected=float("nan")) for name in ("bad", "worse")]

    log.add([make_result("a"), *bad, make_result("b")])
    other.close()
    log.close()

    (notice,) = log.notices
    assert notice.startswith(f"the result of {FILE}::bad is not kept: ")
    assert "JSON has no such number" in notice
    assert names_in(path) == ["a", "b"]


def test_a_history_that_fails_again_at_the_end_keeps_the_first_reason(log: RunLog, path: Path) -> None:
    log.begin(RUN)
    assert isinstance(log._sink, HistoryFile)
    log._sink._connection.execute("PRAGMA query_only = ON")
    log.add([make_result("a")])
    shutil.move(path, path.with_name("elsewhere.db"))
    path.mkdir()

    log.close()

    reason = "it cannot be written; check the permissions of the file and its folder"
    assert log.notices == [f"history database {path}: {reason}, {WAY_OUT}; {KEPT}"]
