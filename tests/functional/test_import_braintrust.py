"""Records of Braintrust, imported and run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from tests.support.project import EvalProject


@pytest.fixture(autouse=True)
def _here(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.path)


def import_records(project: EvalProject, records: list[dict[str, Any]]) -> None:
    project.write("records.jsonl", "".join(f"{json.dumps(record)}\n" for record in records))
    result = CliRunner().invoke(main, ["import", "records.jsonl"])
    assert result.exit_code == 0, result.output


def test_a_dataset_is_asked_and_judged(project: EvalProject) -> None:
    import_records(
        project,
        [
            {"id": "same", "input": "Say {{ it }}.", "expected": "Say {{ it }}.", "metadata": {}, "tags": ["smoke"]},
            {"id": "other", "input": "Say it.", "expected": "Nothing at all.", "metadata": {}},
            {"id": "data", "input": {"a": [1, 2]}, "expected": {"a": [1, 2]}, "metadata": {}},
        ],
    )
    project.write("evals/evals.yaml", "model: scripted/echo\n")

    result = project.run("-q", "-rA")

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["PASSED *::same", "PASSED *::data", "FAILED *::other*"])


def test_logs_are_judged_without_a_model(project: EvalProject) -> None:
    log: dict[str, Any] = {"_xact_id": "1", "metrics": {"start": 1, "end": 2.5}, "metadata": {"model": "m"}}
    tool = {"role": "tool", "content": "late", "tool_call_id": "c"}
    import_records(
        project,
        [
            {**log, "id": "answered", "input": [{"role": "user", "content": "x"}, tool], "output": "It is late."},
            {**log, "id": "refused", "input": "x", "output": "I'm sorry, but I can't help with that."},
            {**log, "id": "compared", "input": "x", "output": {"a": 1}, "expected": {"a": 1}},
        ],
    )

    result = project.run("-q", "-rA")

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["PASSED *::answered", "PASSED *::compared", "FAILED *::refused*"])
