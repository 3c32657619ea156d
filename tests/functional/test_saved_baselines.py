"""``--evals-save-baseline``, alone and with a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_promptevals.cli.project import find_project
from pytest_promptevals.history.store import HistoryStore
from tests.support.project import EvalProject

CASES = [{"id": "c1", "input": "x", "expected": "x"}]


@pytest.fixture
def evals(project: EvalProject) -> EvalProject:
    """A project with an eval file in ``evals`` and another beside it."""
    project.write_cases("evals/a.eval.yaml", CASES)
    project.write_cases("b.eval.yaml", CASES)
    project.write("pytest.ini", "[pytest]\n")
    return project


def saved_files(project: EvalProject) -> list[str]:
    return sorted(path.relative_to(project.path).as_posix() for path in project.path.rglob("baselines/*.jsonl"))


def saved_names(project: EvalProject) -> list[str | None]:
    """Names of the runs, oldest first."""
    with HistoryStore.open(project.path / ".promptevals" / "history.db") as history:
        return [run.name for run in reversed(history.runs())]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--evals-save-baseline", "evals/"),
        ("--evals-save-baseline", "evals/a.eval.yaml::c1"),
        ("evals", "--evals-save-baseline"),
        ("--evals-save-baseline=file", "evals"),
        ("--evals-save-baseline", "-n2", "evals"),
    ],
    ids=" ".join,
)
def test_a_path_after_the_bare_option_is_run(evals: EvalProject, arguments: tuple[str, ...]) -> None:
    result = evals.run(*arguments)

    result.assert_outcomes(passed=1)
    assert saved_files(evals) == ["evals/baselines/a.eval.yaml.jsonl"]
    assert saved_names(evals) == [None]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--evals-save-baseline", "v1", "evals"),
        ("--evals-save-baseline=v1", "evals"),
        ("evals", "--evals-save-baseline", "v1"),
        ("evals", "--evals-save-baseline", "v1", "-n2"),
    ],
    ids=" ".join,
)
def test_a_name_after_the_option_is_what_the_run_is_saved_under(evals: EvalProject, arguments: tuple[str, ...]) -> None:
    result = evals.run(*arguments)

    result.assert_outcomes(passed=1)
    assert saved_files(evals) == []
    assert saved_names(evals) == ["v1"]
    result.stdout.fnmatch_lines(["baseline saved: v1 is this run, 20*; --evals-baseline v1", "  compares with it"])


@pytest.mark.parametrize("source", ["addopts", "PYTEST_ADDOPTS"])
def test_the_bare_option_may_come_before_the_command_line(
    evals: EvalProject, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    if source == "addopts":
        evals.write("pytest.ini", "[pytest]\naddopts = --evals-save-baseline\n")
    else:
        monkeypatch.setenv("PYTEST_ADDOPTS", "--evals-save-baseline")

    evals.run("evals").assert_outcomes(passed=1)

    assert saved_files(evals) == ["evals/baselines/a.eval.yaml.jsonl"]


def test_conftest_files_of_the_path_are_loaded_early(evals: EvalProject) -> None:
    option = "def pytest_addoption(parser):\n    parser.addoption('--shop')\n"
    evals.write("evals/conftest.py", option)

    evals.run("--evals-save-baseline", "evals", "--shop=x").assert_outcomes(passed=1)


def test_commands_read_the_bare_option_in_addopts(evals: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    evals.write("pytest.ini", "[pytest]\naddopts = --evals-save-baseline evals --evals-cache replay\n")
    monkeypatch.chdir(evals.path)

    settings = find_project(Path.cwd()).resolve({"cache": None, "save_baseline": None})

    assert (settings.cache, settings.saves_file) == ("replay", True)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("test_gone.py", "--evals-save-baseline: 'test_gone.py' is no file that exists, and cannot be the name of a*"),
        ("latest", "--evals-save-baseline: 'latest' cannot be a name: as a baseline it has a meaning of its own*"),
    ],
)
def test_what_is_no_name_is_a_usage_error(evals: EvalProject, name: str, problem: str) -> None:
    result = evals.run("--evals-save-baseline", name)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {problem}"])


def test_a_run_that_stopped_early_gets_no_name(evals: EvalProject) -> None:
    evals.write_cases("evals/a.eval.yaml", [CASES[0] | {"expected": "y"}, CASES[0] | {"id": "c2"}])

    evals.run("-x", "--evals-save-baseline", "v1").stdout.fnmatch_lines(["not saved as v1: the run stopped early"])

    assert saved_names(evals) == [None]


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_without_a_history_there_are_no_names(evals: EvalProject, extra: tuple[str, ...]) -> None:
    result = evals.run("--evals-save-baseline", "v1", "--evals-history=off", *extra)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --evals-save-baseline v1: there is no history to keep the run in, for 'evals_history' is off"]
    )


def test_the_newest_run_of_a_name_is_compared_with(evals: EvalProject) -> None:
    evals.write_cases("b.eval.yaml", [CASES[0] | {"output": "no"}], head="case_policy: gate\njudges: [exact]\n")
    evals.run("--evals-save-baseline", "v1")
    evals.write_cases("b.eval.yaml", [CASES[0] | {"output": "x"}], head="case_policy: gate\njudges: [exact]\n")
    evals.run("--evals-save-baseline", "v1")

    evals.run("--evals-baseline", "v1").stdout.fnmatch_lines(["b.eval.yaml *1 *1 *1.000 *1.000 *0.000 *passed"])
