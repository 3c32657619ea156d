"""What every history store must do; run against SQLite."""

from __future__ import annotations

import dataclasses
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history import schema, tables
from pytest_promptevals.history.engine import create_history_engine, writing
from pytest_promptevals.history.last_good import read_last_good
from pytest_promptevals.history.migrating import FOLDER, upgrade
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, GateResult, Metrics, Verdict
from pytest_promptevals.records.runs import RunStatus
from tests.support.sample_results import FILE, PLACE, make_case, make_full_result, make_result, make_run

RUN = make_run()

SET_UP = "from pathlib import Path; import sys; sys.path.insert(0, sys.argv[1]); path = Path(sys.argv[2])\n"
WRITE = f"""{SET_UP}
from pytest_promptevals.history.store import HistoryStore
from tests.support.sample_results import make_result, make_run
number, run_id = int(sys.argv[3]), sys.argv[4]
store = HistoryStore.open(path)
if run_id != "shared":
    store.start_run(make_run(run_id))
for start in range(number * 250, number * 250 + 250, 10):
    store.add_results(run_id, [make_result(f"case-{{i}}") for i in range(start, start + 10)])
store.close()
"""
DIE = f"""{SET_UP}
import os, signal
from pytest_promptevals.history.store import HistoryStore
from tests.support.sample_results import make_result, make_run
store = HistoryStore.open(path)
store.start_run(make_run())
store.add_results(make_run().id, [make_result("a"), make_result("b")])
with store._writing() as connection:
    connection.execute("DROP TABLE scores")
    os.kill(os.getpid(), signal.SIGKILL)
"""
SOAK_CASES = 600
SOAK = f"""{SET_UP}
import dataclasses, time
from pytest_promptevals.history.environment import new_run
from pytest_promptevals.history.recorder import HistoryRecorder
from pytest_promptevals.history.resuming import continue_run
from pytest_promptevals.records.runs import RunStatus
from tests.support.sample_results import make_result
run = new_run(["-k", "soak"], path.parent)
run = continue_run(path, run, same_arguments=True) or run
recorder = HistoryRecorder(path)
recorder.pytest_promptevals_run_started(run)
for number in range({SOAK_CASES}):
    recorder.pytest_promptevals_case_finished(make_result(f"case-{{number}}"))
    if number % 20 == 0:
        time.sleep(float(sys.argv[3]))
recorder.pytest_promptevals_run_finished(dataclasses.replace(run, status=RunStatus.FINISHED), [])
sys.exit(recorder.notice)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def store(path: Path) -> Iterator[HistoryStore]:
    store = HistoryStore.open(path)
    yield store
    store.close()


def start(script: str, path: Path, *arguments: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", script, str(root), str(path), *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8")


def test_results_come_out_as_they_went_in(store: HistoryStore) -> None:
    results = (make_result("a", 1 / 3), make_result("b", None), make_full_result(), make_result("a[v2]", trials=()))
    store.start_run(RUN)

    store.add_results(RUN.id, results)

    assert store.results(RUN.id) == results


def test_every_field_of_the_sample_is_set() -> None:
    """Else the round trip above would not notice a field that gets lost."""
    full = make_full_result()
    records = [full, full.trials[0], full.scores[0], *(trial.response for trial in full.trials), full.prompt, FULL_RUN]

    fields = [(record, field) for record in records if record is not None for field in dataclasses.fields(record)]
    unset = {
        field.name
        for record, field in fields
        if field.default is not dataclasses.MISSING and getattr(record, field.name) == field.default
    }
    assert unset == {"error", "judging"}  # of the first trial; the third has them


FULL_RUN = make_run(
    "full",
    status=RunStatus.INTERRUPTED,
    finished_at="2026-11-21T18:00:00+00:00",
    shard="1/4",
    selected=40,
    selection="5" * 16,
    calls=30,
    cached=20,
    cost=0.5,
    spent=0.1,
)


def test_runs_come_out_as_they_went_in_newest_first(store: HistoryStore) -> None:
    detached = dataclasses.replace(RUN.git, branch=None, is_dirty=False) if RUN.git is not None else None
    runs = [
        make_run("b", started_at="2026-11-21T17:00:00+00:00", git=None, versions={}, arguments=()),
        make_run("c", started_at="2026-11-21T17:00:00+00:00", git=detached),
        dataclasses.replace(FULL_RUN, started_at="2026-11-21T18:00:00+00:00"),
    ]
    for run in runs:
        store.start_run(run)

    assert store.runs() == tuple(reversed(runs))
    assert store.runs(limit=2) == (runs[2], runs[1])
    assert store.run("b") == runs[0]


def test_a_finished_run_has_its_status_and_its_comparisons(store: HistoryStore) -> None:
    finished = dataclasses.replace(RUN, status=RunStatus.INTERRUPTED, finished_at="2026-11-21T17:30:00+00:00")
    delta = Delta("a", Change.WORSE, 0.9, 0.1, PLACE, 2.0, "g", passed_before=True, passed_after=False)
    gates = (
        GateResult(FILE, "score", Verdict.REGRESSED, "it fell", Location(FILE, 3)),
        GateResult(FILE, "min_score", Verdict.FAILED, "too low", PLACE),
    )
    full = Comparison(
        FILE,
        Metrics(3, 1, 1, 0.5, 0.25, 0.01),
        has_baseline=True,
        baseline="baselines/support.eval.yaml.jsonl",
        deltas=(delta, Delta("gone", Change.MISSING, 0.5)),
        mean_before=0.9,
        mean_after=0.1,
        gates=gates,
    )
    bare = Comparison("evals/a.eval.yaml", Metrics(0, 0, 0, None, None))
    store.start_run(RUN)

    store.finish_run(finished, [full, bare])
    store.finish_run(finished, [full, bare])

    assert store.run(RUN.id) == finished
    assert store.comparisons(RUN.id) == (bare, full)


def test_a_later_result_takes_the_place_of_an_earlier_one(store: HistoryStore) -> None:
    other_file = make_result("a", 0.2, file="evals/other.eval.yaml")
    store.start_run(RUN)
    store.start_run(make_run("other"))
    store.add_results("other", [make_result("a", 0.3)])

    store.add_results(RUN.id, [make_result("a", 0.1), other_file, make_result("b")])
    store.add_results(RUN.id, [make_result("a", 0.8), make_result("a", 0.9)])

    assert set(store.results(RUN.id)) == {make_result("a", 0.9), other_file, make_result("b")}
    assert store.results("other") == (make_result("a", 0.3),)


@pytest.mark.parametrize("shared", [False, True], ids=["own runs", "one run"])
def test_concurrent_writers_lose_nothing_and_write_nothing_twice(path: Path, *, shared: bool) -> None:
    runs = ["shared" if shared else f"run-{number}" for number in range(4)]
    if shared:
        store = HistoryStore.open(path)
        store.start_run(make_run("shared"))
        store.close()

    writers = [start(WRITE, path, str(number), run_id) for number, run_id in enumerate(runs)]  # on a new database

    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors
    store = HistoryStore.open(path)
    names = [result.name for run_id in sorted(set(runs)) for result in store.results(run_id)]
    assert sorted(names) == sorted(f"case-{number}" for number in range(1000))
    store.close()


def test_a_killed_process_leaves_what_it_wrote_and_a_run_that_is_running(path: Path) -> None:
    process = start(DIE, path)
    process.communicate(timeout=60)
    assert process.returncode < 0

    store = HistoryStore.open(path)

    assert store.notice is None
    assert store.run(RUN.id).status is RunStatus.RUNNING
    assert [result.name for result in store.results(RUN.id)] == ["a", "b"]
    store.close()


OPTIONS = {"version_table": schema.VERSION_TABLE, "compare_type": True}


def make_old_database(path: Path, revision: str) -> None:
    """Make a database as the version of that migration made it."""
    engine = create_history_engine(path, patience=1)
    with writing(engine).begin() as connection:
        upgrade(connection, revision)
    engine.dispose()


def test_a_new_database_has_the_tables(store: HistoryStore) -> None:
    with store._reader.connect() as connection:
        context = MigrationContext.configure(connection, opts=OPTIONS)
        assert compare_metadata(context, tables.metadata) == []
        assert context.get_current_revision() == schema.REVISION


def test_migrations_lead_from_an_empty_database_to_that_of_a_new_one(store: HistoryStore, tmp_path: Path) -> None:
    migrated = tmp_path / "migrated.db"
    make_old_database(migrated, "head")

    assert describe(migrated) == describe(store.path)


def describe(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that SQLite knows of the tables, whatever the order of the columns."""
    connection = sqlite3.connect(path)
    names = sorted(name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
    questions = ("table_info", "foreign_key_list", "index_list")
    known = {
        f"{question} {name}": sorted(
            # The first number only counts; defaults may be in quotes or in brackets.
            tuple(str(value).strip("'()") for value in row[1:])
            for row in connection.execute(f"PRAGMA {question}({name})")
        )
        for name in names
        for question in questions
    }
    rowless = connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%'").fetchall()
    connection.close()
    assert len(names) == 6
    return {**known, "without rowid": rowless}


def test_a_database_of_the_first_version_is_brought_up_to_date_and_keeps_all(path: Path) -> None:
    make_old_database(path, "0001")
    connection = sqlite3.connect(path)
    for statement in FIRST_VERSION:
        connection.execute(statement)
    connection.commit()

    store = HistoryStore.open(path)

    assert store.notice is None
    assert store.runs() == (
        make_run("new", started_at="2026-11-21T18:00:00+00:00", host="", pid=0, status=RunStatus.INTERRUPTED),
        make_run("old", host="", pid=0, status=RunStatus.FINISHED, finished_at="2026-11-21T17:27:00+00:00"),
    )
    assert store.results("old") == (make_result("a", 0.5),)
    assert [comparison.metrics.mean_score for comparison in store.comparisons("old")] == [0.5]
    # A process of the first version that is in the midst of a run writes on.
    connection.execute(FIRST_VERSION[0].replace("'old'", "'newest'"))
    connection.execute(FIRST_VERSION[3].replace("(1, 0, 0,", "(1, 2, 0,"))
    connection.commit()
    connection.close()
    assert store.run("newest").calls == 0
    store.close()


def test_the_last_results_of_a_database_of_the_first_version_are_known(path: Path) -> None:
    make_old_database(path, "0001")
    connection = sqlite3.connect(path)
    for statement in FIRST_VERSION:
        connection.execute(statement)
    connection.commit()
    connection.close()

    assert read_last_good(path, FILE, ["a"]) == (make_case("a", 0.5),)


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    make_old_database(path, "0001")
    connection = sqlite3.connect(path)
    connection.execute("ALTER TABLE scores ADD COLUMN spent")  # the last column that the migration adds

    with pytest.raises(HistoryError, match="duplicate column name: spent"):
        HistoryStore.open(path)

    assert connection.execute("SELECT version_num FROM promptevals_version").fetchall() == [("0001",)]
    assert "host" not in [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
    connection.close()


def test_a_database_of_the_first_version_that_stays_locked_is_an_error(path: Path) -> None:
    make_old_database(path, "0001")
    other = sqlite3.connect(path)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(HistoryError, match="another process keeps it locked; wait until that one is done"):
        HistoryStore.open(path, patience=0.01)
    other.close()


FIRST_VERSION = (
    """INSERT INTO runs (id, started_at, finished_at, status, git_commit, git_branch, git_is_dirty, versions, arguments,
        record_schema) VALUES ('old', '2026-11-21T17:26:00.000+00:00', '2026-11-21T17:27:00+00:00', 'finished',
        'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'main', 1, '{"python":"3.11.7"}', '["-k","refund"]', 1)""",
    """INSERT INTO runs (id, started_at, finished_at, status, git_commit, git_branch, git_is_dirty, versions, arguments,
        record_schema) VALUES ('new', '2026-11-21T18:00:00+00:00', NULL, 'running',
        'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'main', 1, '{"python":"3.11.7"}', '["-k","refund"]', 1)""",
    """INSERT INTO case_results (run_id, file, name, case_id, path, line, model, prompt_name, case_fingerprint,
        fingerprint, score, passed, weight, tags, trials) VALUES ('old', 'evals/support.eval.yaml', 'a', 'a',
        'evals/support.eval.yaml', 7, 'openai/gpt-5-mini', 'support', 'cccccccccccccccc', 'ffffffffffffffff', 0.5, 1,
        1.0, '[]', '[{"number":1,"response":{"text":"answer of a"},"score":0.5,"passed":true}]')""",
    """INSERT INTO scores (result_id, trial, position, judge, value, passed, threshold, weight, required, explanation)
        VALUES (1, 0, 0, 'exact', 0.5, 1, 0.5, 1.0, 1, '')""",
    """INSERT INTO scores (result_id, trial, position, judge, value, passed, threshold, weight, required, explanation)
        VALUES (1, 1, 0, 'exact', 0.5, 1, 0.5, 1.0, 1, '')""",
    """INSERT INTO comparisons (run_id, file, cases, passed, errors, mean_score, pass_rate, has_baseline, baseline,
        deltas) VALUES ('old', 'evals/support.eval.yaml', 1, 1, 0, 0.5, 1.0, 0, '', '[]')""",
)
"""What the first version wrote."""


def test_migrations_are_numbered_in_a_row_and_the_newest_is_known() -> None:
    script = ScriptDirectory(str(FOLDER), version_locations=[str(FOLDER)])

    numbers = [revision.revision for revision in script.walk_revisions()][::-1]

    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert script.get_current_head() == schema.REVISION


@pytest.mark.parametrize("is_new", [True, False])
def test_a_run_is_recorded_without_loading_a_database_library(path: Path, *, is_new: bool) -> None:
    if not is_new:
        HistoryStore.open(path).close()
    script = f"""{SET_UP}
from pytest_promptevals.history import facts, last_good, recorder, resuming
from tests.support.sample_results import make_result, make_run
run = make_run()
resuming.continue_run(path, run, same_arguments=True)
facts.read_facts(path)
history = recorder.HistoryRecorder(path)
history.pytest_promptevals_run_started(run)
history.pytest_promptevals_case_finished(make_result())
history.pytest_promptevals_run_finished(run, [])
last_good.read_last_good(path, "a", ["b"])
sys.exit(history.notice or int("sqlalchemy" in sys.modules or "alembic" in sys.modules))
"""
    process = start(script, path)
    process.communicate(timeout=60)

    assert process.returncode == 0


def test_the_file_is_plain_sqlite(store: HistoryStore, path: Path) -> None:
    store.start_run(RUN)
    store.add_results(RUN.id, [make_result("a", 0.5)])

    connection = sqlite3.connect(path)
    query = "SELECT r.name, s.judge, s.value FROM case_results r JOIN scores s ON s.result_id = r.id ORDER BY s.trial"
    assert connection.execute(query).fetchall() == [("a", "exact", 0.5), ("a", "exact", 0.5)]
    connection.close()


def test_an_earlier_result_goes_with_its_scores(store: HistoryStore) -> None:
    store.start_run(RUN)
    store.add_results(RUN.id, [make_full_result("a")])

    store.add_results(RUN.id, [make_result("a", 0.5)])

    (count,) = store._connection.execute("SELECT count(*) FROM scores").fetchone()
    assert count == 2  # one judge: over all trials, and in the one trial
    assert store.results(RUN.id) == (make_result("a", 0.5),)


KILLS = int(os.environ.get("PROMPTEVALS_SOAK_KILLS", "12"))


@pytest.mark.timeout(60 + 5 * KILLS)
def test_runs_killed_at_any_moment_go_on_as_one_run_that_holds_each_case_once(path: Path) -> None:
    """Set ``PROMPTEVALS_SOAK_KILLS`` for more kills than a common run has."""
    for seed in range(KILLS):
        process = start(SOAK, path, "0.05")  # it would take 1.5 s
        time.sleep(random.Random(seed).uniform(0.1, 0.6))  # noqa: S311 - a test
        process.kill()
        process.communicate(timeout=60)
        check_is_sound(path)

    process = start(SOAK, path, "0")
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 0, errors
    store = HistoryStore.open(path)
    (run,) = store.runs()
    assert run.status is RunStatus.FINISHED
    assert sorted(result.name for result in store.results(run.id)) == sorted(f"case-{n}" for n in range(SOAK_CASES))
    store.close()
    assert [path.name for path in path.parent.iterdir()] == ["history.db"]


def check_is_sound(path: Path) -> None:
    if not path.exists():  # killed before it got as far
        return
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    if connection.execute("SELECT name FROM sqlite_master WHERE name = 'case_results'").fetchone():
        twice = "SELECT name FROM case_results GROUP BY run_id, file, name HAVING count(*) > 1"
        assert connection.execute(twice).fetchall() == []
        orphans = "SELECT count(*) FROM scores WHERE result_id NOT IN (SELECT id FROM case_results)"
        assert connection.execute(orphans).fetchone() == (0,)
    connection.close()
