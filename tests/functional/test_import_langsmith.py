"""Examples of LangSmith, imported and run."""

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


def import_examples(project: EvalProject, examples: list[dict[str, Any]]) -> None:
    project.write("examples.json", json.dumps(examples))
    result = CliRunner().invoke(main, ["import", "examples.json"])
    assert result.exit_code == 0, result.output
    project.write("evals/evals.yaml", "model: scripted/echo\n")


def test_examples_are_asked_and_judged(project: EvalProject) -> None:
    import_examples(
        project,
        [
            {"id": "same", "inputs": {"q": "Say {{ it }}."}, "outputs": {"a": "Say {{ it }}."}},
            {"id": "other", "inputs": {"q": "Say it."}, "outputs": {"a": "Nothing at all."}},
            {"id": "data", "inputs": {"q": '{"a": [1, 2]}'}, "outputs": {"a": {"a": [1, 2]}}},
            {"id": "list", "inputs": {"q": '["x"]'}, "outputs": {"a": ["x", "y"]}},
            {"id": "items", "inputs": {"q": ["x", 1]}, "outputs": {"a": ["x", 1]}},
            {"id": "open", "inputs": {"q": "Hello"}, "outputs": None, "metadata": {"dataset_split": "smoke"}},
        ],
    )

    result = project.run("-q", "-rA")

    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines(
        ["PASSED *::same", "PASSED *::data", "PASSED *::items", "PASSED *::open", "FAILED *::other*", "FAILED *::list*"]
    )


def test_a_split_is_a_mark(project: EvalProject) -> None:
    import_examples(
        project,
        [
            {"inputs": {"q": "x"}, "outputs": {"a": "x"}, "split": "late orders"},
            {"inputs": {"q": "y"}, "outputs": {"a": "y"}, "split": "other"},
        ],
    )

    project.run("-q", "-m", "late-orders").assert_outcomes(passed=1, deselected=1)


def test_a_mapping_of_inputs_is_asked_as_json(project: EvalProject) -> None:
    asked = {"question": "x", "lang": "de"}
    import_examples(project, [{"inputs": asked, "outputs": asked}])

    project.run("-q").assert_outcomes(passed=1)
