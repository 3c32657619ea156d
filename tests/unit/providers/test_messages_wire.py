from __future__ import annotations

from typing import Any

import pytest

from pytest_promptevals.errors import ProviderConfigError, ProviderError
from pytest_promptevals.providers.messages_wire import build_body, read_body
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, ToolCall, Usage

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def build(*messages: Message, **parameters: Any) -> dict[str, Any]:
    return build_body(Request("m", messages or (Message("user", "Hello"),), parameters))


def answer(*content: Any, **others: Any) -> dict[str, Any]:
    return {"model": "m-1", "stop_reason": "end_turn", "content": list(content), **others}


def test_the_body_holds_the_model_the_messages_and_the_parameters_as_written() -> None:
    assert build(temperature=0, max_tokens=9, made_up=1) == {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hello"}],
        "temperature": 0,
        "made_up": 1,
    }


def test_max_tokens_has_a_default() -> None:
    assert build()["max_tokens"] == 4096


def test_system_messages_stand_apart() -> None:
    body = build(Message("system", "A"), Message("user", "B"), Message("developer", "C"), Message("user", "D"))
    assert body["system"] == "A\n\nC"
    assert body["messages"] == [{"role": "user", "content": "B"}, {"role": "user", "content": "D"}]


def test_a_prompt_of_system_messages_alone_is_refused() -> None:
    with pytest.raises(ProviderConfigError) as caught:
        build(Message("system", "A"))
    assert str(caught.value) == "the prompt holds no user message, and Anthropic's API wants one; add it"


def test_response_format_becomes_the_format_of_the_output() -> None:
    response_format = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}
    body = build(response_format=response_format, output_config={"effort": "low"})
    assert body["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}
    assert "response_format" not in body


def test_plain_text_needs_no_format() -> None:
    assert build(response_format={"type": "text"}) == build()


def test_a_format_that_the_api_lacks_is_refused() -> None:
    with pytest.raises(ProviderConfigError) as caught:
        build(response_format={"type": "json_object"})
    assert str(caught.value) == (
        "the parameter 'response_format' is {'type': 'json_object'}, which Anthropic's API cannot do; "
        "write {type: json_schema, json_schema: {name: ..., schema: {...}}}"
    )


def test_two_formats_are_refused() -> None:
    response_format = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    with pytest.raises(ProviderConfigError) as caught:
        build(response_format=response_format, output_config={"format": {}})
    assert str(caught.value) == (
        "the parameters 'response_format' and 'output_config.format' say the same; remove one of them"
    )


def test_tools_in_openais_form_are_translated_and_others_stay() -> None:
    own = {"name": "b", "input_schema": SCHEMA}
    tools = [
        {"type": "function", "function": {"name": "a", "description": "d", "parameters": SCHEMA}},
        {"type": "function", "function": {"name": "empty"}},
        own,
    ]
    assert build(tools=tools)["tools"] == [
        {"name": "a", "description": "d", "input_schema": SCHEMA},
        {"name": "empty", "input_schema": {"type": "object", "properties": {}}},
        own,
    ]


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ({"type": "function", "function": {"name": "a"}}, {"type": "tool", "name": "a"}),
        ({"type": "any"}, {"type": "any"}),
    ],
)
def test_tool_choice_is_translated(choice: Any, wanted: Any) -> None:
    assert build(tool_choice=choice, tools="odd")["tool_choice"] == wanted


@pytest.mark.parametrize("name", ["stream", "messages", "model", "system"])
def test_a_parameter_that_is_set_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ProviderConfigError, match=f"^the parameter '{name}' cannot be set; "):
        build(**{name: True})


def test_the_texts_become_the_response_and_thoughts_do_not() -> None:
    blocks = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    response = read_body(answer(*blocks))
    assert (response.text, response.finish_reason, response.model) == ("ab", "stop", "m-1")
    assert response.refusal is None


def test_tool_calls_are_read() -> None:
    response = read_body(answer({"type": "tool_use", "id": "t1", "name": "a", "input": {"x": 1}}))
    assert response.tool_calls == (ToolCall("a", {"x": 1}, "t1"),)


@pytest.mark.parametrize(
    ("details", "wanted"),
    [
        ({"explanation": "Harmful.", "category": "bio"}, "Harmful."),
        ({"explanation": None, "category": "bio"}, "bio"),
        (None, "refusal"),
    ],
)
def test_a_refusal_is_kept(details: Any, wanted: str) -> None:
    response = read_body(answer(stop_reason="refusal", stop_details=details))
    assert (response.refusal, response.finish_reason) == (wanted, "content_filter")


def test_input_tokens_count_what_the_cache_had_a_part_in() -> None:
    usage = {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_creation_input_tokens": 2,
        "cache_read_input_tokens": 4,
        "output_tokens_details": {"thinking_tokens": 3},
    }
    assert read_body(answer(usage=usage)).usage == Usage(16, 5, 4, 2, 3)


def test_unknown_cache_tokens_leave_the_input_tokens_known() -> None:
    assert read_body(answer(usage={"input_tokens": 10, "cache_read_input_tokens": None})).usage == Usage(10)


def test_missing_usage_is_unknown_and_not_zero() -> None:
    assert read_body(answer(usage={"cache_read_input_tokens": 4})).usage == Usage(cached_tokens=4)


@pytest.mark.parametrize("content", [None, "text"])
def test_an_answer_without_content_is_an_error(content: Any) -> None:
    with pytest.raises(ProviderError, match=r"^answered with no content$"):
        read_body({"content": content})


def test_log_probabilities_are_not_asked_for_since_the_api_has_none() -> None:
    assert build(logprobs=True, top_logprobs=20) == build()
