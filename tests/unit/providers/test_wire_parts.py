from __future__ import annotations

import pytest

from pytest_promptevals.providers.wire import (
    clean_json,
    count_of,
    finish_reason_of,
    object_of,
    objects_of,
    text_of,
    tool_call_of,
)
from pytest_promptevals.records.codec import decode, encode
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import ToolCall


def test_surrogates_are_replaced_everywhere_in_data() -> None:
    assert clean_json({"\ud800": ["\ud800", 1, None, {"a": "\ud800"}]}) == {
        "\ufffd": ["\ufffd", 1, None, {"a": "\ufffd"}]
    }


@pytest.mark.parametrize(
    ("value", "wanted"), [(3, 3), (0, 0), (3.0, 3), (3.5, None), (-1, None), (True, None), ("3", None)]
)
def test_only_whole_numbers_count_as_tokens(value: Json, wanted: int | None) -> None:
    assert count_of(value) == wanted


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_count_as_no_tokens(value: float) -> None:
    assert count_of(value) is None


@pytest.mark.parametrize(
    ("reason", "wanted"),
    [
        ("stop", "stop"),
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("max_output_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_calls", "tool_calls"),
        ("tool_use", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
        (None, None),
        (3, None),
    ],
)
def test_finish_reasons_are_in_openais_words(reason: Json, wanted: str | None) -> None:
    assert finish_reason_of(reason) == wanted


def test_parts_of_the_wrong_type_are_empty() -> None:
    assert object_of([]) == {}
    assert objects_of({"a": 1}) == []
    assert objects_of([1, {"a": 1}, None]) == [{"a": 1}]
    assert text_of(3) is None


@pytest.mark.parametrize("arguments", ['{"a": ', '{"a": NaN}', '{"a": 1, "a": 2}', "", '{"a": 1e999}', "look: here"])
def test_arguments_that_are_no_valid_json_stay_a_text(arguments: str) -> None:
    assert tool_call_of("f", arguments, "1") == ToolCall("f", arguments, "1")


def test_arguments_with_a_lone_surrogate_can_be_stored() -> None:
    call = tool_call_of("f\ud800", '{"a": "\ud800"}', None)
    assert call == ToolCall("f\ufffd", '{"a": "\ufffd"}', "")
    assert decode(ToolCall, encode(call)) == call


def test_arguments_that_are_parsed_already_stay() -> None:
    assert tool_call_of(None, {"a": ["\ud800"]}, 7) == ToolCall("", {"a": ["\ufffd"]}, "")
