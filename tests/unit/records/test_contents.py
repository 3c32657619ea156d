"""Contents of cases and judges, and versions of datasets."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from types import MappingProxyType
from typing import Any

import pytest

from pytest_promptevals.records import contents
from pytest_promptevals.records.cases import Case, JudgeSpec, Location
from pytest_promptevals.records.codec import from_plain, to_plain
from pytest_promptevals.records.contents import (
    ContentKind,
    FileFacts,
    case_content,
    dataset_version,
    judge_content,
    make_content,
)
from pytest_promptevals.records.fingerprints import content_hash
from pytest_promptevals.records.responses import Response, ToolCall
from pytest_promptevals.records.runs import RunFile

PLACE = Location("a.eval.yaml", 7)
JUDGE = JudgeSpec("contains", "contains", PLACE, argument="A-17")
CASE = Case("refund", PLACE, input="Where?", vars={"b": 1, "a": {"d": 2, "c": 3}}, tags=("smoke",))


def test_a_content_is_its_text_by_its_hash() -> None:
    data: dict[str, Any] = {"b": "Größe", "a": MappingProxyType({"x": 1})}

    content = make_content(ContentKind.PROMPT, data)

    assert content.text == '{"a":{"x":1},"b":"Gr\\u00f6\\u00dfe"}'
    assert content.hash == content_hash({"a": {"x": 1}, "b": "Größe"})
    assert content.kind is ContentKind.PROMPT


def test_the_content_of_a_case_is_all_but_its_id_and_place() -> None:
    case = dataclasses.replace(CASE, judges=(JUDGE,), output=Response("ok", (ToolCall("find", {"id": 1}),)), weight=2.0)

    content = case_content(case)

    assert content.kind is ContentKind.CASE
    assert json.loads(content.text) == {
        "input": "Where?",
        "vars": {"a": {"c": 3, "d": 2}, "b": 1},
        "tags": ["smoke"],
        "judges": [{"judge": "contains", "name": "contains", "argument": "A-17"}],
        "output": {"text": "ok", "tool_calls": [{"name": "find", "arguments": {"id": 1}}]},
        "weight": 2.0,
    }
    moved = dataclasses.replace(case, id="other", location=Location("b.yaml", 9))
    assert case_content(moved) == content


def test_a_judge_has_no_place_nor_have_its_children() -> None:
    group = JudgeSpec("any_of", "any_of", PLACE, children=(JUDGE, dataclasses.replace(JUDGE, negated=True)))

    child = {"judge": "contains", "name": "contains", "argument": "A-17"}
    assert judge_content(group) == {"judge": "any_of", "name": "any_of", "children": [child, child | {"negated": True}]}


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_version_depends_on_no_order_and_on_no_size_of_steps(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    cases = [dataclasses.replace(CASE, id=f"c{number}", input=number) for number in range(5)]
    rest = '"tags":["smoke"],"vars":{"a":{"c":3,"d":2},"b":1}'
    texts = [f'["c{number}",{{"input":{number},{rest}}}],' for number in range(5)]
    monkeypatch.setattr(contents, "_AT_ONCE", count)

    version = dataset_version(reversed(cases))

    assert version == hashlib.sha256("".join(texts).encode("ascii")).hexdigest()[:16]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "other"),
        ("input", "Why?"),
        ("metadata", {"from": "log"}),
        ("output", Response("x")),
        ("judges", (JUDGE,)),
    ],
)
def test_whatever_stands_in_a_case_makes_another_version(field: str, value: Any) -> None:
    changes = {field: value}

    assert dataset_version([dataclasses.replace(CASE, **changes)]) != dataset_version([CASE])


def test_where_a_case_stands_makes_no_other_version() -> None:
    assert dataset_version([dataclasses.replace(CASE, location=Location("b.yaml", 1))]) == dataset_version([CASE])


def test_no_cases_have_a_version_too() -> None:
    assert dataset_version([]) == "e3b0c44298fc1c14"


def test_facts_travel_as_plain_data() -> None:
    facts = FileFacts(
        RunFile("a.eval.yaml", "v", 2, {"p": "h"}, parameters={"stop": ["x"]}, judges={"j": "k"}),
        (make_content(ContentKind.JUDGE, {"judge": "exact"}),),
        "a.eval.yaml",
    )

    assert from_plain(FileFacts, json.loads(json.dumps(to_plain(facts)))) == facts
