from __future__ import annotations

import json

import pytest

from pytest_promptevals.errors import CodecError
from pytest_promptevals.records.cases import Case, CasePolicy, JudgeSpec, Location
from pytest_promptevals.records.codec import decode, encode, from_plain, to_plain
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, Metrics
from pytest_promptevals.records.responses import Response, ToolCall, Usage
from pytest_promptevals.records.results import CaseResult, Score, Trial
from pytest_promptevals.records.runs import GitState, Run, RunStatus

PLACE = Location("evals/a.eval.yaml", 3)
RESULT = CaseResult(
    file="evals/a.eval.yaml",
    name="a",
    case_id="a",
    location=PLACE,
    model="openai/x",
    prompt_name="",
    case_fingerprint="1",
    fingerprint="2",
    trials=(
        Trial(1, Response("hi", (ToolCall("f", {"x": [1, None]}),), usage=Usage(1, 2)), (Score("exact", 1.0, True),)),
    ),
    expected={"deep": [{"a": 1.5}, "ü", None, True]},
)


def test_a_record_comes_back_equal() -> None:
    assert decode(CaseResult, encode(RESULT)) == RESULT


def test_a_record_that_holds_itself_comes_back_equal() -> None:
    spec = JudgeSpec("all_of", "all_of", PLACE, children=(JudgeSpec("exact", "exact", PLACE, {"value": "x"}),))
    case = Case("a", PLACE, judges=(spec,), vars={"x": 1}, tags=("t",))

    assert decode(Case, encode(case)) == case


def test_enums_and_optional_records_come_back_equal() -> None:
    run = Run("1", "now", RunStatus.INTERRUPTED, git=GitState("abc", None, is_dirty=True), versions={"a": "1"})

    assert decode(Run, encode(run)) == run
    assert to_plain(CasePolicy.GATE) == "gate"


def test_fields_that_hold_their_default_are_left_out() -> None:
    assert to_plain(Response("hi")) == {"text": "hi"}


def test_equal_records_give_equal_text_whatever_the_order_of_their_keys() -> None:
    assert encode(Case("a", PLACE, vars={"x": 1, "y": 2})) == encode(Case("a", PLACE, vars={"y": 2, "x": 1}))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_hold_is_refused(number: float) -> None:
    with pytest.raises(CodecError, match=r"^(nan|inf) cannot be stored: JSON has no such number$"):
        encode(Score("exact", number, passed=True))


def test_a_value_that_is_no_data_is_refused() -> None:
    with pytest.raises(CodecError, match="^object cannot be stored: it is no record and no plain JSON data$"):
        to_plain({"x": object()})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"text": 1}, "Response.text: 1 is not of type str"),
        ({}, "Response: field 'text' is missing"),
        ({"text": "", "colour": 1}, "Response: unknown field 'colour'"),
        ([], "Response: [] is not an object"),
        ({"text": "", "tool_calls": {}}, "Response.tool_calls: {} is not a list"),
        (
            {"text": "", "tool_calls": [{"name": 1, "arguments": 1}]},
            "Response.tool_calls[0].name: 1 is not of type str",
        ),
        ({"text": "", "latency": "1"}, "Response.latency: '1' is not of type float"),
        ({"text": "", "usage": {"input_tokens": True}}, "Response.usage.input_tokens: True is not of type int"),
    ],
)
def test_what_is_wrong_with_stored_data_is_named(data: object, message: str) -> None:
    with pytest.raises(CodecError) as caught:
        from_plain(Response, data)

    assert str(caught.value) == message


def test_a_value_that_is_no_member_of_its_enum_is_named() -> None:
    with pytest.raises(CodecError, match=r"^Run.status: 'lost' is none of running, finished, interrupted$"):
        from_plain(Run, {"id": "1", "started_at": "now", "status": "lost"})


def test_a_mapping_that_is_none_is_named() -> None:
    with pytest.raises(CodecError, match=r"^Run.versions: 1 is not an object$"):
        from_plain(Run, {"id": "1", "started_at": "now", "versions": 1})


def test_whole_numbers_are_read_as_floats_where_a_float_is_meant() -> None:
    assert from_plain(Response, {"text": "", "latency": 2}).latency == 2.0


def test_another_schema_is_refused_with_what_to_do() -> None:
    document = json.loads(encode(RESULT)) | {"schema": 99}

    with pytest.raises(CodecError) as caught:
        decode(CaseResult, json.dumps(document))

    assert str(caught.value) == (
        "written with schema 99, this version of pytest-promptevals reads schema 1; use the version that wrote it, "
        "or a newer one"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON: "),
        ("[]", "not a stored record: 'schema', 'type' or 'data' is missing"),
        ('{"schema": 1, "type": "Run", "data": {}}', "holds a 'Run', not a 'CaseResult'"),
    ],
)
def test_a_text_that_is_no_such_record_is_refused(text: str, message: str) -> None:
    with pytest.raises(CodecError) as caught:
        decode(CaseResult, text)

    assert str(caught.value).startswith(message)


def test_deltas_come_back_as_they_were() -> None:
    comparison = Comparison(
        "f", Metrics(1, 1, 0, 1.0, 1.0), deltas=(Delta("a", Change.WORSE, 1.0, 0.0), Delta("b", Change.NEW))
    )

    assert decode(Comparison, encode(comparison)) == comparison
