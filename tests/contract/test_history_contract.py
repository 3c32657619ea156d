"""What every history must do; run against each database that it may be in."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select, text

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history import run_log as run_log_module
from pytest_promptevals.history import schema, tables
from pytest_promptevals.history.engine import create_history_engine, create_postgres_engine, writing
from pytest_promptevals.history.facts import read_facts
from pytest_promptevals.history.good_cases import WantedItems
from pytest_promptevals.history.last_good import read_last_good
from pytest_promptevals.history.migrating import FOLDER, upgrade
from pytest_promptevals.history.peek import ask, read_finished, read_unfinished_run
from pytest_promptevals.history.place import PostgresPlace
from pytest_promptevals.history.recorder import HistoryRecorder
from pytest_promptevals.history.resuming import continue_run
from pytest_promptevals.history.run_log import RunLog
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.comparisons import Comparison, GateResult, Metrics, Verdict
from pytest_promptevals.records.facts import CaseFacts
from pytest_promptevals.records.responses import Response, Usage
from pytest_promptevals.records.results import RELATIVE, CaseResult, ErrorRecord, Score, Trial
from pytest_promptevals.records.runs import RunKind, RunStatus
from pytest_promptevals.system.processes import host_name
from tests.benchmarks.make_history import make_history
from tests.support.history_subjects import HistorySubject
from tests.support.sample_results import (
    FILE,
    PLACE,
    make_case,
    make_full_comparison,
    make_full_result,
    make_full_run,
    make_result,
    make_run,
)

RUN = make_run()
HERE = make_run("here", started_at="2026-11-21T19:00:00+00:00", host=host_name(), pid=os.getpid())

OPEN = "from pytest_promptevals.history.opening import open_history\nstore = open_history(rootdir, setting)\n"
SAMPLES = "from tests.support.sample_results import make_result, make_run\n"
WRITE = f"""{OPEN}{SAMPLES}
number, run_id, count = int(sys.argv[4]), sys.argv[5], int(sys.argv[6])
if run_id != "shared":
    store.start_run(make_run(run_id))
for start in range(number * count, number * count + count, 10):
    store.add_results(run_id, [make_result(f"case-{{i}}") for i in range(start, start + 10)])
store.close()
"""
DIE = f"""{OPEN}{SAMPLES}
import os, signal
from pytest_promptevals.history.environment import new_run
import dataclasses
run = dataclasses.replace(new_run([], rootdir), id="killed", started_at="2026-11-21T18:00:00+00:00")
store.start_run(run)
store.add_results(run.id, [make_result("a"), make_result("b")])
with store._writing() as connection:
    connection.execute("DELETE FROM scores")
    os.kill(os.getpid(), signal.SIGKILL)
"""  # noqa: S608 - a script
RECORD = f"""{SAMPLES}
import dataclasses, time
from pytest_promptevals.history.environment import new_run
from pytest_promptevals.history.place import locate_history
from pytest_promptevals.history.recorder import HistoryRecorder
from pytest_promptevals.history.resuming import continue_run
from pytest_promptevals.records.runs import RunStatus
count, pause, keyword = int(sys.argv[4]), float(sys.argv[5]), sys.argv[6]
place = locate_history(rootdir, setting)
run = new_run(["-k", keyword], rootdir)
run = continue_run(place, run, same_arguments=True) or run
recorder = HistoryRecorder(place)
recorder.pytest_promptevals_run_started(run)
for number in range(count):
    recorder.pytest_promptevals_case_finished(make_result(f"case-{{number}}"))
    if number % 20 == 0:
        time.sleep(pause)
recorder.pytest_promptevals_run_finished(dataclasses.replace(run, status=RunStatus.FINISHED), [])
sys.exit(recorder.notice)
"""
SOAK_CASES = 600


@pytest.fixture
def store(history: HistorySubject) -> Iterator[HistoryStore]:
    with history.open() as store:
        yield store


def wait_for(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors


def names_in(store: HistoryStore, run_id: str) -> list[str]:
    return [result.name for result in store.results(run_id)]


def test_results_come_out_as_they_went_in(store: HistoryStore) -> None:
    results = (make_result("a", 1 / 3), make_result("b", None), make_full_result(), make_result("a[v2]", trials=()))
    store.start_run(RUN)

    store.add_results(RUN.id, results)

    assert store.results(RUN.id) == results


def test_every_field_of_the_samples_is_set() -> None:
    """Else the round trips would not notice a field that gets lost."""
    full, run, comparison = make_full_result(), make_full_run(), make_full_comparison()
    responses = [trial.response for trial in full.trials]
    results = [full, full.trials[0], full.scores[0], *responses, full.prompt, run, run.files[0]]
    effect, gate = comparison.effects[0], comparison.gates[0]
    compared = [comparison, comparison.metrics, comparison.deltas[0], gate, gate.evidence, effect, effect.noise]

    records: list[Any] = [record for record in [*results, *compared] if record is not None]
    unset = {
        field.name
        for record in records
        for field in dataclasses.fields(record)
        if field.default is not dataclasses.MISSING and getattr(record, field.name) == field.default
    }
    # The third trial has the first three; the others are not stored, or not known of all effects.
    assert unset == {"error", "judging", "is_further", "is_partial", "name_before", "text_lengths"}


def test_runs_come_out_as_they_went_in_newest_first(store: HistoryStore) -> None:
    detached = dataclasses.replace(RUN.git, branch=None, is_dirty=False) if RUN.git is not None else None
    runs = [
        make_run("b", started_at="2026-11-21T17:00:00+00:00", git=None, versions={}, arguments=()),
        make_run("c", started_at="2026-11-21T17:00:00+00:00", git=detached),
        dataclasses.replace(make_full_run(), started_at="2026-11-21T18:00:00+00:00"),
    ]
    for run in runs:
        store.add_run(run, [], [])

    listed = [dataclasses.replace(run, outcomes=None) for run in reversed(runs)]
    assert store.runs() == tuple(listed)
    assert store.runs(limit=2) == tuple(listed[:2])
    assert [store.run(run.id) for run in runs] == runs


def test_a_finished_run_has_its_status_its_files_and_its_comparisons(store: HistoryStore) -> None:
    finished = dataclasses.replace(make_full_run(), host=RUN.host, pid=RUN.pid, id=RUN.id)
    full, bare = make_full_comparison(), Comparison("evals/a.eval.yaml", Metrics(0, 0, 0, None, None))
    store.start_run(RUN)
    assert store.run(RUN.id) == RUN

    store.finish_run(finished, [full, bare])
    store.finish_run(finished, [full, bare])

    assert store.run(RUN.id) == finished
    assert store.comparisons(RUN.id) == (bare, full)


def test_a_whole_run_is_added_at_once(store: HistoryStore) -> None:
    run, comparison = make_full_run(), make_full_comparison()
    results = (make_full_result(), make_result("b"))

    store.add_run(run, results, [comparison])

    assert store.run(run.id) == run
    assert store.results(run.id) == results
    assert store.comparisons(run.id) == (comparison,)


def test_a_run_that_is_there_is_not_added_again(store: HistoryStore) -> None:
    store.add_run(RUN, [make_result("a", 0.5)], [])

    with pytest.raises(HistoryError):
        store.add_run(RUN, [make_result("a", 0.75)], [])

    assert store.results(RUN.id) == (make_result("a", 0.5),)


def test_a_later_result_takes_the_place_of_an_earlier_one(store: HistoryStore) -> None:
    other_file = make_result("a", 0.2, file="evals/other.eval.yaml")
    store.start_run(RUN)
    store.start_run(make_run("other"))
    store.add_results("other", [make_result("a", 0.3)])

    store.add_results(RUN.id, [make_result("a", 0.1), other_file, make_result("b")])
    store.add_results(RUN.id, [make_result("a", 0.8), make_result("a", 0.9)])

    assert set(store.results(RUN.id)) == {make_result("a", 0.9), other_file, make_result("b")}
    assert store.results("other") == (make_result("a", 0.3),)


def test_results_of_one_file_can_be_asked_for(store: HistoryStore) -> None:
    store.start_run(RUN)
    store.add_results(RUN.id, [make_result("a"), make_result("a", file="evals/other.eval.yaml")])

    assert [result.file for result in store.results(RUN.id, FILE)] == [FILE]
    assert len(store.results(RUN.id)) == 2


def test_an_earlier_result_goes_with_its_scores(store: HistoryStore, history: HistorySubject) -> None:
    store.start_run(RUN)
    store.add_results(RUN.id, [make_full_result("a")])

    store.add_results(RUN.id, [make_result("a", 0.5)])

    assert history.execute("SELECT count(*) FROM scores") == [(2,)]  # one judge: over all trials, and in the one trial
    assert store.results(RUN.id) == (make_result("a", 0.5),)


def test_texts_that_utf_8_cannot_hold_are_stored_as_escapes(store: HistoryStore) -> None:
    store.start_run(RUN)
    store.add_results(RUN.id, [make_result(error=ErrorRecord("judge", "\ud800 and \0"))])

    (result,) = store.results(RUN.id)
    assert result.error == ErrorRecord("judge", "\\ud800 and \\x00")


def test_results_of_an_unknown_run_are_an_error(store: HistoryStore) -> None:
    with pytest.raises(HistoryError):
        store.add_results("none", [make_result()])


def test_asking_for_an_unknown_run_is_an_error(store: HistoryStore, history: HistorySubject) -> None:
    for ask_for in (store.run, store.results, store.comparisons):
        with pytest.raises(HistoryError) as caught:
            ask_for("none")
        assert str(caught.value) == f"history database {history.place} has no run 'none'"
    with pytest.raises(HistoryError, match="has no run 'none'"):
        store.finish_run(make_run("none"), [])


def test_a_number_that_json_lacks_is_an_error_and_nothing_is_written(store: HistoryStore) -> None:
    store.start_run(RUN)
    trial = dataclasses.replace(make_result().trials[0], score=float("nan"))

    with pytest.raises(HistoryError, match="JSON has no such number"):
        store.add_results(RUN.id, [make_result("good"), make_result("bad", trials=(trial,))])

    assert store.results(RUN.id) == ()


def test_a_run_that_goes_is_gone_with_all_that_belongs_to_it(store: HistoryStore, history: HistorySubject) -> None:
    store.add_run(make_full_run(), [make_full_result()], [make_full_comparison()])
    store.add_run(RUN, [make_result()], [])

    with store.writing() as connection:
        connection.execute(tables.runs.delete().where(tables.runs.c.id == make_full_run().id))

    assert store.runs() == (RUN,)
    left = {table: history.execute(f"SELECT count(*) FROM {table}")[0][0] for table in tables.metadata.tables}  # noqa: S608 - a test
    assert left == dict.fromkeys(left, 0) | {"runs": 1, "case_results": 1, "scores": 2}


def test_what_is_written_together_is_written_or_not(store: HistoryStore) -> None:
    def write(connection: Connection, run_id: str) -> None:
        connection.execute(tables.runs.update().where(tables.runs.c.id == RUN.id).values(name=run_id))

    store.start_run(RUN)
    with store.writing() as connection:
        write(connection, "good")
    with pytest.raises(HistoryError), store.writing() as connection:  # noqa: PT012 - only the second of them fails
        write(connection, "bad")
        connection.execute(insert(tables.runs).values(id="half a run"))

    assert store.run(RUN.id).name == "good"


def test_nothing_changes_while_it_is_read(store: HistoryStore, history: HistorySubject) -> None:
    store.start_run(RUN)
    with store.reading() as connection, history.open() as other:
        before = connection.execute(select(tables.runs.c.id)).all()
        other.start_run(make_run("other"))

        assert connection.execute(select(tables.runs.c.id)).all() == before

    assert len(store.runs()) == 2


def test_what_a_dataset_was_made_of_is_kept_once(store: HistoryStore, history: HistorySubject) -> None:
    assert not store.knows_dataset(FILE, "v1")

    for _ in range(2):
        store.add_contents([("h2", "case", "größe"), ("h1", "prompt", "Be kind.\0")])
        store.add_dataset(FILE, "v1", "2026-11-21T17:26:00+00:00", [("b", "h2"), ("a", "h2")])
    store.add_contents([("h1", "prompt", "another text"), ("h3", "judge", "")])

    assert store.knows_dataset(FILE, "v1")
    assert not store.knows_dataset(FILE, "v2")
    with store.reading() as connection:
        contents = connection.execute(select(tables.contents).order_by(tables.contents.c.hash)).all()
        (version,) = connection.execute(select(tables.dataset_versions)).all()
    assert contents == [("h1", "prompt", "Be kind.\\x00"), ("h2", "case", "größe"), ("h3", "judge", "")]
    assert tuple(version) == (FILE, "v1", "2026-11-21T17:26:00+00:00", 2, [["b", "h2"], ["a", "h2"]])


def test_more_can_be_recorded_with_a_run(history: HistorySubject) -> None:
    recorder = HistoryRecorder(history.place)
    recorder.pytest_promptevals_run_started(RUN)
    recorder.keep(lambda store: store.add_contents([("h1", "prompt", "Be kind.")]))
    recorder.pytest_promptevals_case_finished(make_result("a"))
    recorder.pytest_promptevals_run_finished(dataclasses.replace(RUN, status=RunStatus.FINISHED), [])

    assert recorder.notice is None
    assert history.execute("SELECT hash, kind, text FROM contents") == [("h1", "prompt", "Be kind.")]
    assert history.execute("SELECT count(*) FROM case_results") == [(1,)]


def trial(number: int, score: float | None, *, cached: bool = False) -> Trial:
    error = ErrorRecord("judge", "down") if score is None else None
    return Trial(number, Response("x" * 10 * number, cached=cached), score=score, passed=score == 1.0, error=error)


@pytest.mark.parametrize(
    ("changes", "stored"),
    [
        ({"trials": (trial(1, 0.5),)}, (10.0, None, 1, 0, None, "")),
        (
            {"trials": (trial(1, 0.5), trial(2, 1.0), trial(3, 1.0, cached=True), trial(4, None)), "prompt_hash": "p"},
            (25.0, "[0.5,1.0,1.0]", 2, 1, None, "p"),
        ),
        ({"trials": (trial(1, 1.0),), "reused_from": "old"}, (10.0, None, 0, 0, "old", "")),
        ({"trials": (Trial(1), Trial(2))}, (None, None, 0, 0, None, "")),
    ],
    ids=["one trial", "several", "reused", "no response"],
)
def test_numbers_that_many_runs_are_read_for_have_columns(
    store: HistoryStore, history: HistorySubject, changes: dict[str, Any], stored: tuple[object, ...]
) -> None:
    store.start_run(RUN)
    store.add_results(RUN.id, [make_result(**changes)])

    columns = "output_length, trial_scores, fresh_trials, fresh_passes, reused_from, prompt_hash"
    assert history.execute(f"SELECT {columns} FROM case_results") == [stored]  # noqa: S608 - a test


@pytest.mark.parametrize("shared", [False, True], ids=["own runs", "one run"])
def test_concurrent_writers_lose_nothing_and_write_nothing_twice(new_history: HistorySubject, *, shared: bool) -> None:
    runs = ["shared" if shared else f"run-{number}" for number in range(4)]
    if shared:
        with new_history.open() as store:
            store.start_run(make_run("shared"))

    # Else they make the tables, too, at the same moment.
    writers = [new_history.start(WRITE, str(number), run_id, "100") for number, run_id in enumerate(runs)]

    for writer in writers:
        wait_for(writer)
    with new_history.open() as store:
        names = [name for run_id in sorted(set(runs)) for name in names_in(store, run_id)]
    assert sorted(names) == sorted(f"case-{number}" for number in range(400))


def test_ten_runs_at_once_are_all_recorded_and_nobody_is_told_of_a_lock(history: HistorySubject) -> None:
    """``tests/benchmarks/history_writers.py`` has the sizes that are promised."""
    processes = [history.start(RECORD, "100", "0.01", f"run-{number}") for number in range(10)]

    for process in processes:
        wait_for(process)
    with history.open() as store:
        runs = store.runs()
        assert [run.status for run in runs] == [RunStatus.FINISHED] * 10
        wanted = sorted(f"case-{number}" for number in range(100))
        assert [sorted(names_in(store, run.id)) for run in runs] == [wanted] * 10


def test_two_that_replace_the_same_results_leave_one_of_each(history: HistorySubject) -> None:
    with history.open() as store:
        store.start_run(make_run("shared"))
    for process in [history.start(WRITE, "0", "shared", "200") for _ in range(3)]:
        wait_for(process)

    with history.open() as store:
        assert sorted(names_in(store, "shared")) == sorted(f"case-{number}" for number in range(200))


def test_a_run_is_running_from_its_beginning_and_interrupted_after_its_process_was_killed(
    history: HistorySubject,
) -> None:
    process = history.start(DIE)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL

    with history.open() as store:
        assert store.notice is None
        assert store.run("killed").status is RunStatus.RUNNING
        assert store.results("killed") == (make_result("a"), make_result("b"))
        store.start_run(HERE)
        assert [run.status.value for run in store.runs()] == ["running", "interrupted"]


def test_a_run_that_is_being_recorded_is_left_alone(history: HistorySubject) -> None:
    process = history.start(RECORD, "100", "60", "slow")
    while not (ask(history.place, lambda connection: connection.execute("SELECT * FROM runs").fetchone())):
        time.sleep(0.02)
    with history.open() as store:
        (slow,) = store.runs()
        new = dataclasses.replace(HERE, started_at="2999-11-21T19:00:00+00:00")

        assert continue_run(history.place, HERE, same_arguments=False) is None
        assert store.resume_run(slow.id, HERE) is False
        with pytest.raises(HistoryError, match="is running already, in process"):
            store.start_run(dataclasses.replace(HERE, id=slow.id))
        store.start_run(new)

        assert [run.status for run in store.runs()] == [RunStatus.RUNNING] * 2
        process.kill()
        process.communicate(timeout=60)
        end = time.monotonic() + 20
        while store.run(slow.id).status is RunStatus.RUNNING:  # a server takes a moment to see that a client is gone
            assert time.monotonic() < end
            store.finish_run(dataclasses.replace(new, status=RunStatus.FINISHED), ())
            time.sleep(0.02)
        assert [run.status for run in store.runs()] == [RunStatus.FINISHED, RunStatus.INTERRUPTED]


def finish(store: HistoryStore, run_id: str, minute: int, results: list[CaseResult], **changes: Any) -> None:
    """Record a run of that minute whose ``score`` gate passed, unless ``verdict`` says otherwise."""
    verdict = changes.pop("verdict", Verdict.PASSED)
    gate = GateResult(FILE, "score", verdict, "because", PLACE)
    run = make_run(run_id, started_at=f"2026-11-21T17:{minute:02}:00+00:00", status=RunStatus.FINISHED)
    comparison = Comparison(FILE, Metrics(1, 1, 0, 1.0, 1.0), has_baseline=True, gates=(gate,))
    store.add_run(dataclasses.replace(run, **changes), results, [comparison])


def test_the_last_good_results_are_found(store: HistoryStore, history: HistorySubject) -> None:
    relative = Score("pairwise", 0.0, passed=False, details={RELATIVE: True})
    lost = make_result("b", 0.0, trials=(Trial(1, Response("x"), (relative,), 0.0, passed=False),))
    finish(store, "1", 1, [make_result("a", 0.1), make_result("b", 0.2), make_result("c", 0.0)])
    finish(store, "2", 2, [make_result("a", 0.3), lost, make_result("c", None), make_result("other")])
    finish(store, "3", 3, [make_result("a", 0.4)], verdict=Verdict.REGRESSED)
    finish(store, "4", 4, [make_result("a", 0.5)], status=RunStatus.INTERRUPTED)
    finish(store, "5", 5, [make_result("a", 0.6)], kind=RunKind.ATTRIBUTE)
    finish(store, "6", 6, [make_result("a", 0.7, case_fingerprint="level1:" + "c" * 16)])
    finish(store, "7", 7, [make_result("a", 0.8)], kind=RunKind.RERUN)

    found = (make_case("a", 0.3), make_case("b", 0.2), make_case("c", 0.0))
    short = [(case.name, case.score) for case in found]
    assert [
        (case.name, case.score) for case in read_last_good(history.place, WantedItems(FILE, ["c", "b", "a"]))
    ] == short
    assert store.last_good(WantedItems(FILE, ["a"])) == read_last_good(history.place, WantedItems(FILE, ["a"]))
    (of_level,) = store.last_good(WantedItems(FILE, ["a"], level=1))
    assert of_level.score == 0.7


def test_what_the_last_runs_say_of_cases_is_found(store: HistoryStore, history: HistorySubject) -> None:
    paid = Trial(1, Response("x", usage=Usage(100, 10), latency=0.5, cost=0.25), score=1.0, passed=True)
    finish(store, "1", 1, [make_result("a", 0.0, trials=(paid,))])
    finish(store, "2", 2, [make_result("a", 1.0, trials=(paid,)), make_result("b", None)])
    finish(store, "3", 3, [make_result("a", None, error=ErrorRecord("budget", "spent"))])
    finish(store, "4", 4, [make_result("a", 0.0)], kind=RunKind.REGATE)

    known = read_facts(history.place)

    assert known == {
        f"{FILE}::a": CaseFacts(
            failed=False, cost=0.25, latency=0.5, trials=1, input_tokens=100, output_tokens=10, calls=0
        ),
        f"{FILE}::b": CaseFacts(failed=True, trials=0),
    }


def test_a_run_that_was_stopped_goes_on(store: HistoryStore, history: HistorySubject) -> None:
    kept = make_result("a", 0.25)
    stopped = make_run("stopped", status=RunStatus.INTERRUPTED)
    store.add_run(stopped, [kept, make_result("down", None), dataclasses.replace(make_full_result(), error=None)], [])
    store.add_run(make_run("regated", started_at="2026-11-21T17:40:00+00:00", kind=RunKind.REGATE), [], [])
    store.add_run(make_run("share", started_at="2026-11-21T17:30:00+00:00", shard="1/2"), [], [])

    assert read_unfinished_run(history.place, HERE, same_arguments=True) == stopped
    assert store.unfinished_run(HERE, same_arguments=True) == stopped
    assert set(read_finished(history.place, "stopped")) == {(FILE, "a"), (FILE, "full")}
    assert read_finished(history.place, "stopped")[FILE, "a"] == kept

    run = continue_run(history.place, HERE, same_arguments=True)

    assert run == dataclasses.replace(HERE, id="stopped", started_at=stopped.started_at)
    assert run is not None
    store.start_run(run)
    store.add_results(run.id, [make_result("a", 0.75)])
    store.finish_run(dataclasses.replace(run, status=RunStatus.FINISHED), [])
    assert store.run("stopped").status is RunStatus.FINISHED
    assert [result.score for result in store.results("stopped") if result.name == "a"] == [0.75]


def test_of_two_processes_only_one_continues_a_run(store: HistoryStore, history: HistorySubject) -> None:
    store.add_run(make_run("stopped", status=RunStatus.INTERRUPTED, arguments=("-k", "x"), git=None), [], [])
    # The longer it takes from the one to the other, the longer can another process come between.
    slow = RECORD.replace("recorder = ", "time.sleep(0.5)\nrecorder = ")
    rivals = [history.start(slow, "20", "0", "x") for _ in range(4)]

    for rival in rivals:
        wait_for(rival)
    runs = store.runs()
    assert [run.status for run in runs] == [RunStatus.FINISHED] * 4
    assert [run.id for run in runs].count("stopped") == 1


def test_whoever_takes_a_run_over_is_waited_for(store: HistoryStore, history: HistorySubject) -> None:
    store.add_run(make_run("stopped", status=RunStatus.INTERRUPTED), [], [])

    with HistoryStore.open(history.place, patience=0.2) as second, store._writing():
        store._find_row("stopped")
        with pytest.raises(HistoryError, match="another process keeps it locked"):
            second.resume_run("stopped", HERE)

    assert store.resume_run("stopped", HERE)
    store.start_run(dataclasses.replace(HERE, id="stopped"))


def test_results_that_could_not_be_written_are_added_by_the_next_run(
    history: HistorySubject, store: HistoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_log_module, "LAST_PATIENCE", 0.01)
    log = RunLog(history.place, patience=0.2)
    log.begin(RUN)
    log.add([make_result("a")])
    with store.writing() as connection:  # another process keeps the run locked
        connection.execute(tables.runs.update().values(name="locked"))
        log.add([make_result("b")])
        log.finish(dataclasses.replace(RUN, status=RunStatus.FINISHED), [make_full_comparison()])
        log.close()

    (notice,) = log.notices
    assert notice.startswith(f"history database {history.place}: another process keeps it locked; wait until that one")
    assert notice.endswith(f".unsaved-{RUN.id}.jsonl, and the next run adds it")
    assert names_in(store, RUN.id) == ["a"]
    second = RunLog(history.place)
    second.begin(make_run("second"))
    second.close()
    assert second.notices == []
    assert names_in(store, RUN.id) == ["a", "b"]
    assert store.run(RUN.id).status is RunStatus.FINISHED
    assert store.comparisons(RUN.id) == (make_full_comparison(),)
    assert not list(history.rootdir.rglob("*.jsonl"))


def test_a_look_writes_nothing(store: HistoryStore, history: HistorySubject) -> None:
    store.start_run(RUN)

    assert ask(history.place, lambda connection: [connection.execute("DELETE FROM runs"), "written"]) is None
    assert store.runs() == (RUN,)


def test_nothing_is_made_by_a_look(new_history: HistorySubject) -> None:
    assert read_facts(new_history.place) == {}
    assert read_unfinished_run(new_history.place, HERE, same_arguments=False) is None
    assert continue_run(new_history.place, HERE, same_arguments=False) is None
    assert list(new_history.rootdir.iterdir()) == []


def test_a_history_for_benchmarks_reads_like_a_recorded_one(new_history: HistorySubject) -> None:
    make_history(new_history.rootdir, new_history.setting, runs=3, cases=5, files=2)

    with new_history.open() as store:
        runs = store.runs()
        assert [len(run.files) for run in runs] == [2] * 3
        assert [len(store.results(run.id)) for run in runs] == [10] * 3
        assert [len(store.comparisons(run.id)) for run in runs] == [2] * 3
        result = store.results(runs[0].id)[3]
        assert result.scores == result.trials[0].scores
        assert result.score == pytest.approx(sum(score.value for score in result.scores) / 2)
        store.add_results(runs[0].id, [make_result("one more")])  # the numbers of results go on


OPTIONS = {"version_table": schema.VERSION_TABLE, "compare_type": True}
REVISIONS = [f"{number:04}" for number in range(1, int(schema.REVISION))]


def make_old_database(history: HistorySubject, revision: str) -> None:
    """Make a database as the version of that migration made it."""
    place = history.place
    if isinstance(place, PostgresPlace):
        engine = create_postgres_engine(place, patience=1)
    else:
        engine = writing(create_history_engine(place, patience=1))
    with engine.begin() as connection:
        upgrade(connection, revision)
        for statement in FIRST_VERSION:
            connection.execute(text(statement.replace(":", "\\:")))
    engine.dispose()


def test_a_new_database_has_the_tables(new_history: HistorySubject) -> None:
    with new_history.open() as store, store.reading() as connection:
        context = MigrationContext.configure(connection, opts=OPTIONS)
        assert compare_metadata(context, tables.metadata) == []
        assert context.get_current_revision() == schema.REVISION


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_database_of_every_earlier_version_is_brought_up_to_date_and_keeps_all(
    new_history: HistorySubject, revision: str
) -> None:
    make_old_database(new_history, revision)

    with new_history.open() as store:
        assert store.notice is None
        (new, old) = store.runs()
        assert old == make_run(
            "old", host="", pid=0, status=RunStatus.FINISHED, finished_at="2026-11-21T17:27:00+00:00"
        )
        # Of the first version, nobody can tell any more whose process recorded it.
        status = RunStatus.INTERRUPTED if revision == "0001" else RunStatus.RUNNING
        assert new == make_run("new", started_at="2026-11-21T18:00:00+00:00", host="", pid=0, status=status)
        assert store.results("old") == (make_result("a", 0.5),)
        assert [comparison.metrics.mean_score for comparison in store.comparisons("old")] == [0.5]
        assert [case.score for case in read_last_good(new_history.place, WantedItems(FILE, ["a"]))] == [0.5]
        # A process of that version that is in the midst of a run writes on.
        new_history.execute(FIRST_VERSION[0].replace("'old'", "'newest'"))
        new_history.execute(FIRST_VERSION[3].replace("(1, 0, 0,", "(1, 2, 0,"))
        assert store.run("newest").calls == 0
        with store.reading() as connection:
            context = MigrationContext.configure(connection, opts=OPTIONS)
            assert compare_metadata(context, tables.metadata) == []


def test_the_last_results_of_a_database_of_the_first_version_are_known(new_history: HistorySubject) -> None:
    make_old_database(new_history, "0001")

    assert [(case.name, case.score) for case in read_last_good(new_history.place, WantedItems(FILE, ["a"]))] == [
        ("a", 0.5)
    ]


def test_a_migration_that_fails_changes_nothing(new_history: HistorySubject) -> None:
    make_old_database(new_history, "0001")
    new_history.execute("ALTER TABLE scores ADD COLUMN spent INTEGER")  # the last column that the migration adds

    with pytest.raises(HistoryError, match="spent"):
        new_history.open()

    assert new_history.execute("SELECT version_num FROM promptevals_version") == [("0001",)]
    with pytest.raises(Exception, match="host"):
        new_history.execute("SELECT host FROM runs")


def test_a_database_of_a_newer_version_is_an_error(history: HistorySubject) -> None:
    history.open().close()
    history.execute("UPDATE promptevals_version SET version_num = '9999'")

    with pytest.raises(HistoryError) as caught:
        history.open()

    assert str(caught.value) == (
        f"history database {history.place}: it was written by a newer version of pytest-promptevals (its schema is "
        f"9999, this version knows {schema.REVISION}); update pytest-promptevals, or choose another place with "
        "'evals_history', or keep no history with 'evals_history = off'"
    )


FIRST_VERSION = (
    """INSERT INTO runs (id, started_at, finished_at, status, git_commit, git_branch, git_is_dirty, versions, arguments,
        record_schema) VALUES ('old', '2026-11-21T17:26:00.000+00:00', '2026-11-21T17:27:00+00:00', 'finished',
        'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'main', TRUE, '{"python":"3.11.7"}', '["-k","refund"]', 1)""",
    """INSERT INTO runs (id, started_at, finished_at, status, git_commit, git_branch, git_is_dirty, versions, arguments,
        record_schema) VALUES ('new', '2026-11-21T18:00:00+00:00', NULL, 'running',
        'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'main', TRUE, '{"python":"3.11.7"}', '["-k","refund"]', 1)""",
    """INSERT INTO case_results (run_id, file, name, case_id, path, line, model, prompt_name, case_fingerprint,
        fingerprint, score, passed, weight, tags, trials) VALUES ('old', 'evals/support.eval.yaml', 'a', 'a',
        'evals/support.eval.yaml', 7, 'openai/gpt-5-mini', 'support', 'cccccccccccccccc', 'ffffffffffffffff', 0.5, TRUE,
        1.0, '[]', '[{"number":1,"response":{"text":"answer of a"},"score":0.5,"passed":true}]')""",
    """INSERT INTO scores (result_id, trial, position, judge, value, passed, threshold, weight, required, explanation)
        VALUES (1, 0, 0, 'exact', 0.5, TRUE, 0.5, 1.0, TRUE, '')""",
    """INSERT INTO scores (result_id, trial, position, judge, value, passed, threshold, weight, required, explanation)
        VALUES (1, 1, 0, 'exact', 0.5, TRUE, 0.5, 1.0, TRUE, '')""",
    """INSERT INTO comparisons (run_id, file, cases, passed, errors, mean_score, pass_rate, has_baseline, baseline,
        deltas) VALUES ('old', 'evals/support.eval.yaml', 1, 1, 0, 0.5, 1.0, FALSE, '', '[]')""",
)
"""What the first version wrote."""


def test_migrations_are_numbered_in_a_row_and_the_newest_is_known() -> None:
    script = ScriptDirectory(str(FOLDER), version_locations=[str(FOLDER)])

    numbers = [revision.revision for revision in script.walk_revisions()][::-1]

    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert script.get_current_head() == schema.REVISION


KILLS = int(os.environ.get("PROMPTEVALS_SOAK_KILLS", "8"))


@pytest.mark.timeout(60 + 5 * KILLS)
def test_runs_killed_at_any_moment_go_on_as_one_run_that_holds_each_case_once(new_history: HistorySubject) -> None:
    """Set ``PROMPTEVALS_SOAK_KILLS`` for more kills than a common run has."""
    for seed in range(KILLS):
        process = new_history.start(RECORD, str(SOAK_CASES), "0.05", "soak")  # it would take 1.5 s
        time.sleep(random.Random(seed).uniform(0.1, 0.6))  # noqa: S311 - a test
        process.kill()
        process.communicate(timeout=60)

    wait_for(new_history.start(RECORD, str(SOAK_CASES), "0", "soak"))

    with new_history.open() as store:
        (run,) = store.runs()
        assert run.status is RunStatus.FINISHED
        assert sorted(names_in(store, run.id)) == sorted(f"case-{n}" for n in range(SOAK_CASES))
        orphans = "SELECT count(*) FROM scores WHERE result_id NOT IN (SELECT id FROM case_results)"
        assert new_history.execute(orphans) == [(0,)]
    assert not list(new_history.rootdir.rglob("*.jsonl*"))


@pytest.mark.parametrize("is_new", [True, False])
def test_a_run_is_recorded_without_loading_a_database_library(history: HistorySubject, *, is_new: bool) -> None:
    if not is_new:
        history.open().close()
    script = f"""{SAMPLES}
from pytest_promptevals.history import facts, good_cases, last_good, place, recorder, resuming
run = make_run()
where = place.locate_history(rootdir, setting)
resuming.continue_run(where, run, same_arguments=True)
facts.read_facts(where)
history = recorder.HistoryRecorder(where)
history.pytest_promptevals_run_started(run)
history.pytest_promptevals_case_finished(make_result())
history.pytest_promptevals_run_finished(run, [])
last_good.read_last_good(where, good_cases.WantedItems("a", ["b"]))
sys.exit(history.notice or int("sqlalchemy" in sys.modules or "alembic" in sys.modules))
"""
    wait_for(history.start(script))
