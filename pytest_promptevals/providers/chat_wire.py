"""OpenAI's chat completions, the API that most other servers speak too."""

from __future__ import annotations

from typing import Final

from pytest_promptevals.providers.wire import (
    JsonBody,
    UnreadableAnswerError,
    WireFormat,
    check_parameters,
    count_of,
    custom_call_of,
    finish_reason_of,
    join_texts,
    logprobs_of,
    object_of,
    objects_of,
    text_of,
    tool_call_of,
)
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response, ToolCall, Usage

_REFUSED: Final = {
    "model": "name the model under 'model'",
    "messages": "write them as the prompt",
    "stream": "responses are read whole",
}


def chat_format(*, is_official: bool) -> WireFormat:
    """Return the wire format.

    OpenAI's own models refuse ``max_tokens`` by now, so for them it is sent under its new name; other servers mostly
    know the old one alone and get what the user wrote.
    """

    def build_body(request: Request) -> JsonBody:
        check_parameters(request, _REFUSED)
        parameters = dict(request.parameters)
        if is_official and "max_tokens" in parameters and "max_completion_tokens" not in parameters:
            parameters["max_completion_tokens"] = parameters.pop("max_tokens")
        messages: list[Json] = [{"role": message.role, "content": message.content} for message in request.messages]
        return {"model": request.model, "messages": messages, **parameters}

    return WireFormat("/chat/completions", build_body, read_body)


def read_body(body: JsonBody) -> Response:
    """Return the response that a chat completion holds: its first choice."""
    choices = objects_of(body.get("choices"))
    if not choices:
        raise UnreadableAnswerError("answered with no choices")
    message = choices[0].get("message")
    if not isinstance(message, dict):
        raise UnreadableAnswerError("answered with a choice that holds no message")
    return Response(
        text=_read_content(message.get("content")),
        tool_calls=_read_tool_calls(message),
        finish_reason=finish_reason_of(choices[0].get("finish_reason")),
        usage=_read_usage(object_of(body.get("usage"))),
        model=text_of(body.get("model")),
        refusal=text_of(message.get("refusal")),
        logprobs=logprobs_of(object_of(choices[0].get("logprobs")).get("content")),
    )


def _read_content(content: Json) -> str:
    if isinstance(content, list):
        return join_texts([text_of(part.get("text")) for part in objects_of(content)])
    return text_of(content) or ""


def _read_tool_calls(message: JsonBody) -> tuple[ToolCall, ...]:
    return tuple(_read_tool_call(call) for call in objects_of(message.get("tool_calls")))


def _read_tool_call(call: JsonBody) -> ToolCall:
    custom, function = object_of(call.get("custom")), object_of(call.get("function"))
    if custom:
        return custom_call_of(custom.get("name"), custom.get("input"), call.get("id"))
    return tool_call_of(function.get("name"), function.get("arguments"), call.get("id"))


def _read_usage(usage: JsonBody) -> Usage:
    prompt = object_of(usage.get("prompt_tokens_details"))
    completion = object_of(usage.get("completion_tokens_details"))
    return Usage(
        input_tokens=count_of(usage.get("prompt_tokens")),
        output_tokens=count_of(usage.get("completion_tokens")),
        cached_tokens=count_of(prompt.get("cached_tokens")),
        cache_write_tokens=count_of(prompt.get("cache_write_tokens")),
        reasoning_tokens=count_of(completion.get("reasoning_tokens")),
    )
