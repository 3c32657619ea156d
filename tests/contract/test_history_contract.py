"""What every history store must do; run against SQLite."""

from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from pytest_promptevals.history import tables
from pytest_promptevals.history.migrating import FOLDER
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, GateResult, Metrics, Verdict
from pytest_promptevals.records.runs import RunStatus
from tests.support.sample_results import FILE, PLACE, make_full_result, make_result, make_run

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
from pytest_promptevals.history.tables import case_results
from tests.support.sample_results import make_result, make_run
store = HistoryStore.open(path)
store.start_run(make_run())
store.add_results(make_run().id, [make_result("a"), make_result("b")])
with store._writer.begin() as connection:
    connection.execute(case_results.delete())
    os.kill(os.getpid(), signal.SIGKILL)
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
    records = [full, full.trials[0], *(trial.response for trial in full.trials), full.prompt]

    fields = [(record, field) for record in records if record is not None for field in dataclasses.fields(record)]
    unset = {
        field.name
        for record, field in fields
        if field.default is not dataclasses.MISSING and getattr(record, field.name) == field.default
    }
    assert unset == {"error"}  # of the first trial; the third has one


def test_runs_come_out_as_they_went_in_newest_first(store: HistoryStore) -> None:
    detached = dataclasses.replace(RUN.git, branch=None, is_dirty=False) if RUN.git is not None else None
    runs = [
        make_run("b", started_at="2026-11-21T17:00:00+00:00", git=None, versions={}, arguments=()),
        make_run("c", started_at="2026-11-21T17:00:00+00:00", git=detached),
        make_run("a", started_at="2026-11-21T18:00:00+00:00"),
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


def test_migrations_lead_from_an_empty_database_to_the_tables(store: HistoryStore) -> None:
    options = {"version_table": tables.VERSION_TABLE, "compare_type": True}
    with store._reader.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.metadata) == []
        assert context.get_current_revision() == tables.REVISION


def test_migrations_are_numbered_in_a_row_and_the_newest_is_known() -> None:
    script = ScriptDirectory(str(FOLDER), version_locations=[str(FOLDER)])

    numbers = [revision.revision for revision in script.walk_revisions()][::-1]

    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert script.get_current_head() == tables.REVISION


def test_opening_again_migrates_nothing_and_loads_no_alembic(store: HistoryStore, path: Path) -> None:
    script = f"""{SET_UP}
from pytest_promptevals.history.store import HistoryStore
HistoryStore.open(path).close()
sys.exit("alembic" in sys.modules)
"""
    process = start(script, path)
    process.communicate(timeout=60)

    assert process.returncode == 0


def test_what_pytest_loads_at_once_loads_no_database_library(path: Path) -> None:
    script = f"""{SET_UP}
from pytest_promptevals.history import baselines, environment, last_good, recorder
sys.exit("sqlalchemy" in sys.modules or "alembic" in sys.modules)
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
