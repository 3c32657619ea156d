from __future__ import annotations

import dataclasses
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history import peek, resuming
from pytest_promptevals.history.connecting import SqlConnection
from pytest_promptevals.history.peek import read_finished, read_unfinished_run
from pytest_promptevals.history.resuming import continue_run
from pytest_promptevals.history.store import FileStore, HistoryStore
from pytest_promptevals.records.results import ErrorRecord
from pytest_promptevals.records.runs import GitState, Run, RunStatus
from pytest_promptevals.system.processes import host_name
from tests.support.sample_results import FILE, make_full_result, make_result, make_run

GONE = 999_999_999
"""The number of no process."""
ALIVE = os.getppid()
NEW = make_run("new", started_at="2026-11-21T18:00:00+00:00", host=host_name(), pid=os.getpid())


def old_run(run_id: str = "old", status: RunStatus = RunStatus.RUNNING, pid: int = GONE, **changes: Any) -> Run:
    """A run of this machine before ``NEW``."""
    return make_run(run_id, status=status, host=host_name(), pid=pid, **changes)


def insert(store: FileStore, run: Run) -> None:
    """Put a run into the history as it is."""
    store.start_run(dataclasses.replace(run, host="elsewhere"))
    values = (run.host, run.pid, run.status.value, run.id)
    store._connection.execute("UPDATE runs SET host = ?, pid = ?, status = ? WHERE id = ?", values)


@pytest.mark.parametrize(
    ("run", "is_unfinished"),
    [
        (old_run(status=RunStatus.INTERRUPTED), True),
        (old_run(status=RunStatus.INTERRUPTED, pid=ALIVE), True),
        (make_run("old", status=RunStatus.INTERRUPTED), True),
        (old_run(), True),
        (old_run(pid=os.getpid()), True),
        (old_run(pid=0), True),
        (old_run(pid=ALIVE), False),
        (make_run("old", pid=GONE), False),
        (old_run(status=RunStatus.FINISHED), False),
    ],
    ids=[
        "interrupted",
        "interrupted by a process that goes on",
        "interrupted elsewhere",
        "killed",
        "killed with the number of this process",
        "of an unknown process",
        "under way",
        "under way elsewhere",
        "finished",
    ],
)
def test_a_run_that_was_stopped_or_killed_is_unfinished(store: FileStore, run: Run, *, is_unfinished: bool) -> None:
    insert(store, run)

    found = read_unfinished_run(store.path, NEW, same_arguments=False)

    assert found == (run if is_unfinished else None)
    assert store.unfinished_run(NEW, same_arguments=False) == found


def test_only_the_newest_run_is_continued(store: FileStore) -> None:
    insert(store, old_run())
    insert(store, old_run("later", RunStatus.FINISHED, started_at="2026-11-21T17:59:00+00:00"))

    assert read_unfinished_run(store.path, NEW, same_arguments=False) is None


def test_each_share_of_the_cases_continues_its_own_run(store: FileStore) -> None:
    insert(store, old_run("1/2", shard="1/2"))
    insert(store, old_run("2/2", shard="2/2", started_at="2026-11-21T17:59:00+00:00"))

    found = [
        read_unfinished_run(store.path, dataclasses.replace(NEW, shard=shard), same_arguments=False)
        for shard in ("1/2", "2/2", None)
    ]

    assert [run and run.id for run in found] == ["1/2", "2/2", None]


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [
        ({}, True),
        ({"git": GitState("a" * 40, "other", is_dirty=False)}, True),
        ({"git": GitState("b" * 40, "main", is_dirty=True)}, False),
        ({"git": None}, False),
        ({"arguments": ("-k", "other")}, False),
    ],
    ids=["equal", "another branch", "another commit", "no checkout", "other arguments"],
)
def test_the_same_command_at_the_same_commit_can_be_asked_for(
    store: FileStore, changes: dict[str, Any], *, is_same: bool
) -> None:
    insert(store, old_run())
    run = dataclasses.replace(NEW, **changes)

    found = read_unfinished_run(store.path, run, same_arguments=True)

    assert (found is not None) is is_same
    assert read_unfinished_run(store.path, run, same_arguments=False) is not None


def test_without_a_checkout_runs_are_at_the_same_commit(store: FileStore) -> None:
    insert(store, old_run(git=None))

    assert read_unfinished_run(store.path, dataclasses.replace(NEW, git=None), same_arguments=True) is not None


def test_a_run_of_another_schema_is_not_continued(store: FileStore) -> None:
    insert(store, old_run())
    store._connection.execute("UPDATE runs SET record_schema = 2")

    assert read_unfinished_run(store.path, NEW, same_arguments=False) is None


def test_a_continued_run_keeps_its_id_and_its_beginning_and_is_this_processs_own(store: FileStore) -> None:
    insert(store, old_run(finished_at="2026-11-21T17:30:00+00:00"))

    run = continue_run(store.path, NEW, same_arguments=True)

    assert run == dataclasses.replace(NEW, id="old", started_at=old_run().started_at)
    assert store.runs() == (run,)


def test_a_continued_run_is_recorded_under_its_id(store: FileStore) -> None:
    insert(store, old_run())
    store.add_results("old", [make_result("a", 0.25), make_result("b", 0.5)])
    run = continue_run(store.path, NEW, same_arguments=True)
    assert run is not None

    store.start_run(run)
    store.add_results("old", [make_result("a", 0.75)])
    store.finish_run(dataclasses.replace(run, status=RunStatus.FINISHED), [])

    assert store.runs() == (dataclasses.replace(run, status=RunStatus.FINISHED),)
    assert {result.name: result.score for result in store.results("old")} == {"a": 0.75, "b": 0.5}


def test_a_run_can_be_continued_without_having_been_claimed(store: FileStore) -> None:
    insert(store, old_run())

    store.start_run(dataclasses.replace(NEW, id="old"))

    assert store.run("old") == dataclasses.replace(NEW, id="old")


@pytest.mark.parametrize("run", [old_run(pid=ALIVE), old_run(status=RunStatus.FINISHED)])
def test_a_run_that_goes_on_or_is_done_is_nobodys_to_begin(store: FileStore, run: Run) -> None:
    insert(store, run)

    with pytest.raises(HistoryError) as caught:
        store.start_run(dataclasses.replace(NEW, id="old"))

    assert str(caught.value) == f"run old is {run.status.value} already, in process {run.pid} of {host_name()}"


def test_of_two_processes_only_one_continues_a_run(store: FileStore) -> None:
    insert(store, old_run())
    rivals = [dataclasses.replace(NEW, id=f"new-{number}", pid=ALIVE) for number in range(8)]

    with ThreadPoolExecutor(len(rivals)) as threads:
        runs = list(threads.map(lambda run: continue_run(store.path, run, same_arguments=False), rivals))

    assert len([run for run in runs if run is not None]) == 1
    assert len(store.runs()) == 1


def test_a_claim_that_came_too_late_is_told(store: FileStore) -> None:
    insert(store, old_run(pid=ALIVE))

    assert store.resume_run("old", NEW) is False

    assert store.run("old") == old_run(pid=ALIVE)


def test_a_run_that_another_process_claims_meanwhile_is_not_continued(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(store, old_run(pid=ALIVE))
    monkeypatch.setattr(resuming, "read_unfinished_run", lambda *_run, **_options: old_run())

    assert continue_run(store.path, NEW, same_arguments=False) is None


def test_claiming_an_unknown_run_is_an_error(store: FileStore) -> None:
    with pytest.raises(HistoryError, match="has no run 'none'"):
        store.resume_run("none", NEW)


def test_without_an_unfinished_run_nothing_is_claimed_or_made(tmp_path: Path) -> None:
    assert continue_run(tmp_path / "history.db", NEW, same_arguments=False) is None

    assert list(tmp_path.iterdir()) == []


def test_a_locked_history_is_not_waited_for_long(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resuming.CLAIM_PATIENCE == peek.PATIENCE == 1.0
    monkeypatch.setattr(resuming, "CLAIM_PATIENCE", 0.01)
    insert(store, old_run())
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    assert continue_run(store.path, NEW, same_arguments=False) is None

    other.close()


def test_killed_runs_are_interrupted_when_the_next_one_begins(store: FileStore) -> None:
    for run in (old_run("killed"), old_run("under way", pid=ALIVE), make_run("elsewhere", pid=GONE)):
        insert(store, run)
    insert(store, old_run("done", RunStatus.FINISHED))

    store.start_run(NEW)

    assert {run.id: run.status.value for run in store.runs()} == {
        "killed": "interrupted",
        "under way": "running",
        "elsewhere": "running",
        "done": "finished",
        "new": "running",
    }


def test_results_of_a_run_can_be_read_before_the_next(store: FileStore) -> None:
    insert(store, old_run())
    good = dataclasses.replace(make_full_result("full"), error=None)
    store.add_results("old", [make_result("a"), make_result("failed", 0.0), good])
    store.add_results("old", [make_result("down", None), make_result("b", error=ErrorRecord("judge", "down"))])

    results = read_finished(store.path, "old")

    assert results == {
        (FILE, "a"): make_result("a"),
        (FILE, "failed"): make_result("failed", 0.0),
        (FILE, "full"): good,
    }
    assert results[FILE, "a"].passed is results[FILE, "a"].scores[0].passed is True
    assert read_finished(store.path, "none") == {}


def test_results_of_another_schema_are_not_read(store: FileStore) -> None:
    insert(store, old_run())
    store.add_results("old", [make_result("a")])
    store._connection.execute("UPDATE runs SET record_schema = 2")

    assert read_finished(store.path, "old") == {}


def test_a_look_writes_nothing(store: FileStore) -> None:
    def write(connection: SqlConnection) -> str:
        connection.execute("DELETE FROM runs")
        return "written"

    insert(store, old_run())

    assert peek.ask(store.path, write) is None
    assert len(store.runs()) == 1


@pytest.mark.parametrize("content", [None, b"", b"no database" * 1000], ids=["none", "empty", "no database"])
def test_without_a_history_a_look_finds_nothing(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a #1?%20.db"
    if content is not None:
        path.write_bytes(content)

    assert read_unfinished_run(path, NEW, same_arguments=False) is None
    assert [entry.name for entry in tmp_path.iterdir()] == ([] if content is None else [path.name])


def test_a_history_of_another_version_is_not_looked_into(store: FileStore) -> None:
    insert(store, old_run())
    store._connection.execute("UPDATE promptevals_version SET version_num = '0001'")

    assert read_unfinished_run(store.path, NEW, same_arguments=False) is None


def test_a_history_with_an_odd_name_is_found(tmp_path: Path) -> None:
    store = HistoryStore.open(tmp_path / "a #1?%20.db")
    insert(store, old_run())

    assert read_unfinished_run(store.path, NEW, same_arguments=False) == old_run()
    store.close()


def test_a_history_in_a_folder_that_cannot_be_written_is_read_without_further_files(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(store, old_run())
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert read_unfinished_run(store.path, NEW, same_arguments=False) == old_run()  # from the log, too

    store.close()
    assert read_unfinished_run(store.path, NEW, same_arguments=False) == old_run()
    assert [path.name for path in store.path.parent.iterdir()] == ["history.db"]


@pytest.mark.parametrize("column", ["versions", "arguments", "status"])
def test_what_cannot_be_understood_is_no_answer(store: FileStore, column: str) -> None:
    insert(store, old_run())
    store._connection.execute(f"UPDATE runs SET {column} = 'what?'")  # noqa: S608 - a test

    assert read_unfinished_run(store.path, NEW, same_arguments=False) is None
