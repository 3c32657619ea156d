from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history.store import FileStore, HistoryStore
from pytest_promptevals.history.unsaved import STALE_SECONDS, UnsavedRun, add_unsaved_runs
from pytest_promptevals.records.runs import RunStatus
from pytest_promptevals.system.processes import host_name
from tests.support.sample_results import make_full_result, make_result, make_run

HERE = make_run(host=host_name(), pid=os.getpid())


@pytest.fixture
def history(tmp_path: Path) -> Iterator[FileStore]:
    store = HistoryStore.open(tmp_path / "history.db")
    yield store
    store.close()


def unsaved(history: FileStore, run_id: str = "20261121-172600-1a2b3c", pid: int = 0) -> UnsavedRun:
    """A file of a run with one result."""
    run = UnsavedRun(history.path, make_run(run_id, host=host_name(), pid=pid or os.getpid()))
    run.add_results(run_id, [make_result("a")])
    return run


def others(history: FileStore) -> list[str]:
    """Names of the files beside the history."""
    return sorted(
        path.name for path in history.path.parent.iterdir() if path.suffix not in {".db", ".db-wal", ".db-shm"}
    )


def test_results_come_out_as_they_went_in(history: FileStore) -> None:
    run = unsaved(history)
    run.add_results("", [make_full_result()])
    run.close()

    assert add_unsaved_runs(history) == []

    assert history.results(HERE.id) == (make_result("a"), make_full_result())
    assert others(history) == []


def test_a_large_file_is_added_in_parts(history: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    run = unsaved(history)
    run.add_results("", [make_result(str(number)) for number in range(450)])
    run.close()
    sizes: list[int] = []
    monkeypatch.setattr(history, "add_results", lambda _run_id, results: sizes.append(len(results)))

    add_unsaved_runs(history)

    assert sizes == [200, 200, 51]


def test_a_run_that_never_ended_is_interrupted(history: FileStore) -> None:
    unsaved(history).close()

    add_unsaved_runs(history)

    assert history.run(HERE.id).status is RunStatus.INTERRUPTED


def test_a_run_that_the_history_knows_stays_as_it_is(history: FileStore) -> None:
    history.start_run(HERE)
    unsaved(history).close()

    add_unsaved_runs(history)

    assert history.run(HERE.id) == HERE


def test_a_later_result_takes_the_place_of_an_earlier_one(history: FileStore) -> None:
    history.start_run(HERE)
    history.add_results(HERE.id, [make_result("a", 0.25), make_result("b")])
    unsaved(history).close()

    add_unsaved_runs(history)

    assert set(history.results(HERE.id)) == {make_result("a"), make_result("b")}


def test_a_file_that_is_being_written_is_left_alone(history: FileStore) -> None:
    run = unsaved(history, pid=os.getppid())

    assert add_unsaved_runs(history) == []

    assert history.runs() == ()
    run.close()
    add_unsaved_runs(history)
    assert [result.name for result in history.results(HERE.id)] == ["a"]


def test_a_file_of_a_killed_process_is_added(history: FileStore) -> None:
    unsaved(history, pid=999_999_999)

    add_unsaved_runs(history)

    assert [result.name for result in history.results(HERE.id)] == ["a"]
    assert others(history) == []


@pytest.mark.parametrize(("age", "is_added"), [(STALE_SECONDS - 60, False), (STALE_SECONDS + 60, True)])
def test_a_file_of_another_machine_is_added_when_it_was_left_behind(
    history: FileStore, age: float, *, is_added: bool
) -> None:
    run = UnsavedRun(history.path, make_run())
    then = time.time() - age
    os.utime(run._part, (then, then))

    add_unsaved_runs(history)

    assert bool(history.runs()) is is_added


def test_a_line_that_was_cut_off_is_no_damage(history: FileStore) -> None:
    run = unsaved(history)
    run.close()
    with run.path.open("ab") as file:
        file.write(b'{"data":{"case_id":"Gr\xc3')

    assert add_unsaved_runs(history) == []

    assert [result.name for result in history.results(HERE.id)] == ["a"]
    assert others(history) == []


def test_damaged_lines_are_kept_and_the_others_added(history: FileStore) -> None:
    run = unsaved(history)
    run.close()
    whole = run.path.read_bytes()
    run.path.write_bytes(
        whole + b'garbage\n{"data":{},"schema":1,"type":"CaseResult"}\n' + whole.replace(b'"a"', b'"b"')
    )

    notices = add_unsaved_runs(history)

    assert notices == [
        f"{run.path.name} is damaged in 2 places; it is kept as {run.path.name}.corrupt, the rest is in the history"
    ]
    assert [result.name for result in history.results(HERE.id)] == ["a", "b"]
    assert others(history) == [f"{run.path.name}.corrupt"]
    assert add_unsaved_runs(history) == []


def test_a_file_without_a_beginning_is_left_alone(history: FileStore) -> None:
    path = history.path.with_name("history.db.unsaved-x.jsonl")
    path.write_bytes(b"")

    assert add_unsaved_runs(history) == []

    assert others(history) == [path.name]


def test_a_file_that_cannot_be_added_stays_and_is_said(history: FileStore) -> None:
    first, second = unsaved(history, "first"), unsaved(history, "second")
    first.close()
    second.close()
    history._connection.execute("PRAGMA query_only = ON")

    notices = add_unsaved_runs(history)

    assert [notice.partition(": history database")[0] for notice in notices] == [
        f"{run.path.name} could not be added to the history" for run in (first, second)
    ]
    assert others(history) == [first.path.name, second.path.name]


def test_files_of_another_history_are_left_alone(history: FileStore, tmp_path: Path) -> None:
    UnsavedRun(tmp_path / "other.db", HERE).close()

    assert add_unsaved_runs(history) == []

    assert history.runs() == ()


def test_restoring_a_run_with_an_unwritable_history_is_an_error(history: FileStore) -> None:
    history._connection.execute("PRAGMA query_only = ON")

    with pytest.raises(HistoryError, match="it cannot be written"):
        history.restore_run(HERE)
