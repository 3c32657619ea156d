from __future__ import annotations

from typing import Any

import pytest

from pytest_promptevals.errors import ProviderConfigError, ProviderError
from pytest_promptevals.providers.chat_wire import chat_format, read_body
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, TokenLogprob, ToolCall, Usage

MESSAGES = (Message("system", "Be brief."), Message("user", "Hello"))


def build(*, is_official: bool = False, **parameters: Any) -> dict[str, Any]:
    return chat_format(is_official=is_official).build_body(Request("m", MESSAGES, parameters))


def answer(message: Any, **others: Any) -> dict[str, Any]:
    return {"model": "m-1", "choices": [{"message": message, "finish_reason": "stop"}], **others}


def test_the_body_holds_the_model_the_messages_and_the_parameters_as_written() -> None:
    assert build(temperature=0, made_up={"a": [1]}) == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "temperature": 0,
        "made_up": {"a": [1]},
    }


def test_max_tokens_is_renamed_for_openai_itself() -> None:
    body = build(is_official=True, max_tokens=7)
    assert body["max_completion_tokens"] == 7
    assert "max_tokens" not in body


def test_max_tokens_stays_for_other_servers() -> None:
    assert build(max_tokens=7)["max_tokens"] == 7


def test_max_tokens_stays_beside_its_new_name() -> None:
    body = build(is_official=True, max_tokens=7, max_completion_tokens=9)
    assert (body["max_tokens"], body["max_completion_tokens"]) == (7, 9)


@pytest.mark.parametrize(
    ("name", "todo"),
    [
        ("stream", "responses are read whole"),
        ("model", "name the model under 'model'"),
        ("messages", "write them as the prompt"),
    ],
)
def test_a_parameter_that_is_set_elsewhere_is_refused(name: str, todo: str) -> None:
    with pytest.raises(ProviderConfigError) as caught:
        build(**{name: False})
    assert str(caught.value) == f"the parameter {name!r} cannot be set; {todo}"


def test_the_first_choice_becomes_the_response() -> None:
    body = answer({"content": "Hi", "refusal": None})
    body["choices"].append({"message": {"content": "second"}, "finish_reason": "length"})
    response = read_body(body)
    assert (response.text, response.finish_reason, response.model) == ("Hi", "stop", "m-1")
    assert response.refusal is None
    assert response.latency is None


def test_content_in_parts_is_joined() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    assert read_body(answer({"content": parts})).text == "ab"


def test_a_refusal_is_kept() -> None:
    assert read_body(answer({"content": None, "refusal": "No."})).refusal == "No."


def test_tool_calls_are_read_with_their_arguments_parsed() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"id": 3}'}}
    response = read_body(answer({"content": None, "tool_calls": [call]}))
    assert response.text == ""
    assert response.tool_calls == (ToolCall("find", {"id": 3}, "c1"),)


def test_a_custom_tool_call_keeps_its_text() -> None:
    call = {"id": "c1", "type": "custom", "custom": {"name": "run", "input": "42"}}
    assert read_body(answer({"content": None, "tool_calls": [call]})).tool_calls == (ToolCall("run", "42", "c1"),)


def test_usage_is_read_with_its_details() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    assert read_body(answer({"content": "x"}, usage=usage)).usage == Usage(10, 5, 4, 2, 3)


@pytest.mark.parametrize("usage", [None, {}, [], {"prompt_tokens": None, "prompt_tokens_details": None}])
def test_missing_usage_is_unknown_and_not_zero(usage: Any) -> None:
    assert read_body(answer({"content": "x"}, usage=usage)).usage == Usage()


@pytest.mark.parametrize("choices", [None, [], "none", [None]])
def test_an_answer_without_choices_is_an_error(choices: Any) -> None:
    with pytest.raises(ProviderError, match=r"^answered with no choices$"):
        read_body({"choices": choices})


def test_a_choice_without_a_message_is_an_error() -> None:
    with pytest.raises(ProviderError, match=r"^answered with a choice that holds no message$"):
        read_body(answer(None))


def logprobs(*entries: Any) -> dict[str, Any]:
    choice = {"message": {"content": "4"}, "finish_reason": "stop", "logprobs": {"content": list(entries)}}
    return {"choices": [choice]}


def test_log_probabilities_of_tokens_are_read() -> None:
    entry = {
        "token": "4",
        "logprob": -0.1234567,
        "bytes": [52],
        "top_logprobs": [{"token": "4", "logprob": -0.1234567}, {"token": "5", "logprob": -2}],
    }

    response = read_body(logprobs(entry, {"token": "}", "logprob": 0}))

    assert response.logprobs == (TokenLogprob("4", -0.12346, {"4": -0.12346, "5": -2.0}), TokenLogprob("}", 0.0))


def test_tokens_without_a_chance_and_odd_ones_are_left_out_and_of_equal_ones_the_likelier_counts() -> None:
    others = [("a", -9.3), ("b", -9.2), ("c", "x"), (5, -1), ("d", -3.0), ("d", -1.0), ("e", float("-inf"))]
    top = [{"token": token, "logprob": logprob} for token, logprob in others]

    (token,) = read_body(logprobs({"token": "x", "logprob": -9999.0, "top_logprobs": top})).logprobs

    assert token == TokenLogprob("x", -9999.0, {"b": -9.2, "d": -1.0})


@pytest.mark.parametrize("entry", [{"token": "4"}, {"logprob": -1}, {"token": "4", "logprob": True}])
def test_log_probabilities_are_read_wholly_or_not_at_all(entry: dict[str, Any]) -> None:
    assert read_body(logprobs({"token": "a", "logprob": -1}, entry)).logprobs == ()


@pytest.mark.parametrize("given", [None, [], "x", {"content": None}, {"content": "x"}, {"tokens": ["4"]}])
def test_an_answer_without_log_probabilities_has_none(given: Any) -> None:
    body = logprobs()
    body["choices"][0]["logprobs"] = given
    assert read_body(body).logprobs == ()
