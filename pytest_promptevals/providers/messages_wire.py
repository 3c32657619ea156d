"""Anthropic's Messages API.

Prompts and parameters are written as for OpenAI's chat completions: system messages, ``response_format``, ``tools`` and
``tool_choice`` are put into this API's form. What already has that form, and everything else, is sent as written, but
for ``logprobs`` and ``top_logprobs``, which this API has not: they are left out, and no answer has any.
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
    finish_reason_of,
    join_texts,
    object_of,
    objects_of,
    text_of,
    tool_call_of,
)
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response, Usage

DEFAULT_MAX_TOKENS: Final = 4096
"""The API wants a limit; this one is sent where the user gives none."""

_LEFT_OUT: Final = frozenset({"logprobs", "top_logprobs"})
_SYSTEM_ROLES: Final = frozenset({"system", "developer"})
_TOOL_CHOICES: Final = {"auto": "auto", "none": "none", "required": "any"}
_REFUSED: Final = {
    "model": "name the model under 'model'",
    "messages": "write them as the prompt",
    "system": "write a system message in the prompt",
    "stream": "responses are read whole",
}


def build_body(request: Request) -> JsonBody:
    """Return the body of a request."""
    check_parameters(request, _REFUSED)
    parameters = {name: item for name, item in request.parameters.items() if name not in _LEFT_OUT}
    body: JsonBody = {"model": request.model, "max_tokens": DEFAULT_MAX_TOKENS, **parameters}
    system = [message.content for message in request.messages if message.role in _SYSTEM_ROLES]
    if system:
        body["system"] = "\n\n".join(system)
    body["messages"] = [
        {"role": message.role, "content": message.content}
        for message in request.messages
        if message.role not in _SYSTEM_ROLES
    ]
    if not body["messages"]:
        raise ProviderConfigError("the prompt holds no user message, and Anthropic's API wants one; add it")
    if "response_format" in body:
        _set_output_format(body, body.pop("response_format"))
    if isinstance(tools := body.get("tools"), list):
        body["tools"] = [_tool(tool) for tool in tools]
    if "tool_choice" in body:
        body["tool_choice"] = _tool_choice(body["tool_choice"])
    return body


def _set_output_format(body: JsonBody, response_format: Json) -> None:
    kind = object_of(response_format).get("type")
    if kind == "text":
        return
    options = object_of(body.get("output_config"))
    if "format" in options:
        raise ProviderConfigError(
            "the parameters 'response_format' and 'output_config.format' say the same; remove one of them"
        )
    schema = object_of(object_of(response_format).get("json_schema")).get("schema")
    if kind != "json_schema" or not isinstance(schema, dict):
        raise ProviderConfigError(
            f"the parameter 'response_format' is {response_format!r}, which Anthropic's API cannot do; "
            "write {type: json_schema, json_schema: {name: ..., schema: {...}}}"
        )
    body["output_config"] = {**options, "format": {"type": "json_schema", "schema": schema}}


def _tool(tool: Json) -> Json:
    if not isinstance(tool, dict) or not isinstance(function := tool.get("function"), dict):
        return tool
    schema = function.get("parameters", {"type": "object", "properties": {}})
    others = {name: item for name, item in function.items() if name != "parameters"}
    return {**others, "input_schema": schema}


def _tool_choice(choice: Json) -> Json:
    if isinstance(choice, str):
        return {"type": _TOOL_CHOICES.get(choice, choice)}
    if isinstance(choice, dict) and isinstance(function := choice.get("function"), dict):
        return {"type": "tool", "name": function.get("name")}
    return choice


def read_body(body: JsonBody) -> Response:
    """Return the response that an answer holds: its texts and tool calls; thoughts are left out."""
    if not isinstance(body.get("content"), list):
        raise UnreadableAnswerError("answered with no content")
    blocks = objects_of(body["content"])
    return Response(
        text=join_texts([text_of(block.get("text")) for block in blocks if block.get("type") == "text"]),
        tool_calls=tuple(
            tool_call_of(block.get("name"), block.get("input"), block.get("id"))
            for block in blocks
            if block.get("type") == "tool_use"
        ),
        finish_reason=finish_reason_of(body.get("stop_reason")),
        usage=_read_usage(object_of(body.get("usage"))),
        model=text_of(body.get("model")),
        refusal=_read_refusal(body),
    )


def _read_refusal(body: JsonBody) -> str | None:
    if body.get("stop_reason") != "refusal":
        return None
    details = object_of(body.get("stop_details"))
    return text_of(details.get("explanation")) or text_of(details.get("category")) or "refusal"


def _read_usage(usage: JsonBody) -> Usage:
    uncached = count_of(usage.get("input_tokens"))
    written = count_of(usage.get("cache_creation_input_tokens"))
    cached = count_of(usage.get("cache_read_input_tokens"))
    return Usage(
        # Here 'input_tokens' counts only what the cache had no part in.
        input_tokens=None if uncached is None else uncached + (written or 0) + (cached or 0),
        output_tokens=count_of(usage.get("output_tokens")),
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=count_of(object_of(usage.get("output_tokens_details")).get("thinking_tokens")),
    )


MESSAGES_FORMAT: Final = WireFormat("/v1/messages", build_body, read_body)
