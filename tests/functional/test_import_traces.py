"""Traces, imported and run: recorded answers are judged, and no model is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from tests.support.otlp import ANSWER, export, span
from tests.support.project import EvalProject

REQUEST = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5", "gen_ai.request.temperature": 0}


@pytest.fixture(autouse=True)
def _here(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.path)


def answer(text: str) -> dict[str, Any]:
    parts = [{"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": "stop"}]
    return {**ANSWER, **REQUEST, "gen_ai.output.messages": json.dumps(parts)}


def import_spans(project: EvalProject, *spans: dict[str, Any]) -> None:
    project.write("traces.json", json.dumps(export(*spans)))
    result = CliRunner().invoke(main, ["import", "traces.json"])
    assert result.exit_code == 0, result.output


def test_recorded_answers_are_judged_without_a_key(project: EvalProject) -> None:
    asked = [
        {"role": "user", "parts": [{"type": "text", "content": "Where is {{ it }}?"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "find", "arguments": {}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "late"}]},
    ]
    import_spans(
        project,
        span({**answer("It is late."), "gen_ai.input.messages": json.dumps(asked)}, spanId="answered"),
        span(answer("I'm sorry, but I can't help with that."), spanId="refused"),
        span({**REQUEST, "gen_ai.completion.0.content": "Alone."}, spanId="alone"),
    )

    result = project.run("-q", "-rA")

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["PASSED *::answered", "PASSED *::alone", "FAILED *::refused*"])


def test_what_was_measured_can_be_judged(project: EvalProject) -> None:
    import_spans(
        project,
        span(answer("Hi"), spanId="quick"),
        span(answer("Hi"), spanId="slow", endTimeUnixNano=1767323055000000000),
    )
    path = project.path / "evals/traces.eval.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("- not: refusal", "- latency: 2"), encoding="utf-8")

    project.run("-q").assert_outcomes(passed=1, failed=1)


def test_the_model_is_asked_where_the_answer_is_taken_away(project: EvalProject) -> None:
    import_spans(project, span(answer("Hi"), spanId="a"))
    path = project.path / "evals/traces.eval.yaml"
    head, _, rest = path.read_text(encoding="utf-8").partition("    output:")
    path.write_text(head + rest[rest.index("    metadata:") :], encoding="utf-8")
    script = [{"match": "Hello", "reply": "Hi again"}]
    project.write("evals/evals.yaml", json.dumps({"providers": {"openai": {"type": "scripted", "script": script}}}))

    project.run("-q").assert_outcomes(passed=1)
