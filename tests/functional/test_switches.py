"""Which files are eval files, and when they run."""

from __future__ import annotations

import pytest

from pytest_promptevals.settings import SETTINGS
from tests.support.project import EvalProject

CASE = [{"id": "a", "input": "x", "expected": "x"}]


@pytest.fixture
def evals(project: EvalProject) -> EvalProject:
    project.write_cases("evals/a.eval.yaml", CASE)
    project.write("test_plain.py", "def test_one(): pass\n")
    return project


def test_they_run_with_a_plain_pytest(evals: EvalProject) -> None:
    evals.run().assert_outcomes(passed=2)


def test_no_evals_leaves_them_out_once(evals: EvalProject) -> None:
    result = evals.run("--no-evals")

    result.assert_outcomes(passed=1)
    assert "a.eval.yaml" not in result.stdout.str()


def test_evals_default_skip_turns_that_round(evals: EvalProject) -> None:
    evals.write("pytest.ini", "[pytest]\nevals_default = skip\n")

    evals.run().assert_outcomes(passed=1)
    evals.run("--evals").assert_outcomes(passed=2)
    evals.run("evals/a.eval.yaml", "--evals-history=off").assert_outcomes(passed=1)
    evals.run("evals/a.eval.yaml::a", "--evals-history=off").assert_outcomes(passed=1)


def test_the_environment_sets_what_an_option_sets(evals: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTEVALS_DEFAULT", "skip")

    evals.run().assert_outcomes(passed=1)
    evals.run("--evals-default=run").assert_outcomes(passed=2)


def test_evals_files_says_which_names_are_collected(evals: EvalProject) -> None:
    evals.write_cases("prompts/check.yaml", CASE)
    evals.write("pytest.ini", "[pytest]\nevals_files = prompts/*.yaml\n")

    evals.run("--co", "-q").stdout.fnmatch_lines(["prompts/check.yaml::a", "test_plain.py::test_one"])


def test_toml_settings_have_types(evals: EvalProject) -> None:
    evals.write(
        "pyproject.toml",
        """
        [tool.pytest.ini_options]
        evals_concurrency = 3
        evals_max_drop = 0.5
        evals_files = ["*.eval.yaml"]
        evals_history = "off"
        """,
    )

    evals.run().assert_outcomes(passed=2)
    assert not (evals.path / ".promptevals").exists()


def test_a_session_without_evals_prints_and_writes_nothing(project: EvalProject) -> None:
    project.write("test_plain.py", "def test_one(): pass\n")
    before = project.run("-p", "no:promptevals", "-p", "no:cacheprovider").stdout.lines

    after = project.run("-p", "no:cacheprovider").stdout.lines

    assert [line for line in after if "plugins:" not in line][3:-1] == [
        line for line in before if "plugins:" not in line
    ][3:-1]
    assert sorted(path.name for path in project.path.iterdir() if path.name != "__pycache__") == ["test_plain.py"]


def test_a_selection_without_evals_prints_and_writes_nothing(evals: EvalProject) -> None:
    result = evals.run("-k", "test_one")

    assert "evals =" not in result.stdout.str()
    assert not (evals.path / ".promptevals").exists()


def test_help_lists_every_setting(project: EvalProject) -> None:
    text = project.run("--help").stdout.str()

    assert all(setting.ini in text for setting in SETTINGS)
    assert [setting.name for setting in SETTINGS if setting.option not in text] == ["check_ignore"]


def test_the_marker_is_listed(project: EvalProject) -> None:
    project.run("--markers").stdout.fnmatch_lines(["@pytest.mark.evals(file, level, priority, model): *"])


def test_a_matrix_of_models_and_prompts_gives_an_item_for_each(project: EvalProject) -> None:
    project.write("short.md", "{{ input }}")
    project.write("long.md", "please {{ input }}")
    project.write_cases(
        "a.eval.yaml",
        CASE,
        head="model: [scripted/echo, other/echo]\nproviders: {other: {type: scripted}}\n"
        "prompt: [short.md, long.md]\njudges: [exact]\n",
    )

    project.run("--co", "-q").stdout.fnmatch_lines(
        [
            "a.eval.yaml::a[[]scripted/echo-short[]]",
            "a.eval.yaml::a[[]other/echo-short[]]",
            "a.eval.yaml::a[[]scripted/echo-long[]]",
            "a.eval.yaml::a[[]other/echo-long[]]",
        ]
    )
    project.run("a.eval.yaml::a[scripted/echo-short]").assert_outcomes(passed=1)


def test_the_option_model_takes_the_place_of_the_files_models(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", CASE, head="model: openai/gpt-5-mini\njudges: [exact]\n")

    project.run("--evals-model=scripted/echo").assert_outcomes(passed=1)
    project.run("--evals-model=scripted/echo", "--evals-model", "recorded", "--co").stdout.fnmatch_lines(
        ["*EvalItem a[[]echo[]]*", "*EvalItem a[[]recorded[]]*"]
    )


def test_trials_repeat_a_case(project: EvalProject) -> None:
    script = "providers: {scripted: {script: [{match: x, replies: [x, y]}]}}\n"
    project.write_cases("a.eval.yaml", CASE, head=f"model: scripted/m\njudges: [exact]\ntrials: 2\n{script}")

    project.run("-rf").stdout.fnmatch_lines(["FAILED a.eval.yaml::a - exact failed, score 0.50*"])
    project.run("--evals-trials=1", "--evals-history=off").assert_outcomes(passed=1)


def test_most_trials_without_adaptive_trials_are_said_to_be_idle(evals: EvalProject) -> None:
    idle = (
        "--evals-max-trials 50 has no effect without --evals-adaptive; --evals-trials 50 asks for as many of each case"
    )

    assert idle in " ".join(evals.run("-q", "--evals-max-trials=50").stdout.str().split())
    assert "no effect" not in evals.run("--evals-max-trials=50", "--evals-adaptive").stdout.str()
    evals.write("pytest.ini", "[pytest]\nevals_max_trials = 50\n")
    assert "no effect" not in evals.run().stdout.str()


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_variable_that_is_no_setting_is_named_once(
    evals: EvalProject, monkeypatch: pytest.MonkeyPatch, extra: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PROMPTEVALS_MAX_DRPO", "0.01")
    monkeypatch.setenv("PROMPTEVALS_SESSION", "abc")

    text = " ".join(evals.run_process("-q", *extra).stdout.str().split())

    words = "PROMPTEVALS_MAX_DRPO has no effect: there is no such setting. Did you mean 'PROMPTEVALS_MAX_DROP'?"
    assert text.count(words) == text.count("no effect") == 1
    assert "no effect" not in evals.run("test_plain.py").stdout.str()


@pytest.mark.parametrize("option", ["history", "cache-file"])
def test_a_folder_is_no_database(evals: EvalProject, option: str) -> None:
    as_option = evals.run(f"--evals-{option}=evals")
    evals.write("pytest.ini", f"[pytest]\nevals_{option.replace('-', '_')} = new/\n")
    as_key = evals.run()

    name, key = {"history": "history.db", "cache-file": "cache.db"}[option], f"evals_{option.replace('-', '_')}"
    assert as_option.ret == as_key.ret == pytest.ExitCode.USAGE_ERROR
    as_option.stderr.fnmatch_lines(
        [f"ERROR: --evals-{option}: 'evals' is a folder; write the name of a file, such as 'evals/{name}'."]
    )
    as_key.stderr.fnmatch_lines([f"ERROR: {key}: 'new/' is a folder; write the name of a file, such as 'new/{name}'."])
    assert not (evals.path / "new").exists()
