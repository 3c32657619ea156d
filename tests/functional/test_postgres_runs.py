"""``evals_history = postgresql+psycopg://…``: runs that a team records in one database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_promptevals.history.opening import open_history
from pytest_promptevals.records.runs import Run, RunStatus
from tests.support.history_subjects import HistorySubject, make_subject
from tests.support.postgres_server import PASSWORD, PostgresServer
from tests.support.project import EvalProject

CASES = [{"id": f"c{number}", "input": "x", "expected": "x"} for number in range(4)]


@pytest.fixture
def database(project: EvalProject, postgres_server: PostgresServer) -> HistorySubject:
    """A database without tables that the project's settings name."""
    project.write_cases("a.eval.yaml", CASES)
    database = make_subject(project.path, postgres_server, is_new=True)
    project.write("pytest.ini", f"[pytest]\nevals_history = {database.setting}\n")
    return database


def runs_in(database: HistorySubject) -> list[Run]:
    with open_history(Path(), database.setting) as store:
        runs = list(store.runs())
        assert all(len(store.results(run.id)) == len(CASES) for run in runs)
        return runs


@pytest.mark.parametrize("arguments", [(), ("-n0",), ("-n2",)], ids=["plain", "n0", "n2"])
def test_runs_are_recorded_and_compared(
    project: EvalProject, database: HistorySubject, arguments: tuple[str, ...]
) -> None:
    project.run_process(*arguments).assert_outcomes(passed=4)

    project.write_cases("a.eval.yaml", CASES, "model: scripted/echo\njudges: [exact]\nprompt: y {{ input }}\n")
    result = project.run_process(*arguments)

    result.stdout.fnmatch_lines(["FAILED a.eval.yaml::c0 - * score 0.00 (was 1.00)*"])
    assert [run.status for run in runs_in(database)] == [RunStatus.FINISHED] * 2
    assert not (project.path / ".promptevals/history.db").exists()
    assert PASSWORD not in result.stdout.str()


def test_the_password_of_the_command_line_is_nowhere(project: EvalProject, database: HistorySubject) -> None:
    (project.path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")

    result = project.run_process(f"--evals-history={database.setting}", "-v")

    result.assert_outcomes(passed=4)
    (run,) = runs_in(database)
    shown = re.sub(r"(postgresql\+psycopg://evals:)[^@]+@", r"\1***@", database.setting)
    assert f"--evals-history={shown}" in run.arguments
    text = "".join(str(row) for table in ("runs", "case_results") for row in database.execute(f"SELECT * FROM {table}"))  # noqa: S608 - a test
    assert "s3cret" not in text + result.stdout.str()


def test_a_server_that_is_away_is_one_line_and_the_next_run_adds_the_results(
    project: EvalProject, database: HistorySubject, postgres_server: PostgresServer
) -> None:
    project.run("--evals-save-baseline", "--evals-history=off").assert_outcomes(passed=4)
    postgres_server.stop()
    try:
        result = project.run_process()
    finally:
        postgres_server.start()

    result.assert_outcomes(passed=5)
    (kept,) = (project.path / ".promptevals").glob("*.jsonl")
    text = " ".join(result.stdout.str().split())
    way_out = "start the server or correct 'evals_history', or keep no history with 'evals_history = off'"
    assert text.count(f"Connection refused; {way_out}; what is missing") == 1
    assert f"is kept in .promptevals/{kept.name}, and the next run adds it" in text
    project.run_process().assert_outcomes(passed=5)
    assert [run.status for run in runs_in(database)] == [RunStatus.FINISHED] * 2
    assert not list((project.path / ".promptevals").glob("*.jsonl"))


@pytest.mark.parametrize("arguments", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_file_whose_last_results_are_out_of_reach_is_not_green(
    project: EvalProject, database: HistorySubject, postgres_server: PostgresServer, arguments: tuple[str, ...]
) -> None:
    project.write_cases("b.eval.yaml", CASES)
    project.run("--evals-save-baseline", "--evals-history=off", "b.eval.yaml")
    postgres_server.stop()
    try:
        result = project.run_process("-rf", *arguments)
        saving = project.run_process("--evals-save-baseline", *arguments)
    finally:
        postgres_server.start()

    assert result.ret == 1
    result.assert_outcomes(passed=9, failed=1)
    text = " ".join(result.stdout.str().split())
    assert (
        "a.eval.yaml [score] insufficient data: no baseline is committed, and the history that has the last results "
        "cannot be read, so nothing is compared; the end of the summary says why"
    ) in text
    assert text.count("Connection refused;") == 1
    assert saving.ret == 0
    assert database.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'runs'") == [(0,)]
