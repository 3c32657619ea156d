from __future__ import annotations

import pytest

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.judges.build import JudgeParameterError
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Response, ToolCall
from tests.unit.judges.grading import WHERE, explain, passes


def called(*calls: str | tuple[str, Json]) -> Response:
    """Return a response with these calls, those that are just a name without arguments."""
    pairs = [(call, {}) if isinstance(call, str) else call for call in calls]
    return Response("", tool_calls=tuple(ToolCall(name, arguments) for name, arguments in pairs))


def test_the_calls_must_come_in_order_and_alone() -> None:
    assert passes("tool_calls", ["find", "pay"], output=called("find", "pay"))
    assert not passes("tool_calls", ["find", "pay"], output=called("pay", "find"))
    assert not passes("tool_calls", ["find", "pay"], output=called("find"))
    assert not passes("tool_calls", ["find", "pay"], output=called("find", "pay", "pay"))


def test_the_order_may_be_free() -> None:
    assert passes("tool_calls", ["find", "pay"], output=called("pay", "find"), in_order=False)
    assert not passes("tool_calls", ["find", "pay"], output=called("pay", "pay"), in_order=False)
    assert not passes("tool_calls", ["find"], output=called("pay", "find"), in_order=False)


def test_extra_calls_may_be_allowed() -> None:
    output = called("log", "find", "log", "pay", "log")
    assert passes("tool_calls", ["find", "pay"], output=output, extra_calls=True)
    assert not passes("tool_calls", ["pay", "find"], output=output, extra_calls=True)
    assert passes("tool_calls", ["pay", "find"], output=output, extra_calls=True, in_order=False)
    assert not passes("tool_calls", ["find", "find"], output=output, extra_calls=True, in_order=False)
    assert not passes("tool_calls", ["find", "find"], output=output, extra_calls=True)


def test_each_wanted_call_takes_a_call_of_its_own() -> None:
    calls: Json = ["find", {"name": "find", "arguments": {"id": 1}}]
    assert passes("tool_calls", calls, output=called(("find", {"id": 1}), ("find", {"id": 2})), in_order=False)
    assert not passes("tool_calls", calls, output=called(("find", {"id": 2}), ("find", {"id": 2})), in_order=False)


@pytest.mark.parametrize(
    ("arguments", "exact", "subset"),
    [
        ({"id": 1, "tags": ["a"]}, True, True),
        ({"id": 1.0, "tags": ["a"]}, True, True),
        ({"id": 1, "tags": ["a"], "limit": 5}, False, True),
        ({"id": 1, "tags": ["a", "b"]}, False, True),
        ({"id": 1}, False, False),
        ({"id": True, "tags": ["a"]}, False, False),
        ("{not json", False, False),
        (None, False, False),
    ],
)
def test_arguments_are_compared_exactly_or_as_a_subset(arguments: Json, exact: bool, subset: bool) -> None:
    calls: Json = [{"name": "find", "arguments": {"id": 1, "tags": ["a"]}}]
    output = called(("find", arguments))
    assert passes("tool_calls", calls, output=output) is exact
    assert passes("tool_calls", calls, output=output, arguments="subset") is subset


def test_a_call_without_arguments_accepts_any() -> None:
    assert passes("tool_calls", "find", output=called(("find", "{not json")))


def test_no_arguments_are_an_empty_object() -> None:
    no_arguments: Json = {"name": "find", "arguments": {}}
    assert passes("tool_calls", no_arguments, output=called(("find", None)))
    assert not passes("tool_calls", no_arguments, output=called(("find", {"id": 1})))


def test_an_empty_list_means_no_call() -> None:
    assert passes("tool_calls", [], output="Hello")
    assert not passes("tool_calls", [], output=called("find"))


@pytest.mark.parametrize("expected", ["find", {"name": "find"}, ["find"], [{"name": "find", "arguments": {}}]])
def test_the_calls_may_stand_in_expected(expected: Json) -> None:
    assert passes("tool_calls", output=called("find"), expected=expected)
    assert not passes("tool_calls", output=called("pay"), expected=expected)


def test_the_explanation_names_the_first_call_that_is_wrong() -> None:
    find: Json = {"name": "find", "arguments": {"id": 1}}
    assert explain("tool_calls", ["find", "pay"], output=called("find", ("quit", 1))) == (
        "expected call 2 to be pay; the model called find({}), quit(1)"
    )
    assert explain("tool_calls", [find], output=called(("find", {"id": 2}))) == (
        'call 1 of find: arguments.id is 2, expected 1; the model called find({"id": 2})'
    )
    assert explain("tool_calls", [find, "pay"], output=called("pay")) == (
        'expected 2 calls: find({"id": 1}), pay; the model called pay({})'
    )
    assert explain("tool_calls", [], output=called("pay")) == "expected no call; the model called pay({})"
    assert explain("tool_calls", ["pay"], output="") == "expected 1 call: pay; the model called no tool"


def test_the_explanation_names_the_call_that_is_missing() -> None:
    assert explain("tool_calls", ["find", "pay"], output=called("pay", "find"), extra_calls=True) == (
        "expected pay after find; the model called pay({}), find({})"
    )
    assert explain("tool_calls", ["find"], output=called("pay"), extra_calls=True) == (
        "expected find; the model called pay({})"
    )
    assert explain("tool_calls", ["find"], output=called("pay"), in_order=False) == (
        "expected find; the model called pay({})"
    )
    assert explain("tool_calls", ["pay"], output=called("pay")) == "called pay({})"


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        ([1], "calls[0]: must be a mapping, not 1"),
        ([{"nam": "find"}], "calls[0].name: is missing; calls[0].nam: unknown key. Did you mean 'name'?"),
        ([""], "calls[0]: must not be empty"),
        ([{"name": "find", "arguments": [1]}], "calls[0].arguments: must be a mapping, not [1]"),
    ],
)
def test_calls_that_make_no_sense_are_refused(calls: Json, message: str) -> None:
    with pytest.raises(JudgeParameterError) as caught:
        passes("tool_calls", calls, output="")
    assert str(caught.value) == f"judge 'tool_calls': {message}"


def test_a_judge_that_checks_nothing_is_refused() -> None:
    with pytest.raises(JudgeParameterError) as caught:
        passes("tool_calls", [], output="", extra_calls=True)
    assert str(caught.value) == (
        "judge 'tool_calls': nothing is checked: no call is wanted and extra calls are allowed"
    )


def test_an_expected_that_names_no_call_is_an_error() -> None:
    with pytest.raises(JudgeError) as caught:
        passes("tool_calls", output="", expected=5)
    assert str(caught.value) == (
        f"{WHERE}: judge 'tool_calls': `expected` must be a tool's name, an object with `name` and `arguments`, "
        "or a list of these, not 5"
    )
