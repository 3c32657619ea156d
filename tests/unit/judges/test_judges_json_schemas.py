from __future__ import annotations

import io
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.judges.build import JudgeParameterError
from pytest_promptevals.records.json_types import Json
from tests.unit.judges.grading import WHERE, explain, passes

ORDER: dict[str, Json] = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"$ref": "#/$defs/id"}, "total": {"type": "number"}},
    "$defs": {"id": {"type": "string", "pattern": "^[A-Z]-[0-9]+$"}},
}
DRAFT_7 = "http://json-schema.org/draft-07/schema#"


def refuse(schema: Json) -> str:
    with pytest.raises(JudgeParameterError) as caught:
        passes("json_schema", output="1", schema=schema)
    return str(caught.value)


@pytest.mark.parametrize(
    ("output", "fits"),
    [
        ('{"id": "A-17", "total": 1.5}', True),
        ('```json\n{"id": "A-17"}\n```', True),
        ('{"id": "17"}', False),
        ('{"id": 17}', False),
        ('{"total": 1}', False),
        ("[]", False),
    ],
)
def test_the_output_must_fit_the_schema(output: str, fits: bool) -> None:
    assert passes("json_schema", output=output, schema=ORDER) is fits


def test_the_draft_of_the_schema_counts() -> None:
    tuple_schema: dict[str, Json] = {"items": [{"type": "string"}]}
    assert not passes("json_schema", output="[1]", schema={"$schema": DRAFT_7, **tuple_schema})
    assert "is no JSON Schema: at $.items" in refuse(tuple_schema)


def test_problems_are_listed_with_their_place() -> None:
    assert explain("json_schema", output='{"total": "x"}', schema=ORDER) == (
        "$: 'id' is a required property; $.total: 'x' is not of type 'number'"
    )
    assert explain("json_schema", output='{"id": "x"}', schema=ORDER) == '$.id: "x" does not match "^[A-Z]-[0-9]+$"'
    assert explain("json_schema", output='{"id": "A-1"}', schema=ORDER) == "fits the schema"


def test_problems_are_few_and_short() -> None:
    explanation = explain("json_schema", output=f'["{"x" * 1000}", 1, 2, 3, 4]', schema={"items": {"type": "null"}})
    assert explanation == (
        f"$[0]: '{'x' * 79}…; $[1]: 1 is not of type 'null'; $[2]: 2 is not of type 'null'; and more"
    )


def test_what_is_no_schema_is_refused_when_the_judge_is_built() -> None:
    assert refuse({"properties": {"a": {"type": "objct"}}}) == (
        "judge 'json_schema': schema: is no JSON Schema: at $.properties.a.type, "
        "'objct' is not valid under any of the given schemas"
    )
    assert refuse({"pattern": "[a"}) == (
        "judge 'json_schema': schema: is no JSON Schema: at $.pattern, '[a' is not a 'regex'"
    )
    assert refuse("object") == "judge 'json_schema': schema: must be a mapping, not \"object\""


@pytest.mark.parametrize("draft", ["https://example.com/my-schema", 5])
def test_an_unknown_draft_is_refused(draft: Json) -> None:
    assert "has an unknown `$schema`, " in refuse({"$schema": draft})


@pytest.mark.parametrize(
    "reference",
    ["https://example.com/order.json", "order.json", "file:///etc/passwd", "#/$defs/missing", "#missing"],
)
@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
def test_a_reference_out_of_the_schema_is_refused(reference: str, keyword: str) -> None:
    assert refuse({"properties": {"a": {keyword: reference}}}) == (
        f"judge 'json_schema': schema: refers to \"{reference}\", which is not in it; "
        "nothing is fetched or read: copy what is meant into `$defs`"
    )


def test_a_reference_hidden_from_the_check_is_an_error_and_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[Any] = []

    def fetch(*arguments: Any) -> io.BytesIO:
        fetched.append(arguments)
        return io.BytesIO(b"{}")

    monkeypatch.setattr(urllib.request, "urlopen", fetch)
    schema: Json = {"$ref": "#/hidden/a", "hidden": {"a": {"$ref": "https://example.com/order.json"}}}
    with pytest.raises(JudgeError) as caught:
        passes("json_schema", output="1", schema=schema)
    assert str(caught.value) == (
        f"{WHERE}: judge 'json_schema': the schema refers to \"https://example.com/order.json\", which is not in it; "
        "nothing is fetched or read: copy what is meant into `$defs`"
    )
    assert fetched == []


def test_a_reference_to_a_file_that_exists_is_not_read(tmp_path: Path) -> None:
    target = tmp_path / "any.json"
    target.write_text("{}", encoding="utf-8")
    assert "which is not in it" in refuse({"$ref": target.as_uri()})


def test_references_inside_of_the_schema_work() -> None:
    schema: Json = {
        "$id": "https://example.com/root.json",
        "items": {"$ref": "item.json"},
        "$defs": {"item": {"$id": "item.json", "type": "null"}},
    }
    assert passes("json_schema", output="[null]", schema=schema)
    assert not passes("json_schema", output="[1]", schema=schema)


def test_references_start_from_the_id_next_to_them() -> None:
    schema: Json = {
        "$id": "https://example.com/root.json",
        "$ref": "parts/list.json",
        "$defs": {
            "list": {"$id": "https://example.com/parts/list.json", "items": {"$ref": "item.json"}},
            "item": {"$id": "https://example.com/parts/item.json", "type": "null"},
        },
    }
    assert passes("json_schema", output="[null]", schema=schema)
    assert not passes("json_schema", output="[1]", schema=schema)


def test_data_that_looks_like_a_reference_is_none() -> None:
    assert passes(
        "json_schema", output="{}", schema={"const": {}, "default": {"$ref": "x.json"}, "properties": {"$ref": {}}}
    )


def test_a_schema_that_is_its_own_reference_is_an_error() -> None:
    with pytest.raises(JudgeError) as caught:
        passes("json_schema", output="1", schema={"$ref": "#"})
    assert str(caught.value) == (
        f"{WHERE}: judge 'json_schema': the schema refers to itself more deeply than can be followed on this output; "
        "bound its recursion"
    )


def test_a_pattern_that_would_never_end_is_answered_at_once() -> None:
    assert not passes("json_schema", output=f'"{"a" * 100_000}!"', schema={"type": "string", "pattern": "(a+)+$"})


def test_a_pattern_counts_for_texts_only() -> None:
    assert passes("json_schema", output="5", schema={"pattern": "x"})


def test_a_pattern_beyond_the_linear_engine_is_refused() -> None:
    assert refuse({"items": {"pattern": "(?=a)"}}) == (
        "judge 'json_schema': schema: has the pattern \"(?=a)\", which cannot be used: "
        "look-around, including look-ahead and look-behind, is not supported"
    )


def test_true_and_false_are_schemas_inside() -> None:
    assert not passes("json_schema", output='{"a": 1}', schema={"properties": {"a": False}})
