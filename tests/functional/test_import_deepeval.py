"""Goldens of DeepEval, imported and run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from tests.support.project import EvalProject

SCORE = '{"reasoning": "She knows.", "score": 5}'


@pytest.fixture(autouse=True)
def _here(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.path)


def import_goldens(project: EvalProject, goldens: list[dict[str, Any]]) -> None:
    project.write("goldens.json", json.dumps(goldens))
    result = CliRunner().invoke(main, ["import", "goldens.json"])
    assert result.exit_code == 0, result.output


def test_recorded_answers_are_judged_by_their_words_and_tools(project: EvalProject) -> None:
    wanted: dict[str, Any] = {"input": "Where?", "expected_output": "It is on its way."}
    find = {"name": "find", "input_parameters": {"text": "{{ it }}"}}
    tools = {"expected_tools": [find, {"name": "say"}]}
    called = [{"name": "say"}, {"name": "think"}, find]
    import_goldens(
        project,
        [
            {**wanted, **tools, "name": "right", "actual_output": "It is on its way!", "tools_called": called},
            {**wanted, **tools, "name": "words", "actual_output": "No idea, sorry.", "tools_called": called},
            {**wanted, **tools, "name": "tools", "actual_output": "It is on its way.", "tools_called": called[:2]},
        ],
    )

    result = project.run("-q", "-rA")

    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["PASSED *::right", "FAILED *::words*", "FAILED *::tools*"])


def test_a_golden_without_an_answer_is_asked(project: EvalProject) -> None:
    import_goldens(
        project, [{"input": "Hello, {{ you }}!", "expected_output": "Hello, {{ you }}!", "source_file": "a"}]
    )
    project.write("evals/evals.yaml", "model: scripted/echo\n")

    project.run("-q").assert_outcomes(passed=1)


def test_a_conversation_is_judged_by_its_outcome_and_one_without_turns_is_skipped(project: EvalProject) -> None:
    turns = [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "There."}]
    import_goldens(
        project,
        [
            {"scenario": "s", "turns": turns, "expected_outcome": "Ada knows {{ where }}.", "name": "met"},
            {"scenario": "s", "turns": turns, "expected_outcome": "Ada is glad.", "name": "missed"},
            {"scenario": "Ada asks.", "expected_outcome": "Ada is glad.", "name": "unplayed"},
        ],
    )
    script = [
        {"match": r"outcome: Ada knows \{\{ where \}\}\.", "reply": SCORE},
        {"match": "outcome: Ada is glad", "reply": SCORE.replace("5", "1")},
    ]
    settings = {
        "judge_model": "scripted/judge",
        "model": "scripted/echo",
        "providers": {"scripted": {"script": script}},
    }
    project.write("evals/evals.yaml", json.dumps(settings))

    result = project.run("-q", "-rA")

    result.assert_outcomes(passed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["PASSED *::met", "FAILED *::missed*"])
