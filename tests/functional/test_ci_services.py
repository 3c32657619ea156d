"""What a session leaves for the CI service that it runs on, and what it keeps a model from telling that service."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from tests.support.ci_logs import azure_commands, github_commands
from tests.support.project import EvalProject

HOSTILE = "::error::x\n  ::add-mask::e\n::set-env name=A::b\n##[error]y ##[add-mask]z\n##vso[task.complete]w"
FOLDED = ["group", "endgroup"]


@pytest.fixture
def github(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> EvalProject:
    """A job of GitHub Actions in a checkout, of which the project is a folder."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("CI", "true")  # pytest shortens no message there
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path.parent))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary_of(project)))
    return project


def summary_of(project: EvalProject) -> Path:
    return project.path / "summary.md"


def write_eval(project: EvalProject, *answers: str, policy: str = "strict") -> None:
    """Write cases that expect "good" and get those answers, the last one an error of the model."""
    script = [{"match": f"question {number}$", "reply": answer} for number, answer in enumerate(answers)]
    script.append({"match": "down", "error": f"the server said {HOSTILE}"})
    head = {"model": "scripted/m", "judges": ["exact"], "providers": {"scripted": {"script": script}}}
    project.write("evals/evals.yaml", json.dumps({**head, "case_policy": policy, "gate": {"max_error_rate": 1}}))
    cases = [{"id": f"c{number}", "input": f"question {number}", "expected": "good"} for number in range(len(answers))]
    project.write_cases("evals/a.eval.yaml", [*cases, {"id": "down", "input": "down", "expected": "good"}], head="")


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_github_is_told_what_is_wrong_and_a_model_can_tell_it_nothing(
    github: EvalProject, extra: tuple[str, ...]
) -> None:
    write_eval(github, *["good"] * 8)
    github.run("--evals-save-baseline")
    summary_of(github).write_text("what another step said\n", encoding="utf-8")
    write_eval(github, *[HOSTILE] * 8)

    result = github.run("-rA", "-v", *extra)

    commands = github_commands(result.stdout.str())
    assert [command.name for command in commands] == ["group", *["error"] * 10, "endgroup"]
    assert azure_commands(result.stdout.str()) == []
    file = f"{github.path.name}/evals/a.eval.yaml"
    assert [dict(command.properties) for command in commands[1:3]] == [
        {"file": file, "line": "1", "title": "gate score: regressed"},
        {"file": file, "line": "2", "title": "c0 now fails"},
    ]
    assert commands[10].properties == {"file": file, "line": "10", "title": "down ended in an error"}
    assert commands[2].data.endswith(" ".join(HOSTILE.split()))
    summary = summary_of(github).read_text("utf-8")
    assert summary.startswith("what another step said\n<!-- promptevals -->\n## ❌ Evals regressed: score of ")
    assert "Answered before:\n\n```\ngood\n```\n\nAnswered now:\n\n```\n: :error::x\n" in summary


def test_cases_that_are_let_through_are_warnings(github: EvalProject) -> None:
    write_eval(github, "good", "good", policy="gate")
    github.run("-k", "not down")
    write_eval(github, "good", HOSTILE, policy="gate")

    result = github.run("-v", "-k", "not down")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["*1 case below its thresholds, let through:*"])
    commands = github_commands(result.stdout.str())
    assert [command.name for command in commands] == ["group", *["warning"] * 2, "endgroup"]
    assert "## ⚠️ Evals inconclusive: score of evals/a.eval.yaml fell" in summary_of(github).read_text("utf-8")


def test_a_good_run_has_a_summary_and_no_annotations(github: EvalProject) -> None:
    write_eval(github, "good")

    result = github.run("-k", "not down", "-o", "evals_history=off")

    assert github_commands(result.stdout.str()) == []
    assert "## ✅ Evals: 1 of 1 case pass" in summary_of(github).read_text("utf-8")


def test_an_eval_file_that_cannot_be_used_is_annotated_at_the_line(github: EvalProject) -> None:
    github.write("a.eval.yaml", "model: scripted/echo\njudges: [exact]\ncases:\n  - {id: a, inpt: x}\n")

    result = github.run()

    (_, error, _) = github_commands(result.stdout.str())
    assert error.name == "error"
    assert error.properties == {
        "file": f"{github.path.name}/a.eval.yaml",
        "line": "4",
        "title": "eval file cannot be used",
    }
    assert "Did you mean 'input'?" in error.data


def test_annotations_can_be_turned_off_and_commands_stay_harmless(github: EvalProject) -> None:
    write_eval(github, HOSTILE)

    result = github.run("-v", "--evals-annotations=off")

    assert github_commands(result.stdout.str()) == []
    result.stdout.fnmatch_lines(["*: :add-mask::e"])
    assert not summary_of(github).exists()


def test_a_summary_that_cannot_be_written_changes_no_verdict(
    github: EvalProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_eval(github, "good")
    summary_of(github).write_bytes(b"x" * 1024 * 1024)
    full = github.run("-k", "not down")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(github.path))
    taken = github.run("-k", "not down")

    assert (full.ret, taken.ret) == (0, 0)
    full.stdout.fnmatch_lines(
        ["the summary of the job has no room for the report of the evals: GitHub takes 1", "  MiB of each step"]
    )
    taken.stdout.fnmatch_lines(["the summary of the job cannot be written: Is a directory"])


def test_commands_of_ours_print_no_commands_of_a_model(github: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    write_eval(github, HOSTILE)
    github.run()
    monkeypatch.chdir(github.path)

    shown = printed("show", "latest", "--case", "c0")
    data = printed("show", "latest", "--case", "c0", "--format", "json")
    report = printed("report", "--format", "markdown")
    assert "\n    : :error::x\n" in shown
    assert json.loads(data)[0]["trials"][0]["response"]["text"] == HOSTILE
    assert "Answered:" in report
    for text in (shown, data, report):
        assert (github_commands(text), azure_commands(text)) == ([], [])


def printed(*arguments: str) -> str:
    """Return what a command prints."""
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_azure_is_told_the_same(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_BUILD", "True")
    monkeypatch.setenv("AGENT_TEMPDIRECTORY", str(project.path / "temp"))
    write_eval(project, HOSTILE)

    result = project.run("-v")

    commands = azure_commands(result.stdout.str())
    assert [command.name for command in commands] == ["task.logissue", "task.logissue", "task.uploadsummary"]
    assert commands[0].properties == {"type": "error", "sourcepath": "evals/a.eval.yaml", "linenumber": "2"}
    assert Path(commands[2].data).read_text("utf-8").startswith("<!-- promptevals -->\n")


def test_elsewhere_nothing_is_said_and_answers_are_as_they_are(project: EvalProject) -> None:
    write_eval(project, HOSTILE)

    result = project.run()

    result.stdout.fnmatch_lines(["    ::error::x"])
    result.stdout.no_fnmatch_line("*annotations of the evals*")


def properties_of(report: Path, name: str) -> dict[str, str]:
    """Return the properties of a test case in a JUnit file."""
    suite = ET.parse(report).getroot()[0]  # noqa: S314 - written by the test
    (case,) = [case for case in suite if case.get("name") == name]
    return {item.get("name") or "": item.get("value") or "" for item in case.iter("property")}


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_junit_has_the_numbers_of_cases_and_gates(project: EvalProject, extra: tuple[str, ...]) -> None:
    write_eval(project, *["good"] * 8)
    project.run("--evals-save-baseline")
    write_eval(project, *["\0 \x1b[31m \u202e bad"] * 8)
    project.run("--junitxml=report.xml", "--evals-trials=2", "-o", "junit_family=xunit1", *extra)

    report = project.path / "report.xml"
    case = properties_of(report, "c0")
    assert list(case) == [
        *("score", "passed", "cost", "model", "trials", "latency"),
        *("judges.exact", "judges.exact.threshold", "explanation"),
    ]
    assert (case["score"], case["passed"], case["trials"], case["judges.exact"]) == ("0", "false", "2", "0")
    assert case["judges.exact.threshold"] == "1"
    gate = properties_of(report, "gate[score]")
    assert (gate["verdict"], gate["before"], gate["after"], gate["worse_by"]) == ("regressed", "1", "0", "1")
    assert 0 < float(gate["worse_by_low"]) < float(gate["worse_by_high"]) <= 1
    assert (gate["limit"], gate["confidence"]) == ("0.1", "0.95")
    down = properties_of(report, "down")
    assert (down["score"], down["passed"]) == ("none", "none")
    assert down["explanation"].startswith("the server said ::error::x")
