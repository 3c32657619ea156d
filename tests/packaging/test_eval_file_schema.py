from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field

from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.datasets.schema import JudgeSchema, eval_file_schema
from pytest_promptevals.datasets.wire import EvalFileWire
from pytest_promptevals.datasets.wire_cases import CaseWire
from pytest_promptevals.errors import DatasetError
from pytest_promptevals.files.yaml import parse_yaml


class Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Contains(Parameters):
    value: str = Field(description="The text to look for.")
    case: Literal["same", "any"] = "same"


class Call(Parameters):
    name: str


class Pair(Parameters):
    left: str
    right: str


class Calls(Parameters):
    calls: list[Call] = []


JUDGES = {
    "exact": JudgeSchema("The answer is the expected text.", Parameters.model_json_schema()),
    "contains": JudgeSchema("The answer holds a text.", Contains.model_json_schema(), "value"),
    "pair": JudgeSchema("The answer holds both texts.", Pair.model_json_schema()),
    "calls": JudgeSchema("The model called these tools.", Calls.model_json_schema(), "calls"),
}


@pytest.fixture(scope="module")
def schema() -> Any:
    return eval_file_schema(JUDGES)


def is_valid(schema: Any, text: str) -> bool:
    return Draft202012Validator(schema).is_valid(parse_yaml(text, "a.eval.yaml").value)


def loads(tmp_path: Path, text: str) -> bool:
    (tmp_path / "a.eval.yaml").write_text(text)
    try:
        load_dataset(tmp_path / "a.eval.yaml", tmp_path)
    except DatasetError:
        return False
    return True


FULL = """\
description: All keys at once.
prompt: [a.md, [{role: user, content: hi}]]
model: [openai/gpt-5-mini, a/b]
parameters: {temperature: 0}
trials: 3
reducer: pass^3
threshold: 0.5
timeout: 3.5
judges:
  - exact
  - contains: text
  - contains: {value: text, case: any, threshold: 1, weight: 0, required: false, name: n}
  - calls: [{name: f}]
  - calls: {calls: [{name: f}]}
  - calls: {}
  - pair: {left: a, right: b}
  - exact:
  - not: exact
  - not: {any_of: [exact, {contains: x}]}
  - all_of: {judges: [exact], weight: 2, name: both}
gate:
  {max_drop: 0.1, confidence: 0.9, on_inconclusive: fail, judges: {exact: {max_drop: 0.1}}, min_score: 0.5,
   min_pass_rate: 0.5, max_cost: 1, max_cost_increase: 0.2, max_latency_p95: 2, max_error_rate: 0.1,
   missing_cases: warn}
case_policy: gate
few_shot: [{user: a, assistant: b}]
providers: {local: {type: openai, base_url: x}}
tags: smoke
cases:
  - id: a
    input: {any: data}
    vars: {a: 1}
    expected: [x, y]
    output:
      text: hi
      tool_calls: [{name: f, arguments: {q: 1}, id: c}]
      finish_reason: stop
      usage: {input_tokens: 1, output_tokens: null}
      latency: 1
      cost: 0.1
      model: m
      refusal: null
    context: passage
    tags: [slow, topic.x]
    judges: [exact]
    weight: 0.5
    priority: -1
    group: g
    trials: 3
    skip: true
    xfail: known
    metadata: {a: b}
"""
GOOD = [
    FULL,
    "cases: [{id: 1}]",
    "cases: [{}]",
    "prompt: text\nmodel: a/b\ncases: [{output: hi, context: [a], skip: false, xfail: null, id: null}]",
    "prompt: [{role: user, content: hi}]\nthreshold: null\ncases: [{input: hi, tags: []}]",
]
BAD_EVERYWHERE = [
    "{}",
    "- id: a",
    "cases: []",
    "cases: [3]",
    "cases: [{id: true}]",
    "cases: [{id: ''}]",
    "cases: [{expcted: x}]",
    "cases: [{file: x, id: y}]",
    "cases: [{file: ''}]",
    "cases: [{weight: 0}]",
    "cases: [{trials: 1001}]",
    "cases: [{tags: [a b]}]",
    "cases: [{skip: ''}]",
    "cases: [{output: {txt: x}}]",
    "cases: [{output: {usage: {input_tokens: -1}}}]",
    "modle: a/b\ncases: [{id: a}]",
    "model: []\ncases: [{id: a}]",
    "model: ''\ncases: [{id: a}]",
    "prompt: 3\ncases: [{id: a}]",
    "prompt: [{role: usr, content: x}]\ncases: [{id: a}]",
    "prompt: [[]]\ncases: [{id: a}]",
    "trials: 0\ncases: [{id: a}]",
    "reducer: pass@0\ncases: [{id: a}]",
    "threshold: 1.5\ncases: [{id: a}]",
    "timeout: 0\ncases: [{id: a}]",
    "gate: {confidence: 1}\ncases: [{id: a}]",
    "case_policy: lax\ncases: [{id: a}]",
    "few_shot: [{user: a}]\ncases: [{id: a}]",
    "providers: {a: 3}\ncases: [{id: a}]",
    "judges: exact\ncases: [{id: a}]",
    "judges: [3]\ncases: [{id: a}]",
    "judges: [{}]\ncases: [{id: a}]",
    "judges: [{exact: {}, contains: x}]\ncases: [{id: a}]",
    "judges: [{exact: {threshold: 2}}]\ncases: [{id: a}]",
    "judges: [{all_of: []}]\ncases: [{id: a}]",
    "judges: [{any_of: {weight: 1}}]\ncases: [{id: a}]",
    "judges: [all_of]\ncases: [{id: a}]",
    "cases: [{judges: [{not: 3}]}]",
]
BAD_JUDGES = [
    "judges: [exat]\ncases: [{id: a}]",
    "judges: [{exat: x}]\ncases: [{id: a}]",
    "judges: [contains]\ncases: [{id: a}]",
    "judges: [{contains: }]\ncases: [{id: a}]",
    "judges: [{contains: 3}]\ncases: [{id: a}]",
    "judges: [{contains: {case: any}}]\ncases: [{id: a}]",
    "judges: [{contains: {value: x, caes: any}}]\ncases: [{id: a}]",
    "judges: [{calls: [{nme: f}]}]\ncases: [{id: a}]",
    "judges: [pair]\ncases: [{id: a}]",
    "judges: [{pair: }]\ncases: [{id: a}]",
    "judges: [{pair: x}]\ncases: [{id: a}]",
    "judges: [{exact: x}]\ncases: [{id: a}]",
    "cases: [{judges: [{not: {all_of: [exat]}}]}]",
]


def test_it_is_a_schema_of_its_dialect(schema: Any) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("text", GOOD)
def test_what_can_be_loaded_is_valid(schema: Any, tmp_path: Path, text: str) -> None:
    assert is_valid(schema, text)
    assert loads(tmp_path, text)


@pytest.mark.parametrize("text", BAD_EVERYWHERE)
def test_what_cannot_be_loaded_is_not_valid(schema: Any, tmp_path: Path, text: str) -> None:
    assert not is_valid(schema, text)
    assert not loads(tmp_path, text)


@pytest.mark.parametrize("text", BAD_JUDGES)
def test_judges_are_known_by_name_and_parameters(schema: Any, text: str) -> None:
    assert not is_valid(schema, text)


def test_files_with_examples_and_cases_can_be_named(schema: Any) -> None:
    assert is_valid(schema, "few_shot: shots.yaml\ncases: [{file: more.jsonl}]")


def test_every_key_has_a_description(schema: Any) -> None:
    for model, properties in (
        (EvalFileWire, schema["properties"]),
        (CaseWire, schema["$defs"]["CaseWire"]["properties"]),
    ):
        assert set(properties) == set(model.model_fields)
        assert all(part.get("description") or part.get("$ref") for part in properties.values())
    assert all(model.get("description") for name, model in schema["$defs"].items() if name.endswith("Wire"))


def test_a_judge_is_described_where_it_is_completed(schema: Any) -> None:
    *bare, entry = schema["$defs"]["judge"]["anyOf"]
    assert bare == [
        {"const": "calls", "description": "The model called these tools."},
        {"const": "exact", "description": "The answer is the expected text."},
    ]
    assert entry["properties"]["contains"]["description"] == "The answer holds a text."
    assert schema["$defs"]["judge.calls.Call"]["properties"] == {"name": {"type": "string"}}


def test_the_schema_does_not_depend_on_the_order_of_the_judges(schema: Any) -> None:
    again = eval_file_schema(dict(reversed(JUDGES.items())))
    assert json.dumps(again) == json.dumps(schema)


def test_a_parameter_named_title_is_kept() -> None:
    parameters: dict[str, Any] = {
        "type": "object",
        "title": "P",
        "properties": {"title": {"type": "string", "title": "Title"}},
    }
    found: Any = eval_file_schema({"headline": JudgeSchema("Has a headline.", parameters, "title")})
    (form, bare) = found["$defs"]["judge"]["anyOf"][-1]["properties"]["headline"]["anyOf"]
    assert form["properties"]["title"] == {"type": "string"}
    assert "title" not in form
    assert bare == {"type": "string"}
