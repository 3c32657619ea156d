"""``promptevals check``: what it looks at, prints and exits with."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import CliRunner, Result

from pytest_promptevals.cli import main
from tests.support.project import EvalProject
from tests.support.wide_terminal import WIDE

Check: TypeAlias = Callable[..., Result]

NAMES = ("ada", "bob", "cleo", "dora", "emil", "finn", "gus", "hal", "ivo", "jan")
HEAD = "model: scripted/echo\njudges: [fuzzy]\n"
GOOD = (
    HEAD
    + "cases:\n"
    + "".join(f"  - {{id: c{n}, input: '{word} {word}', expected: {word * 2}}}\n" for n, word in enumerate(NAMES))
)
WARNED = HEAD + "cases: [{id: a, input: Hello, expected: Ho}]\n"
WRONG = GOOD.replace("[fuzzy]", "[fuzzy, {length: {min: 0}}]")


@pytest.fixture
def check(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Runs the command in the project's folder."""
    monkeypatch.chdir(project.path)
    return lambda *arguments: CliRunner().invoke(main, ["check", *arguments], env=WIDE)


def kinds_of(result: Result) -> list[str]:
    """Return the kinds that ``--json`` printed."""
    return [json.loads(line)["kind"] for line in result.stdout.splitlines()]


def test_nothing_found_exits_with_0(project: EvalProject, check: Check) -> None:
    project.write("a.eval.yaml", GOOD)

    result = check()

    assert result.exit_code == 0
    assert result.output == "nothing found; looked at 10 cases in 1 eval file\n"


def test_warnings_exit_with_0_and_strict_makes_that_1(project: EvalProject, check: Check) -> None:
    project.write("a.eval.yaml", WARNED)

    assert check().exit_code == 0
    assert check("--strict").exit_code == 1
    assert check().output == check("--strict").output
    project.write("a.eval.yaml", GOOD)
    assert check("--strict").exit_code == 0


def test_errors_exit_with_1(project: EvalProject, check: Check) -> None:
    project.write("a.eval.yaml", WRONG)

    result = check()

    assert result.exit_code == 1
    assert result.output == (
        "a.eval.yaml:2: cannot-fail: the judge 'length' passes every answer: every answer\n"
        "    has at least 0; correct it or remove it\n"
        "\n"
        "1 error; looked at 10 cases in 1 eval file\n"
    )


def test_findings_are_sorted_by_file_and_line_and_wrapped(project: EvalProject, check: Check) -> None:
    project.write("b/b.eval.yaml", WARNED)
    project.write("a.eval.yaml", WRONG.replace("id: c3", "id: c-3").replace("'ada ada'", "'bob bob'"))

    lines = check().output.splitlines()

    assert [line.split(": ")[0] for line in lines if line[:1].strip()][:-1] == [
        "a.eval.yaml:2",
        "a.eval.yaml:4",
        "b/b.eval.yaml:1",
    ]
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "2 errors, 1 warning; looked at 11 cases in 2 eval files"


def test_a_file_that_cannot_be_loaded_does_not_hide_the_others(project: EvalProject, check: Check) -> None:
    project.write("a.eval.yaml", "jugdes: []\ncases: [{id: a}]\n")
    project.write("b.eval.yaml", WRONG)

    result = check("--json")

    assert result.exit_code == 1
    assert kinds_of(result) == ["load-error", "cannot-fail"]


def test_json_has_a_finding_on_each_line(project: EvalProject, check: Check) -> None:
    project.write("a.eval.yaml", WARNED + "few_shot: [{user: hello, assistant: é}]\n")

    result = check("--json", "--ignore", "small-dataset")

    assert json.loads(result.stdout) == {
        "kind": "few-shot-leak",
        "severity": "warning",
        "message": "few-shot example 1, \"hello\", asks nearly the same as 'a' (line 3): the model is shown what it is "
        "tested on; take another example",
        "file": "a.eval.yaml",
        "line": 4,
        "cases": ["a"],
        "also": [],
    }


def test_only_and_ignore_choose_kinds(project: EvalProject, check: Check) -> None:
    project.write("a.eval.yaml", WRONG.replace("id: c1,", ""))

    assert kinds_of(check("--json")) == ["cannot-fail", "missing-id"]
    assert kinds_of(check("--json", "--only", "missing-id", "--only", "conflict")) == ["missing-id"]
    result = check("--json", "--ignore", "cannot-fail")
    assert kinds_of(result) == ["missing-id"]
    assert result.exit_code == 0


def test_what_cannot_be_loaded_is_said_whatever_is_looked_for(project: EvalProject, check: Check) -> None:
    project.write("a.eval.yaml", "jugdes: []\ncases: [{id: a}]\n")

    assert kinds_of(check("--json", "--only", "missing-id")) == ["load-error"]
    assert check("--ignore", "load-error").exit_code == 0


def test_what_two_files_have_in_common_is_found_once_at_both_places(project: EvalProject, check: Check) -> None:
    project.write("a.eval.yaml", GOOD)
    project.write("b.eval.yaml", GOOD.replace("'ada ada'", "'zoe zoe'"))

    result = check("--json")

    (found,) = map(json.loads, result.stdout.splitlines())
    assert (found["kind"], found["line"], found["also"][0]) == ("cross-file-duplicate", 5, "b.eval.yaml:5")
    assert kinds_of(check("--json", "a.eval.yaml")) == []
    assert kinds_of(check("--json", "--ignore", "cross-file-duplicate")) == []


def test_the_setting_accepts_kinds_everywhere_or_in_some_files(project: EvalProject, check: Check) -> None:
    for name in ("a", "b/c", "b/d"):
        project.write(f"{name}.eval.yaml", WRONG)
    project.write("pytest.ini", "[pytest]\nevals_check_ignore = duplicate\n")
    assert kinds_of(check("--json")) == ["cannot-fail", "cross-file-duplicate", "cannot-fail", "cannot-fail"]

    project.write("pytest.ini", "[pytest]\nevals_check_ignore = b/*:cannot-fail b/d*:cross-file-duplicate\n")
    assert kinds_of(check("--json")) == ["cannot-fail"]
    assert kinds_of(check("--json", "--only", "cross-file-duplicate")) == ["cross-file-duplicate"]

    project.write("pytest.ini", "[pytest]\nevals_check_ignore = cannot-fail cross-file-duplicate\n")
    result = check()
    assert result.exit_code == 0
    assert result.output == (
        "nothing found; looked at 30 cases in 3 eval files; evals_check_ignore leaves out\n    4 findings\n"
    )


def test_a_space_behind_the_colon_of_the_setting_does_not_count(project: EvalProject, check: Check) -> None:
    project.write("a.eval.yaml", WRONG)
    project.write("pytest.ini", "[pytest]\nevals_check_ignore = a*: cannot-fail\n")
    assert kinds_of(check("--json")) == []

    project.write("pytest.ini", "[pytest]\nevals_check_ignore = small-dataset\n  a*:cannot-fail\n  \n")
    assert kinds_of(check("--json")) == []


def test_what_the_setting_leaves_out_in_vain_is_noted(project: EvalProject, check: Check) -> None:
    project.write("a/b.eval.yaml", WRONG)
    project.write("pytest.ini", "[pytest]\nevals_check_ignore = c/*:cannot-fail a/*:cannot-fail duplicate\n")

    assert check().output.splitlines()[:3] == [
        "evals_check_ignore: 'c/*:cannot-fail' leaves nothing out: correct it, or remove it",
        "evals_check_ignore: 'duplicate' leaves nothing out: correct it, or remove it",
        "nothing found; looked at 10 cases in 1 eval file; evals_check_ignore leaves out",
    ]
    assert "leaves nothing out" not in check("a").output
    assert "duplicate" not in check("--ignore", "duplicate").output

    project.write("b.eval.yaml", "jugdes: []\n")
    assert "leaves nothing out" not in check().output


def test_the_setting_refuses_an_unknown_kind(project: EvalProject, check: Check) -> None:
    project.write("a.eval.yaml", GOOD)
    project.write("pytest.ini", "[pytest]\nevals_check_ignore = b/*:duplicates\n")

    result = check()

    assert result.exit_code == 2
    assert result.output.endswith(
        "Error: evals_check_ignore: 'b/*:duplicates': there is no kind of finding 'duplicates'. "
        "Did you mean 'duplicate'?\n"
    )


def test_an_unknown_kind_is_refused_with_the_list_of_kinds(check: Check) -> None:
    result = check("--only", "spelling")

    assert result.exit_code == 2
    assert "'spelling' is not one of 'load-error', 'unknown-plugin', 'misspelling', 'conflict'" in result.output


def test_no_eval_files_are_an_error_that_names_what_is_looked_for(check: Check) -> None:
    result = check()

    assert result.exit_code == 2
    assert "Error: there are no eval files here; they are called *.eval.yaml or *.eval.yml or *.eval.jsonl\n" in (
        result.output
    )


def test_a_path_that_is_not_there_is_an_error(check: Check) -> None:
    result = check("nowhere")

    assert result.exit_code == 2
    assert "Path 'nowhere' does not exist." in result.output


def test_eval_files_are_those_that_pytest_finds(project: EvalProject, check: Check) -> None:
    project.write("pytest.ini", "[pytest]\nevals_files = *.prompts.yaml\ntestpaths = one two\nnorecursedirs = left-*\n")
    for name in ("one/a", "two/deep/b", "three/c", "one/left-out/d", "build/e", "one/build/f"):
        project.write(f"{name}.prompts.yaml", WARNED)
        project.write(f"{name}.eval.yaml", WARNED)
    project.write("one/env/pyvenv.cfg", "")
    project.write("one/env/g.prompts.yaml", WARNED)

    collected = project.run("--collect-only", "-q")
    files = {re.sub("::.*", "", line) for line in collected.outlines if "::" in line}

    checked = {json.loads(line)["file"] for line in check("--json", "--only", "small-dataset").stdout.splitlines()}
    assert files == {"one/a.prompts.yaml", "two/deep/b.prompts.yaml", "one/build/f.prompts.yaml"}
    assert checked == files


def test_hidden_and_built_folders_are_not_entered(project: EvalProject, check: Check) -> None:
    for name in (".hidden/a", "build/b", "node_modules/c", "evals/d"):
        project.write(f"{name}.eval.yaml", WARNED)

    assert [json.loads(line)["file"] for line in check("--json").stdout.splitlines()] == ["evals/d.eval.yaml"]


def test_testpaths_count_in_the_rootdir_only(
    project: EvalProject, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("pytest.ini", "[pytest]\ntestpaths = one\n")
    project.write("one/a.eval.yaml", WARNED)
    project.write("two/b.eval.yaml", WARNED)
    monkeypatch.chdir(project.path / "two")

    assert [json.loads(line)["file"] for line in check("--json").stdout.splitlines()] == ["two/b.eval.yaml"]


@pytest.mark.skipif(sys.platform == "win32", reason="symlinks need a privilege there")
def test_a_link_to_a_folder_above_is_not_followed_for_ever(project: EvalProject, check: Check) -> None:
    project.write("evals/a.eval.yaml", WARNED)
    (project.path / "evals/loop").symlink_to(project.path)

    assert len(check("--json").stdout.splitlines()) == 1


def test_a_named_file_is_checked_whatever_its_name_and_once(
    project: EvalProject, check: Check, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project.write("sub/evals.yaml", "judges: [exact]\n")
    path = project.write("sub/some.cases.jsonl", '{"id": "a", "input": "x", "expected": "y"}\n')
    project.write("pytest.ini", "[pytest]\n")
    monkeypatch.chdir(tmp_path)

    result = check(str(path), str(path.parent / ".." / "sub" / path.name))

    assert result.exit_code == 0
    assert result.output.startswith("sub/some.cases.jsonl:1: small-dataset: ")
    assert result.output.endswith("1 warning; looked at 1 case in 1 eval file\n")


def test_a_case_file_of_two_eval_files_is_told_once(project: EvalProject, check: Check) -> None:
    project.write("more.jsonl", '{"input": "x", "expected": "y"}\n')
    for name in ("a", "b"):
        project.write(f"{name}.eval.yaml", HEAD + "cases: [{file: more.jsonl}]\n")

    assert kinds_of(check("--json", "--ignore", "small-dataset")) == ["missing-id"]


def test_fix_ids_writes_ids_once_and_the_baseline_stays_valid(project: EvalProject, check: Check) -> None:
    project.write("more.jsonl", '{"input": "x", "expected": "x"}\n{"input": "y", "expected": "y"}\n')
    path = project.write("a.eval.yaml", HEAD + "cases:\n  # one\n  - input: z\n    expected: z\n  - file: more.jsonl\n")
    project.run("--evals-save-baseline").assert_outcomes(passed=3)

    first, text = check("--fix-ids"), path.read_text(encoding="utf-8")
    second = check("--fix-ids")

    assert first.output.splitlines()[:2] == ["a.eval.yaml: 1 id written", "more.jsonl: 2 ids written"]
    assert "missing-id" not in first.output
    assert "written" not in second.output
    assert path.read_text(encoding="utf-8") == text
    assert "  # one\n  - id: " in text
    run = project.run()
    run.assert_outcomes(passed=4)
    assert "new" not in run.stdout.str()
    assert "missing" not in run.stdout.str()


def test_fix_ids_says_what_it_could_not_write(project: EvalProject, check: Check) -> None:
    project.write("a.eval.yaml", HEAD + "cases: [{file: n.csv}, {file: m.jsonl}]\n")
    project.write("n.csv", "input,expected,id\nx,y,\n")
    project.write("m.jsonl", '{"input": "z", "expected": "z"}\n').chmod(0o444)
    project.write("b.eval.yaml", HEAD + "cases: [{inptu: x}, {input: y}]\n")

    result = check("--fix-ids", "--json", "--only", "missing-id")

    assert result.stderr == (
        "n.csv: 0 ids written; 1 could not be\n"
        "m.jsonl: no ids written: the file is read-only\n"
        "b.eval.yaml: no ids written: first correct what keeps the file from loading\n"
    )
    assert kinds_of(result) == ["load-error", "missing-id", "missing-id"]


def test_ids_that_could_not_be_written_are_counted(project: EvalProject, check: Check) -> None:
    project.write("a.eval.yaml", HEAD + "cases: [&a {input: x, expected: y}, {input: z, expected: y}]\n")
    project.write("b.eval.yaml", HEAD + "cases:\n  - ? input\n    : x\n    ? expected\n    : y\n")

    result = check("--json", "--fix-ids")

    assert result.stderr == "a.eval.yaml: 2 ids written\nb.eval.yaml: 0 ids written; 1 could not be\n"


def test_a_file_that_cannot_be_written_is_an_error_without_a_traceback(
    project: EvalProject, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project.write("a.eval.yaml", HEAD + "cases: [{input: x, expected: y}]\n")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "a.eval.yaml")

    monkeypatch.setattr("pytest_promptevals.hygiene.missing_ids.write_text_atomically", refuse)
    result = check("--fix-ids")

    assert result.exit_code == 1
    assert result.output == "Error: a.eval.yaml: cannot be written: Permission denied\n"
    assert "id:" not in path.read_text(encoding="utf-8")


def test_judges_of_a_conftest_are_known_and_of_a_plugin_no_errors(project: EvalProject, check: Check) -> None:
    project.write("a.eval.yaml", WARNED.replace("fuzzy", "polite, kindly"))
    project.write("conftest.py", "def pytest_promptevals_judges():\n    return {'kindly': 'kind:KindJudge'}\n")

    result = check("--json", "--ignore", "small-dataset")

    assert result.exit_code == 0
    assert kinds_of(result) == ["unknown-plugin"]
    assert "'polite'" in result.stdout


def test_a_misspelt_judge_is_an_error_unless_it_is_meant(project: EvalProject, check: Check) -> None:
    project.write("a.eval.yaml", WARNED.replace("fuzzy", "fuzzi"))

    assert check().exit_code == 1
    assert check("--ignore", "misspelling").exit_code == 0
    project.write("pytest.ini", "[pytest]\nevals_check_ignore = misspelling\n")
    assert check().exit_code == 0


def test_an_unknown_judge_is_said_once_for_all_files(project: EvalProject, check: Check) -> None:
    for name in "abc":
        project.write(f"{name}.eval.yaml", GOOD.replace("fuzzy", "polite").replace("c0", f"c{name}"))
    options = ("--json", "--only", "unknown-plugin")

    (found,) = map(json.loads, check(*options).stdout.splitlines())

    assert (found["file"], found["also"]) == ("a.eval.yaml", ["b.eval.yaml:2", "c.eval.yaml:2"])
    project.write("pytest.ini", "[pytest]\nevals_check_ignore = a*:unknown-plugin c*:unknown-plugin\n")
    (found,) = [one for one in map(json.loads, check("--json").stdout.splitlines()) if one["kind"] == "unknown-plugin"]
    assert (found["file"], found["also"]) == ("b.eval.yaml", [])
    assert check().output.endswith("evals_check_ignore leaves out 2\n    findings\n")


@pytest.mark.parametrize(
    "place", ["ini", "addopts", "pyproject", "variable", "PYTEST_ADDOPTS", "eval file", "evals.yaml"]
)
def test_the_judge_model_is_read_wherever_pytest_reads_it(
    project: EvalProject, check: Check, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    text = GOOD.replace("fuzzy", "factuality")
    project.write("a.eval.yaml", text)
    assert kinds_of(check("--json")) == ["load-error"]

    if place == "ini":
        project.write("pytest.ini", "[pytest]\nevals_judge_model = scripted/echo\n")
    elif place == "pyproject":
        project.write("pyproject.toml", "[tool.pytest.ini_options]\nevals_judge_model = 'scripted/echo'\n")
    elif place == "addopts":
        project.write("pytest.ini", "[pytest]\naddopts = -k 'c0 or c1' --evals-judge-model scripted/echo -rs\n")
    elif place == "PYTEST_ADDOPTS":
        monkeypatch.setenv("PYTEST_ADDOPTS", "--evals-judge-model=scripted/echo")
    elif place == "variable":
        monkeypatch.setenv("PROMPTEVALS_JUDGE_MODEL", "scripted/echo")
    elif place == "eval file":
        project.write("a.eval.yaml", f"judge_model: scripted/echo\n{text}")
    else:
        project.write("evals.yaml", "judge_model: scripted/echo\n")

    assert kinds_of(check("--json")) == []
    assert project.run("--collect-only").ret == 0


def test_the_level_and_the_model_of_the_settings_count_as_for_pytest(
    project: EvalProject, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("a.eval.yaml", GOOD.replace("fuzzy", "fuzzy, factuality").replace("model: scripted/echo\n", ""))
    assert kinds_of(check("--json")) == ["load-error", "load-error"]

    monkeypatch.setenv("PROMPTEVALS_LEVEL", "1")
    monkeypatch.setenv("PROMPTEVALS_MODEL", "scripted/echo")
    assert kinds_of(check("--json")) == []
    monkeypatch.setenv("PROMPTEVALS_LEVEL", "4")
    assert check().output.endswith("Error: PROMPTEVALS_LEVEL: 4 is too large; the largest is 3.\n")


def test_options_that_the_ini_file_adds_are_read_as_pytest_reads_them(project: EvalProject, check: Check) -> None:
    project.write("a.eval.yaml", GOOD.replace("model: scripted/echo\n", ""))
    toml = "[tool.pytest.ini_options]\naddopts = {}\nevals_model = 'nobody/x'\n"

    project.write(
        "pyproject.toml", toml.format("['--evals-plan', '--evals-model=scripted/a', '--evals-model', 'my/x']")
    )
    assert "'my'" in check("--json").stdout
    project.write("pyproject.toml", toml.format("'--evals-trials 0 -x'"))
    assert check().output.endswith("Error: --evals-trials: 0 is too small; the smallest is 1.\n")
    project.write("pyproject.toml", toml.format("'--evals-trials'"))
    assert check().output.endswith("Error: addopts: argument --evals-trials: expected one argument\n")
    project.write("pyproject.toml", toml.format('"\'"'))
    assert check().output.endswith("Error: addopts: No closing quotation\n")
