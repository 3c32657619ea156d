"""OpenAI's Responses API.

Prompts and parameters are written as for chat completions; ``max_tokens``, ``response_format``, ``tools``,
``tool_choice`` and ``logprobs`` are put into this API's form, and everything else is sent as written.
"""

from __future__ import annotations

from typing import Final

from pytest_promptevals.errors import ProviderConfigError
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

_LOGPROBS: Final = "message.output_text.logprobs"
_REFUSED: Final = {
    "model": "name the model under 'model'",
    "input": "write it as the prompt",
    "stream": "responses are read whole",
    "background": "responses are waited for",
}


def build_body(request: Request) -> JsonBody:
    """Return the body of a request."""
    check_parameters(request, _REFUSED)
    parameters = dict(request.parameters)
    if "max_tokens" in parameters and "max_output_tokens" not in parameters:
        parameters["max_output_tokens"] = parameters.pop("max_tokens")
    if "response_format" in parameters:
        parameters["text"] = _text_options(parameters.pop("response_format"), parameters.get("text"))
    if parameters.pop("logprobs", False):
        parameters["include"] = _including(parameters.get("include"), _LOGPROBS)
    if isinstance(tools := parameters.get("tools"), list):
        parameters["tools"] = [_flatten(tool, "function") for tool in tools]
    if "tool_choice" in parameters:
        parameters["tool_choice"] = _flatten(parameters["tool_choice"], "function")
    messages: list[Json] = [{"role": message.role, "content": message.content} for message in request.messages]
    return {"model": request.model, "input": messages, **parameters}


def _including(written: Json, name: str) -> Json:
    items = written if isinstance(written, list) else []
    return items if name in items else [*items, name]


def _text_options(response_format: Json, written: Json) -> Json:
    options = object_of(written)
    if "format" in options:
        raise ProviderConfigError("the parameters 'response_format' and 'text.format' say the same; remove one of them")
    return {**options, "format": _flatten(response_format, "json_schema")}


def _flatten(value: Json, key: str) -> Json:
    """Return an object of chat completions, ``{type: T, T: {...}}``, in this API's form, ``{type: T, ...}``."""
    if not isinstance(value, dict) or not isinstance(inner := value.get(key), dict):
        return value
    return {**{name: item for name, item in value.items() if name != key}, **inner}


def read_body(body: JsonBody) -> Response:
    """Return the response that an answer holds: the texts of its messages, and its function calls."""
    status = body.get("status")
    if status not in {"completed", "incomplete", None}:
        reason = text_of(object_of(body.get("error")).get("message"))
        raise UnreadableAnswerError(f"ended the response with the status {status!r}" + (f": {reason}" * bool(reason)))
    if not isinstance(body.get("output"), list):
        raise UnreadableAnswerError("answered with no output")
    output = objects_of(body["output"])
    parts = [part for item in output if item.get("type") == "message" for part in objects_of(item.get("content"))]
    tool_calls = _read_tool_calls(output)
    return Response(
        text=join_texts([text_of(part.get("text")) for part in parts]),
        tool_calls=tool_calls,
        finish_reason=_read_finish_reason(body, has_tool_calls=bool(tool_calls)),
        usage=_read_usage(object_of(body.get("usage"))),
        model=text_of(body.get("model")),
        refusal=join_texts([text_of(part.get("refusal")) for part in parts]) or None,
        logprobs=tuple(token for part in parts for token in logprobs_of(part.get("logprobs"))),
    )


def _read_tool_calls(output: list[JsonBody]) -> tuple[ToolCall, ...]:
    calls = []
    for item in output:
        if item.get("type") == "function_call":
            calls.append(tool_call_of(item.get("name"), item.get("arguments"), item.get("call_id")))
        elif item.get("type") == "custom_tool_call":
            calls.append(custom_call_of(item.get("name"), item.get("input"), item.get("call_id")))
    return tuple(calls)


def _read_finish_reason(body: JsonBody, *, has_tool_calls: bool) -> str | None:
    if body.get("status") == "incomplete":
        return finish_reason_of(object_of(body.get("incomplete_details")).get("reason"))
    if has_tool_calls:
        return "tool_calls"
    return "stop" if body.get("status") == "completed" else None


def _read_usage(usage: JsonBody) -> Usage:
    input_details = object_of(usage.get("input_tokens_details"))
    output_details = object_of(usage.get("output_tokens_details"))
    return Usage(
        input_tokens=count_of(usage.get("input_tokens")),
        output_tokens=count_of(usage.get("output_tokens")),
        cached_tokens=count_of(input_details.get("cached_tokens")),
        cache_write_tokens=count_of(input_details.get("cache_write_tokens")),
        reasoning_tokens=count_of(output_details.get("reasoning_tokens")),
    )


RESPONSES_FORMAT: Final = WireFormat("/responses", build_body, read_body)
