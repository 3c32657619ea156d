"""Files of our own that are damaged, locked, full, in the way or from the future: a run goes on, and says so once."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.project import EvalProject
from tests.support.served import calls, echo_cases, serve
from tests.support.server_fixture import ModelServer

GARBAGE: Final = b"no database " * 1000
DATABASES: Final = ("cache.db", "history.db")
PUT_ASIDE: Final = {
    "cache.db": "response cache {path} was damaged; it is kept as cache.db.corrupt-",
    "history.db": "history database {path} was damaged; it is kept as history.db.corrupt-",
}
DAMAGING: Final = """
    import time
    from pathlib import Path

    import pytest

    FINISHED = []


    @pytest.hookimpl(trylast=True)
    def pytest_promptevals_case_finished(run, result):
        FINISHED.append(result)
        if len(FINISHED) == 10:
            time.sleep(1.2)  # the history is written each second
            for path in Path(".promptevals").glob("*.db*[bl]"):  # the databases and their logs
                path.write_bytes(b"garbage!" * (path.stat().st_size // 8))
"""
NO_MORE_SPACE: Final = """
    import resource


    def pytest_collection_finish(session):
        limit = 40_000  # bytes of a file: enough for empty databases
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
"""
COLLECTED: Final = """
    from pathlib import Path


    def pytest_collection_finish(session):
        Path("collected").touch()
"""
LOCKER: Final = """
import pathlib, sqlite3, time
connections = [sqlite3.connect(f".promptevals/{name}", isolation_level=None) for name in ("cache.db", "history.db")]
for connection in connections:
    connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
while not pathlib.Path("collected").exists():
    time.sleep(0.01)
time.sleep(2)
for connection in connections:
    connection.execute("COMMIT")
"""


@pytest.fixture
def served(project: EvalProject, model_server: ModelServer) -> EvalProject:
    serve(project, model_server)
    project.write_cases("a.eval.yaml", echo_cases(20), head="")
    return project


@pytest.fixture
def own(served: EvalProject) -> Path:
    """The folder of the databases."""
    return served.path / ".promptevals"


def other_cases(count: int) -> list[dict[str, Any]]:
    return [{"id": f"d{number}", "input": f"y{number}", "expected": f"y{number}"} for number in range(count)]


def ask(path: Path, query: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def change(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def tracebacks(text: str) -> list[str]:
    """Return the lines of tracebacks through our code: what measures coverage may have troubles of its own."""
    return [line for line in text.splitlines() if re.search(r"pytest_promptevals[/\\]\S+\.py", line)]


def assert_said_once(result: pytest.RunResult, *texts: str) -> None:
    """See that each text is said once, however its line was broken, and that nobody saw a traceback."""
    said = " ".join(str(result.stdout).split())
    assert [said.count(text) for text in texts] == [1] * len(texts), said
    assert not tracebacks(said + str(result.stderr))


def assert_all_kept(own: Path, *, responses: int, results: int) -> None:
    """See that cache and history hold so much, and that one run is finished."""
    assert ask(own / "cache.db", "SELECT count(*) FROM responses") == [(responses,)]
    assert ask(own / "history.db", "SELECT status FROM runs") == [("finished",)]
    assert ask(own / "history.db", "SELECT count(*), count(DISTINCT name) FROM case_results") == [(results, results)]


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])
def test_damaged_databases_are_put_aside_and_begun_anew(
    served: EvalProject, model_server: ModelServer, own: Path, workers: Sequence[str]
) -> None:
    own.mkdir()
    for name in DATABASES:
        (own / name).write_bytes(GARBAGE)

    result = served.run(*workers)

    result.assert_outcomes(passed=20)
    assert_said_once(result, *(text.format(path=own / name) for name, text in PUT_ASIDE.items()))
    assert calls(model_server) == 20
    assert_all_kept(own, responses=20, results=20)
    for name in DATABASES:
        (aside,) = own.glob(f"{name}.corrupt-*")
        assert aside.read_bytes() == GARBAGE


def test_databases_that_are_damaged_in_mid_run_cost_no_case_and_no_call(
    served: EvalProject, model_server: ModelServer, own: Path
) -> None:
    served.write_cases("b.eval.yaml", other_cases(40), head="")
    served.run("b.eval.yaml").assert_outcomes(passed=40)
    served.write_cases("a.eval.yaml", echo_cases(40), head="")
    served.write("conftest.py", DAMAGING)
    model_server.control(latency=0.03)

    result = served.run("a.eval.yaml", "--evals-concurrency=4")

    result.assert_outcomes(passed=40)
    assert (calls(model_server), model_server.stats()["duplicates"]) == (80, 0)
    assert_said_once(result, PUT_ASIDE["history.db"].format(path=own / "history.db"))
    assert ask(own / "history.db", "SELECT status FROM runs") == [("finished",)]
    (own.parent / "conftest.py").unlink()

    # What SQLite holds in memory of a file that nobody else writes, it does not read again: the next process sees it.
    assert_said_once(served.run("a.eval.yaml"), PUT_ASIDE["cache.db"].format(path=own / "cache.db"))
    assert calls(model_server) <= 80 + 40
    before = calls(model_server)
    served.run("a.eval.yaml").stdout.no_fnmatch_line("*was damaged*")
    assert calls(model_server) == before
    assert [len(list(own.glob(f"{name}.corrupt-*[0-9]"))) for name in DATABASES] == [1, 1]


def test_a_locked_database_is_waited_for(served: EvalProject, model_server: ModelServer, own: Path) -> None:
    served.run("-k", "c0")
    served.write("conftest.py", COLLECTED)
    with subprocess.Popen([sys.executable, "-c", LOCKER], cwd=served.path, stdout=subprocess.PIPE, text=True) as locker:
        assert locker.stdout is not None
        assert locker.stdout.readline() == "locked\n"
        started = time.monotonic()
        result = served.run()
        seconds = time.monotonic() - started

    result.assert_outcomes(passed=21)  # a verdict is among them
    assert seconds > 2
    result.stdout.no_fnmatch_line("*keeps it locked*")
    assert calls(model_server) == 20
    assert ask(own / "cache.db", "SELECT count(*) FROM responses") == [(20,)]
    assert ask(own / "history.db", "SELECT count(*) FROM case_results") == [(21,)]


def test_a_file_in_the_place_of_the_folder_is_left_alone(
    served: EvalProject, model_server: ModelServer, own: Path
) -> None:
    own.write_text("mine", encoding="utf-8")

    result = served.run()

    result.assert_outcomes(passed=20)
    assert_said_once(
        result,
        f"response cache folder {own} cannot be made: File exists",
        "20 paid responses could not be kept in the response cache",
        f"history folder {own} cannot be written: File exists",
    )
    assert calls(model_server) == 20
    assert own.read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="the system limits no files")
def test_a_full_disk_loses_no_paid_response(served: EvalProject, model_server: ModelServer, own: Path) -> None:
    served.write("conftest.py", NO_MORE_SPACE)
    served.write_cases("a.eval.yaml", echo_cases(60), head="")

    result = served.run_process()

    result.assert_outcomes(passed=60)
    assert_said_once(result, f"response cache {own / 'cache.db'}: disk I/O error", "bring them in with 'promptevals")
    assert not tracebacks(str(result.stderr))
    assert str(result.stdout).count("\nhistory database") <= 2
    assert calls(model_server) == 60
    (unsaved,) = own.glob("cache.db.unsaved-*.jsonl")
    kept = len(unsaved.read_text(encoding="utf-8").splitlines())
    assert kept + ask(own / "cache.db", "SELECT count(*) FROM responses")[0][0] == 60


def test_databases_of_a_newer_version_are_left_alone(served: EvalProject, model_server: ModelServer, own: Path) -> None:
    served.run().assert_outcomes(passed=20)
    change(own / "cache.db", "PRAGMA user_version = 99")
    change(own / "history.db", "UPDATE promptevals_version SET version_num = '9999'")
    before = {name: (own / name).read_bytes() for name in DATABASES}
    # A second eval file: what is wrong with the history is not said once for each of them.
    served.write_cases("b.eval.yaml", other_cases(2), head="")

    result = served.run()

    result.assert_outcomes(passed=22)
    assert_said_once(
        result,
        f"response cache {own / 'cache.db'} was written by a newer version of pytest-promptevals (its schema is 99",
        f"history database {own / 'history.db'}: it was written by a newer version of pytest-promptevals (its schema",
    )
    assert calls(model_server) == 20 + 22
    assert {name: (own / name).read_bytes() for name in DATABASES} == before


def test_damaged_recordings_are_an_error_that_names_the_line_and_not_a_bill(
    served: EvalProject, model_server: ModelServer
) -> None:
    served.run("--evals-recordings=recorded").assert_outcomes(passed=20)
    recording = served.path / "recorded/a.eval.yaml.jsonl"
    lines = recording.read_text(encoding="utf-8").splitlines(keepends=True)
    damaged = "".join([*lines[:2], "<<<<<<< HEAD\n", *lines[2:]])
    recording.write_text(damaged, encoding="utf-8")

    result = served.run("--evals-recordings=recorded", "--evals-history=off")

    result.assert_outcomes(errors=20)
    result.stdout.fnmatch_lines(["*error: *recordings recorded/a.eval.yaml.jsonl:3: a merge conflict is not resolved*"])
    assert calls(model_server) == 20
    assert recording.read_text(encoding="utf-8") == damaged
    # Without the line, all is as before.
    recording.write_text("".join(lines), encoding="utf-8")
    (served.path / ".promptevals/cache.db").unlink()
    served.run("--evals-recordings=recorded", "--evals-history=off").assert_outcomes(passed=20)
    assert calls(model_server) == 20
    assert {json.loads(line)["key"] for line in lines} == {
        json.loads(line)["key"] for line in recording.read_text(encoding="utf-8").splitlines()
    }
