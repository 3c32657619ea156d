"""``promptevals rejudge`` and ``regate``: outputs of a recorded run, judged or decided anew, counted at the server."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from tests.support.marked_function import write_function
from tests.support.project import EvalProject
from tests.support.served import calls, echo_cases, serve
from tests.support.server_fixture import ModelServer
from tests.support.wide_terminal import WIDE

CASES = "a.eval.yaml"
QUIET = ("-p", "no:randomly", "-p", "no:timeout", "-p", "no:socket")


@pytest.fixture
def recorded(project: EvalProject, model_server: ModelServer) -> EvalProject:
    """A project of four cases with a recorded run, whose cache is gone."""
    serve(project, model_server, judges=[{"fuzzy": {"threshold": 0.5}}], trials=2)
    project.write_cases(CASES, echo_cases(4), head="")
    project.run("--evals-cache=off").assert_outcomes(passed=4)
    model_server.reset()
    return project


def set_judges(project: EvalProject, judges: list[object]) -> None:
    """Write other judges into ``evals.yaml``."""
    path = project.path / "evals.yaml"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "judges": judges}), encoding="utf-8")


def runs(folder: Path) -> list[tuple[str, str, str | None, str]]:
    """Return id, kind, parent and status of each run, oldest first."""
    with sqlite3.connect(folder / ".promptevals/history.db") as history:
        return history.execute("SELECT id, kind, parent, status FROM runs ORDER BY started_at, id").fetchall()


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_outputs_are_judged_by_the_judges_of_now_without_a_call(
    recorded: EvalProject, model_server: ModelServer, workers: tuple[str, ...]
) -> None:
    set_judges(recorded, [{"regex": "x[012]"}])

    result = recorded.run_process("--evals-rejudge=latest", "--evals-cache=off", *workers)

    assert calls(model_server) == 0
    assert "3 passed" in result.stdout.str() or "4 passed" in result.stdout.str()
    result.stdout.fnmatch_lines(["FAILED a.eval.yaml::c3*"])
    (first, *_), second = runs(recorded.path)
    assert second[1:] == ("rejudge", first, "finished")


def test_what_was_judged_anew_and_saved_is_unchanged_from_then_on(
    recorded: EvalProject, model_server: ModelServer
) -> None:
    set_judges(recorded, [{"fuzzy": {"threshold": 0.1}}, "icontains"])
    recorded.run("--evals-rejudge=latest", "--evals-save-baseline", "--evals-cache=off")

    result = recorded.run("--evals-changed", "--evals-cache=off")

    assert calls(model_server) == 0
    result.stdout.fnmatch_lines(["*4 cases unchanged since the baseline*"])


def test_another_prompt_and_model_make_no_difference_to_outputs_that_are_there(
    recorded: EvalProject, model_server: ModelServer
) -> None:
    path = recorded.path / "evals.yaml"
    defaults = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**defaults, "model": "local/other", "prompt": "{{ input }}!!"}), encoding="utf-8")

    result = recorded.run("--evals-rejudge=latest", "--evals-cache=off")

    assert calls(model_server) == 0
    assert result.ret == 0
    with sqlite3.connect(recorded.path / ".promptevals/history.db") as history:
        models = history.execute("SELECT DISTINCT run_id, model FROM case_results").fetchall()
    assert {model for _, model in models} == {"local/echo-model"}
    assert len(models) == 2


def test_a_case_that_the_run_does_not_have_is_left_out_and_named(
    recorded: EvalProject, model_server: ModelServer
) -> None:
    recorded.write_cases(CASES, echo_cases(6), head="")
    run_id = runs(recorded.path)[0][0]

    result = recorded.run("--evals-rejudge=latest")

    assert calls(model_server) == 0
    result.assert_outcomes(passed=4, deselected=2)
    result.stdout.fnmatch_lines([f"2 cases (c4, c5) not run: not among the results of run {run_id}"])


def test_thresholds_of_now_decide_scores_that_are_there(recorded: EvalProject, model_server: ModelServer) -> None:
    recorded.write_cases(CASES, [{"id": "c0", "input": "abcd", "expected": "abxy"}], head="")
    recorded.run("--evals-cache=off").assert_outcomes(passed=1)
    set_judges(recorded, [{"fuzzy": {"threshold": 0.9}}])
    model_server.reset()

    strict = recorded.run("--evals-regate=latest", "--evals-cache=off")
    set_judges(recorded, [{"fuzzy": {"threshold": 0.4}}])
    loose = recorded.run("--evals-regate=latest", "--evals-cache=off")

    assert calls(model_server) == 0
    assert strict.ret == pytest.ExitCode.TESTS_FAILED
    strict.stdout.fnmatch_lines(["*FAIL fuzzy * 0.50 (needs 0.90)*"])
    assert loose.ret == 0
    assert [kind for _, kind, _, _ in runs(recorded.path)] == ["run", "run", "regate", "regate"]


def test_gates_of_now_decide_a_run_that_is_there(recorded: EvalProject, model_server: ModelServer) -> None:
    result = recorded.run("--evals-regate=latest", "--evals-min-score=1", "--evals-max-file-cost=0")

    assert calls(model_server) == 0
    text = result.stdout.str()
    assert "gate[min_score]" not in text or "FAILED a.eval.yaml::gate[min_score]" not in text


def test_a_gate_that_the_run_misses_now_fails(project: EvalProject) -> None:
    project.write_cases(CASES, [{"id": "a", "input": "x", "expected": "x"}, {"id": "b", "input": "x", "expected": "y"}])
    project.run("-q")

    result = project.run("--evals-regate=latest", "--evals-min-score=0.6", "--evals-case-policy=gate")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAILED a.eval.yaml::gate[[]min_score[]]*"])


def test_a_case_with_other_judges_cannot_be_decided_by_old_scores(
    recorded: EvalProject, model_server: ModelServer
) -> None:
    set_judges(recorded, ["exact"])
    run_id = runs(recorded.path)[0][0]

    result = recorded.run("--evals-regate=latest")

    assert calls(model_server) == 0
    result.stdout.fnmatch_lines(
        [
            "4 cases (c0, c1, c2 and 1 more) not run: edited since run",
            f"  {run_id}; 'promptevals rejudge {run_id}' judges",
            "  anew",
        ]
    )


@pytest.mark.parametrize("command", ["rejudge", "regate"])
def test_the_command_runs_pytest_over_the_files_of_the_run(
    recorded: EvalProject, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(recorded.path)
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(QUIET))
    run_id = runs(recorded.path)[0][0]

    done = CliRunner().invoke(main, [command, run_id[:15], "-q", "-k", "c1"])

    assert done.exit_code == 0, done.output
    assert calls(model_server) == 0
    assert [(kind, parent) for _, kind, parent, _ in runs(recorded.path)] == [("run", None), (command, run_id)]


def test_the_command_passes_on_that_tests_failed(recorded: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(recorded.path)
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(QUIET))
    set_judges(recorded, [{"regex": "nothing"}])

    assert CliRunner().invoke(main, ["rejudge", "latest"]).exit_code == pytest.ExitCode.TESTS_FAILED


def test_a_run_whose_eval_files_are_gone_is_an_error(recorded: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(recorded.path)
    (recorded.path / CASES).rename(recorded.path / "b.eval.yaml")
    run_id = runs(recorded.path)[0][0]

    done = CliRunner().invoke(main, ["rejudge", "latest"], env=WIDE)

    assert done.exit_code == 1
    text = " ".join(done.output.split())
    assert text == f"Error: run {run_id}: none of its eval files is there any more (it had a.eval.yaml)"


@pytest.mark.parametrize("command", ["rejudge", "regate"])
def test_a_run_of_test_functions_alone_has_nothing_to_judge_or_decide_anew(
    project: EvalProject, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    write_function(project)
    project.run_process()
    monkeypatch.chdir(project.path)
    run_id = runs(project.path)[0][0]

    done = CliRunner().invoke(main, [command, "latest"], env=WIDE)

    assert done.exit_code == 1
    assert " ".join(done.output.split()) == (
        f"Error: run {run_id}: it has results of test functions alone (test_app.py::test_app), which make their "
        "outputs themselves; run pytest for that"
    )


def test_test_functions_are_not_called_eval_files_that_are_gone(
    project: EvalProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_function(project)
    path = project.write_cases(CASES, echo_cases(1))
    project.run_process()
    path.unlink()
    monkeypatch.chdir(project.path)

    done = CliRunner().invoke(main, ["rejudge", "latest"], env=WIDE)

    assert " ".join(done.output.split()).endswith("none of its eval files is there any more (it had a.eval.yaml)")


GROUP = "model: scripted/echo\njudges: [{{{0}}}]\ncases: [{{id: a, input: abcd, expected: abxy}}]\n"


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("all_of: [{fuzzy: {threshold: 0.4}}, {contains: ab}]", "all_of: [{fuzzy: {threshold: 0.9}}, {contains: ab}]"),
        ("any_of: [{fuzzy: {threshold: 0.4}}, {contains: q}]", "any_of: [{fuzzy: {threshold: 0.9}}, {contains: q}]"),
        ("not: {fuzzy: {threshold: 0.9}}", "not: {fuzzy: {threshold: 0.4}}"),
        ("any_of: [contains, exact]", "any_of: {judges: [contains, exact], required: false}"),
    ],
    ids=["all_of", "any_of", "not", "required"],
)
def test_thresholds_inside_of_judges_decide_anew_too(project: EvalProject, before: str, now: str) -> None:
    project.write(CASES, GROUP.format(before))
    first = project.run()
    project.write(CASES, GROUP.format(now))

    result = project.run("--evals-regate=latest")

    assert result.ret == 1 - first.ret


def test_a_group_whose_judges_scores_are_not_kept_is_left_out_and_named(project: EvalProject) -> None:
    project.write(CASES, GROUP.format("all_of: [{fuzzy: {threshold: 0.4}}, {contains: ab}]"))
    project.run()
    with sqlite3.connect(project.path / ".promptevals/history.db") as history:
        history.execute("UPDATE scores SET details = NULL")
    run_id = runs(project.path)[0][0]

    result = project.run("--evals-regate=latest")

    result.assert_outcomes(deselected=1)
    assert " ".join(result.stdout.str().split()).count(
        f"1 case (a) not run: the scores that run {run_id} keeps do not tell what passes by thresholds inside of "
        f"judges; 'promptevals rejudge {run_id}' judges anew"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--evals-rejudge=nosuch"], "--evals-rejudge: "),
        (["--evals-regate=nosuch"], "--evals-regate: "),
        (
            ["--evals-rejudge=latest", "--evals-regate=latest"],
            "--evals-rejudge takes outputs as they are and cannot be combined with --evals-regate",
        ),
        (
            ["--evals-regate=latest", "--evals-attribute"],
            "--evals-regate takes outputs as they are and cannot be combined with --evals-attribute",
        ),
        (
            ["--evals-regate=latest", "--evals-adaptive"],
            "--evals-regate takes outputs as they are and cannot be combined with --evals-adaptive",
        ),
        (
            ["--evals-rejudge=latest", "--evals-model=scripted/x"],
            "--evals-rejudge takes outputs as they are and cannot be combined with --evals-model",
        ),
    ],
    ids=["unknown to rejudge", "unknown to regate", "both", "attribution", "adaptive trials", "another model"],
)
def test_what_cannot_be_reused_is_a_usage_error(
    recorded: EvalProject, model_server: ModelServer, arguments: list[str], message: str
) -> None:
    result = recorded.run(*arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert calls(model_server) == 0
    assert message in result.stderr.str() + result.stdout.str()


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["one process", "workers"])
def test_what_the_project_asks_for_of_other_runs_is_no_mistake_here(
    recorded: EvalProject, model_server: ModelServer, workers: list[str]
) -> None:
    ini = [f"-oevals_{text}" for text in ("changed=nosuch", "resume=true", "adaptive=true")]

    result = recorded.run("--evals-regate=latest", *ini, *workers)

    assert result.ret in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    assert result.parseoutcomes().keys() <= {"passed", "failed"}
    assert calls(model_server) == 0
    assert "--evals-resume" not in result.stdout.str()


def test_an_error_of_the_run_stays_an_error(project: EvalProject) -> None:
    project.write("app.py", "def answer(input):\n    return {'no': 'response'} if input == 'bad' else input\n")
    rows = [{"id": name, "input": name, "expected": name} for name in ("good", "bad")]
    project.write_cases(CASES, rows, head="model: python/app:answer\njudges: [exact]\n")
    project.run_process()
    project.write("app.py", "def answer(input):\n    return input\n")

    for option in ("--evals-rejudge=latest", "--evals-regate=latest"):
        result = project.run_process(option)

        result.assert_outcomes(passed=1, errors=1)


def test_a_marked_function_is_left_out_and_named(project: EvalProject) -> None:
    write_function(project)
    project.write_cases(CASES, echo_cases(1))
    project.run_process()

    result = project.run_process("--evals-rejudge=latest")

    result.stdout.fnmatch_lines(
        ["1 case (test_app[[]a[]]) not run: test functions make their outputs themselves; run", "  pytest for that"]
    )


@pytest.mark.parametrize("option", ["--evals-regate=latest", "--evals-rejudge=latest"])
@pytest.mark.parametrize("baseline", [(), ("--evals-baseline=latest",)], ids=["the last results", "latest"])
@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_a_run_that_is_decided_anew_is_not_its_own_baseline(
    project: EvalProject, option: str, baseline: tuple[str, ...], workers: tuple[str, ...]
) -> None:
    rows = [{"id": f"c{number}", "input": "x", "expected": "ok", "output": "ok"} for number in range(100)]
    head = "judges: [exact]\ncase_policy: gate\n"
    project.write_cases(CASES, rows, head)
    assert project.run_process().ret == 0
    project.write_cases(CASES, [*({**row, "output": "no"} for row in rows[:9]), *rows[9:]], head)
    assert project.run_process().ret == 0

    again = [project.run_process(option, "--evals-max-drop=0.01", *baseline, *workers) for _ in range(2)]

    assert [result.ret for result in again] == [1, 1]
    again[0].stdout.fnmatch_lines(["*1.000*0.910*", "*regressed*"])


@pytest.mark.parametrize("option", ["--evals-regate=latest", "--evals-rejudge=latest"])
def test_what_was_asked_of_a_red_run_with_other_limits_is_no_baseline(project: EvalProject, option: str) -> None:
    project.write("app.py", "import pathlib\n\ndef answer(input):\n    return pathlib.Path('says.txt').read_text()\n")
    head = "model: python/app:answer\njudges: [exact]\ncase_policy: gate\n"
    project.write_cases(CASES, [{"id": f"c{number}", "input": "x", "expected": "ok"} for number in range(12)], head)
    (project.path / "says.txt").write_text("ok", encoding="utf-8")
    assert project.run().ret == 0
    (project.path / "says.txt").write_text("no", encoding="utf-8")
    assert project.run().ret == 1

    what_if = project.run(option, "--evals-max-drop=1")
    again = project.run()

    assert (what_if.ret, again.ret) == (0, 1)
    again.stdout.fnmatch_lines(["*regressed*"])
