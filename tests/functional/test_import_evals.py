"""Evals of OpenAI's framework and datasets of pydantic-evals, imported and run."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from pytest_promptevals.cli import main
from tests.support.project import EvalProject


@pytest.fixture(autouse=True)
def _here(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.path)


def import_file(project: EvalProject, name: str, **settings: Any) -> None:
    """Import a file into a folder whose defaults name a model."""
    result = CliRunner().invoke(main, ["import", name, "-o", "evals/imported.eval.yaml"])
    assert result.exit_code == 0, result.output
    project.write("evals/evals.yaml", json.dumps(settings))


def answered(*replies: tuple[str, str]) -> dict[str, Any]:
    """Return settings of a model that answers prompts which hold a text."""
    script = [{"match": match, "reply": reply} for match, reply in replies]
    return {"model": "scripted/model", "providers": {"scripted": {"script": script}}}


def write_eval(project: EvalProject, kind: str, ideals: dict[str, Any], **arguments: Any) -> None:
    rows = [{"input": [{"role": "user", "content": asked}], "ideal": ideal} for asked, ideal in ideals.items()]
    project.write("registry/data/lamps.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    entry = {"class": f"evals.elsuite.{kind}", "args": {"samples_jsonl": "lamps.jsonl", **arguments}}
    project.write("registry/evals/lamps.yaml", yaml.safe_dump({"lamps": {"id": "v0"}, "v0": entry}))


@pytest.mark.parametrize(
    ("kind", "arguments", "ideal", "reply", "passes"),
    [
        ("basic.match:Match", {}, "red", "red, I think", True),
        ("basic.match:Match", {}, ["red", "azure"], "azure", True),
        ("basic.match:Match", {}, "red", "It is red", False),
        ("basic.match:Match", {}, "red", "Red", False),
        ("basic.match:Match", {}, "red", " red", False),
        ("basic.includes:Includes", {}, ["red", "azure"], "It is azure.", True),
        ("basic.includes:Includes", {}, "red", "It is RED.", False),
        ("basic.includes:Includes", {"ignore_case": True}, "red", "It is RED.", True),
        ("basic.fuzzy_match:FuzzyMatch", {}, "It is Red", "red", True),
        ("basic.fuzzy_match:FuzzyMatch", {}, "red", "It is Red!", True),
        ("basic.fuzzy_match:FuzzyMatch", {}, ["red", "azure"], "It is Azure!", True),
        ("basic.fuzzy_match:FuzzyMatch", {}, "red", "It is rod.", False),
        ("basic.json_match:JsonMatch", {}, '{"a": [1, 2]}', '{"a": [1, 2.0]}', True),
        ("basic.json_match:JsonMatch", {}, '{"a": [1, 2]}', '{"a": [2, 1]}', False),
        ("basic.json_match:JsonMatch", {}, ['{"a": 1}', '"red"'], '"red"', True),
        ("basic.json_match:JsonMatch", {}, '{"a": 1}', "a: 1", False),
        ("basic.json_validator:JsonValidator", {}, None, "[1]", True),
        ("basic.json_validator:JsonValidator", {}, None, "[1", False),
    ],
)  # fmt: skip
def test_an_eval_judges_as_its_class_does(
    project: EvalProject, kind: str, arguments: Any, ideal: Any, reply: str, *, passes: bool
) -> None:
    write_eval(project, kind, {"Colour?": ideal}, **arguments)
    import_file(project, "registry/evals/lamps.yaml", **answered(("Colour", reply)))

    project.run("-q").assert_outcomes(passed=int(passes), failed=int(not passes))


def test_examples_are_asked_before_the_question(project: EvalProject) -> None:
    example = [
        {"role": "system", "name": "example_user", "content": "Colour of lamp 0?"},
        {"role": "system", "name": "example_assistant", "content": "green"},
    ]
    project.write("registry/data/few.jsonl", json.dumps({"sample": example}))
    write_eval(project, "basic.match:Match", {"Colour?": "red"}, num_few_shot=1, few_shot_jsonl="few.jsonl")
    import_file(project, "registry/evals/lamps.yaml", **answered(("Colour", "blue")))

    result = project.run("-q", "-vv")

    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines([".*user", r"\s+Colour of lamp 0\?", ".*assistant", r"\s+green"])


def test_a_model_graded_eval_asks_with_choices(project: EvalProject) -> None:
    spec = {
        "prompt": "Is it as polite as {ideal}? {completion}",
        "choice_strings": ["polite", "rude"],
        "choice_scores": {"polite": 1.0, "rude": 0.0},
        "input_outputs": {"input": "completion"},
    }
    project.write("registry/modelgraded/tone.yaml", yaml.safe_dump({"tone": spec}))
    ideals = {"First?": "Good day", "Second?": "Farewell"}
    write_eval(project, "modelgraded.classify:ModelBasedClassify", ideals, modelgraded_spec="tone")
    settings = answered(
        ("as polite as Good day", '{"reasoning": "It is.", "label": "polite"}'),
        ("as polite as Farewell", '{"reasoning": "It is not.", "label": "rude"}'),
        ("First|Second", "Hello."),
    )
    import_file(project, "registry/evals/lamps.yaml", judge_model="scripted/judge", **settings)

    project.run("-q").assert_outcomes(passed=1, failed=1)


def test_a_dataset_of_pydantic_evals_is_judged_by_its_evaluators(project: EvalProject) -> None:
    data = """
        name: Orders
        cases:
          - name: same
            inputs: {question: Where is A-17?}
            expected_output: {status: late}
          - name: other
            inputs: {question: Where is B-4?}
            expected_output: {status: late}
          - name: judged
            inputs: [Where, is, C-1]
            evaluators:
              - LLMJudge: {rubric: It is polite., model: "openai:gpt-5-mini"}
              - Contains: {value: SORRY, case_sensitive: false}
        evaluators:
          - EqualsExpected
          - MaxDuration: 60
        """
    project.write("orders.yaml", data)
    replies = answered(
        ("It is polite", '{"reasoning": "So it is.", "verdict": "yes"}'),
        ("A-17", '{"status": "late"}'),
        ("B-4", '{"status": "lost"}'),
        ("C-1", "We are sorry."),
    )
    import_file(project, "orders.yaml", **replies)
    path = project.path / "evals/imported.eval.yaml"
    text = path.read_text(encoding="utf-8").replace("openai/gpt-5-mini", "scripted/judge")
    path.write_text(text, encoding="utf-8")

    result = project.run("-q", "-rA")

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["FAILED *::other*"])
