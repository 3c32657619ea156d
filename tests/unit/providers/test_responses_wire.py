from __future__ import annotations

from typing import Any

import pytest

from pytest_promptevals.errors import ProviderConfigError, ProviderError
from pytest_promptevals.providers.responses_wire import build_body, read_body
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, TokenLogprob, ToolCall, Usage

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def build(**parameters: Any) -> dict[str, Any]:
    return build_body(Request("m", (Message("user", "Hello"),), parameters))


def answer(*output: Any, **others: Any) -> dict[str, Any]:
    return {"status": "completed", "error": None, "model": "m-1", "output": list(output), **others}


def message(*parts: Any) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(parts)}


def text(value: str) -> dict[str, Any]:
    return {"type": "output_text", "text": value}


def test_the_body_holds_the_model_the_input_and_the_parameters_as_written() -> None:
    assert build(temperature=0, made_up=1) == {
        "model": "m",
        "input": [{"role": "user", "content": "Hello"}],
        "temperature": 0,
        "made_up": 1,
    }


def test_max_tokens_gets_the_name_of_this_api() -> None:
    assert build(max_tokens=7) == {**build(), "max_output_tokens": 7}


def test_max_tokens_stays_beside_the_name_of_this_api() -> None:
    assert build(max_tokens=7, max_output_tokens=9) == {**build(), "max_tokens": 7, "max_output_tokens": 9}


def test_response_format_becomes_the_format_of_the_text() -> None:
    response_format = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}
    body = build(response_format=response_format, text={"verbosity": "low"})
    wanted = {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}
    assert body["text"] == {"verbosity": "low", "format": wanted}
    assert "response_format" not in body


def test_a_format_without_a_schema_stays_as_it_is() -> None:
    assert build(response_format={"type": "json_object"})["text"] == {"format": {"type": "json_object"}}


def test_two_formats_are_refused() -> None:
    with pytest.raises(ProviderConfigError) as caught:
        build(response_format={"type": "text"}, text={"format": {"type": "text"}})
    assert str(caught.value) == ("the parameters 'response_format' and 'text.format' say the same; remove one of them")


def test_tools_and_tool_choice_are_flattened() -> None:
    body = build(
        tools=[{"type": "function", "function": {"name": "find", "parameters": SCHEMA}}, {"type": "web_search"}],
        tool_choice={"type": "function", "function": {"name": "find"}},
    )
    assert body["tools"] == [{"type": "function", "name": "find", "parameters": SCHEMA}, {"type": "web_search"}]
    assert body["tool_choice"] == {"type": "function", "name": "find"}


def test_a_tool_choice_in_a_word_stays() -> None:
    assert build(tool_choice="required", tools="odd") == {**build(), "tool_choice": "required", "tools": "odd"}


@pytest.mark.parametrize("name", ["stream", "input", "model", "background"])
def test_a_parameter_that_is_set_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ProviderConfigError, match=f"^the parameter '{name}' cannot be set; "):
        build(**{name: True})


def test_the_texts_of_all_messages_become_the_response() -> None:
    response = read_body(
        answer({"type": "reasoning", "summary": []}, message(text("a"), text("b")), message(text("c")))
    )
    assert (response.text, response.finish_reason, response.model) == ("abc", "stop", "m-1")
    assert response.refusal is None


def test_a_refusal_is_kept() -> None:
    assert read_body(answer(message({"type": "refusal", "refusal": "No."}))).refusal == "No."


def test_function_calls_are_read_with_their_arguments_parsed() -> None:
    call = {"type": "function_call", "id": "fc1", "call_id": "c1", "name": "find", "arguments": '{"id": 3}'}
    custom = {"type": "custom_tool_call", "call_id": "c2", "name": "run", "input": "42"}
    response = read_body(answer(call, custom))
    assert response.tool_calls == (ToolCall("find", {"id": 3}, "c1"), ToolCall("run", "42", "c2"))
    assert response.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("reason", "wanted"), [("max_output_tokens", "length"), ("content_filter", "content_filter"), (None, None)]
)
def test_an_incomplete_response_says_why_it_stopped(reason: str | None, wanted: str | None) -> None:
    body = answer(message(text("a")), status="incomplete", incomplete_details={"reason": reason})
    assert read_body(body).finish_reason == wanted


def test_a_response_without_status_has_no_finish_reason() -> None:
    assert read_body(answer(message(text("a")), status=None)).finish_reason is None


def test_usage_is_read_with_its_details() -> None:
    usage = {
        "input_tokens": 10,
        "output_tokens": 5,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens_details": {"reasoning_tokens": 3},
    }
    assert read_body(answer(usage=usage)).usage == Usage(10, 5, 4, 2, 3)


def test_missing_usage_is_unknown_and_not_zero() -> None:
    assert read_body(answer(usage=None)).usage == Usage()


@pytest.mark.parametrize("output", [None, "text", {}])
def test_an_answer_without_output_is_an_error(output: Any) -> None:
    with pytest.raises(ProviderError, match=r"^answered with no output$"):
        read_body({"status": "completed", "output": output})


def test_a_failed_response_is_an_error_with_its_reason() -> None:
    with pytest.raises(ProviderError) as caught:
        read_body(answer(status="failed", error={"code": "server_error", "message": "out of luck"}))
    assert str(caught.value) == "ended the response with the status 'failed': out of luck"


def test_an_unfinished_response_is_an_error() -> None:
    with pytest.raises(ProviderError, match=r"^ended the response with the status 'queued'$"):
        read_body(answer(status="queued"))


LOGPROBS = "message.output_text.logprobs"


@pytest.mark.parametrize(
    ("include", "sent"),
    [(None, [LOGPROBS]), (["a"], ["a", LOGPROBS]), ([LOGPROBS], [LOGPROBS])],
)
def test_log_probabilities_are_asked_for_in_the_words_of_this_api(include: Any, sent: list[str]) -> None:
    given = {} if include is None else {"include": include}
    assert build(logprobs=True, top_logprobs=5, **given) == {**build(), "top_logprobs": 5, "include": sent}


def test_log_probabilities_that_are_not_wanted_are_not_spoken_of() -> None:
    assert build(logprobs=False) == build()


def test_log_probabilities_of_all_texts_are_read_in_order() -> None:
    parts = [{**text(word), "logprobs": [{"token": word, "logprob": -1, "top_logprobs": []}]} for word in ("a", "b")]

    assert read_body(answer(message(*parts))).logprobs == (TokenLogprob("a", -1.0), TokenLogprob("b", -1.0))
