"""Conversations and samples of other tools, imported and run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from pytest_promptevals.datasets.importers.inspect import _ASK_ONE
from tests.support.project import EvalProject


def import_file(project: EvalProject, name: str, rows: list[Any], *replies: tuple[str, str]) -> None:
    """Import a file, and have a model answer prompts that hold a text."""
    source = project.write(name, "".join(f"{json.dumps(row)}\n" for row in rows))
    result = CliRunner().invoke(main, ["import", str(source), "-o", str(project.path / "evals/imported.eval.yaml")])
    assert result.exit_code == 0, result.output
    script = [{"match": match, "reply": reply} for match, reply in replies]
    settings = {"model": "scripted/model", "providers": {"scripted": {"script": script}}}
    project.write("evals/evals.yaml", json.dumps(settings))


@pytest.fixture(autouse=True)
def _here(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.path)


def test_the_right_letter_passes_and_another_one_fails(project: EvalProject) -> None:
    choices = ["Vermeer", "Hals", "Rembrandt"]
    rows: list[Any] = [
        {"id": "right", "input": "Which one?", "choices": choices, "target": "B"},
        {"id": "reasoned", "input": "Which second?", "choices": choices, "target": "B"},
        {"id": "wrong", "input": "Which third?", "choices": choices, "target": "B"},
        {"id": "too-few", "input": "Which fourth?", "choices": choices, "target": ["A", "C"]},
        {"id": "joined", "input": "Which fifth?", "choices": choices, "target": ["A", "C"]},
        {"id": "listed", "input": "Which sixth?", "choices": choices, "target": ["A", "C"]},
    ]
    import_file(
        project,
        "samples.jsonl",
        rows,
        (r"Which one\?\n\nA\) Vermeer\nB\) Hals\nC\) Rembrandt\n\nWhich choices", "answer: b."),
        ("second", "ANSWER: A would be rash.\n\nANSWER: B\n"),
        ("third", "ANSWER: C"),
        ("fourth", "ANSWER: A"),
        ("fifth", "ANSWER: AC"),
        ("sixth", "**ANSWER: A, C**"),
    )

    result = project.run("-q", "-rA", "-W", "error")

    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines(["FAILED *::wrong*", "FAILED *::too-few*"])


def test_who_repeats_the_question_gives_no_answer(project: EvalProject) -> None:
    rows: list[Any] = [
        {"id": letter, "input": "Which?", "choices": ["one", "two"], "target": letter} for letter in ("A", "B")
    ]
    import_file(project, "samples.jsonl", rows, ("Which", f"You say: {_ASK_ONE}"))

    project.run().assert_outcomes(failed=2)


def test_any_target_in_any_case_is_enough(project: EvalProject) -> None:
    rows: list[Any] = [
        {"id": "one", "input": [{"role": "user", "content": "Who?"}], "target": ["Frans Hals", "HALS"]},
        {"id": "none", "input": [{"role": "user", "content": "When?"}], "target": ["1642", "2642"]},
    ]
    import_file(project, "samples.jsonl", rows, ("Who", "It is by Hals."), ("When", "In 1650."))

    project.run("-q").assert_outcomes(passed=1, failed=1)


def test_conversations_are_asked_with_their_instructions_and_tools(project: EvalProject) -> None:
    rows = [
        {
            "messages": [
                {"role": "system", "content": "Use {{ braces }}."},
                {"role": "user", "content": f"Question {number}?"},
                {"role": "assistant", "content": "The lamp is on its way."},
            ]
        }
        for number in (1, 2)
    ]
    import_file(project, "chats.jsonl", rows, ("Question 1", "The lamp is on its way!"), ("Question 2", "No idea."))

    result = project.run("-q", "-vv")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*Use {{ braces }}.*"])


def test_calls_of_tools_are_compared_as_data(project: EvalProject) -> None:
    calls = [{"type": "function", "function": {"name": "find_order", "arguments": '{"id": "A-17"}'}}]
    rows = [{"messages": [{"role": "user", "content": "Where is A-17?"}, {"role": "assistant", "tool_calls": calls}]}]
    import_file(project, "chats.jsonl", rows)
    path = project.path / "evals/imported.eval.yaml"
    for number, (identifier, outcome) in enumerate({"A-17": {"passed": 1}, "A-18": {"failed": 1}}.items()):
        output = {"tool_calls": [{"name": "find_order", "arguments": {"id": identifier}}]}
        text = path.read_text(encoding="utf-8").rstrip("\n")
        target = Path(project.path / f"evals/recorded{number}.eval.yaml")
        target.write_text(f"{text}\n    output: {json.dumps(output)}\n", encoding="utf-8")
        project.run("-q", str(target)).assert_outcomes(**outcome)
