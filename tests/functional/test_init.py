"""From an empty folder to a verdict: ``promptevals init``, and the runs after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from tests.support.project import EvalProject


def begin(*arguments: str) -> None:
    result = CliRunner().invoke(main, ["init", *arguments])
    assert result.exit_code == 0, result.output


def test_the_first_runs_pass_and_a_worse_prompt_is_a_regression(project: EvalProject) -> None:
    begin()
    project.run("--evals-max-cost", "5").stdout.fnmatch_lines(
        ["evals/tickets.eval.yaml     10      10  1.000  no baseline"]
    )
    project.run("--evals-save-baseline").assert_outcomes(passed=10)
    prompt = project.path / "prompts" / "tickets.md"
    prompt.write_text(prompt.read_text("utf-8").replace("Answer with that one word alone.\n", ""), encoding="utf-8")
    worse = project.run()

    assert worse.ret == pytest.ExitCode.TESTS_FAILED
    worse.stdout.fnmatch_lines(["evals/tickets.eval.yaml [[]score[]] regressed: mean score fell by 1.000, *"])


def test_a_worse_answer_of_the_stand_in_is_red(project: EvalProject) -> None:
    begin()
    project.run("--evals-save-baseline")
    script = project.path / "evals" / "offline.script.yaml"
    script.write_text(script.read_text("utf-8").replace("reply: billing", "reply: other"), encoding="utf-8")

    project.run().assert_outcomes(passed=7, failed=3)


def test_cases_of_a_real_model_are_collected_without_a_key(
    project: EvalProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin("shop", "--model", "openai/gpt-5-mini")
    monkeypatch.chdir(Path("shop"))
    result = project.run("--collect-only", "-q")

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["evals/tickets.eval.yaml::refund", "10 tests collected*"])
