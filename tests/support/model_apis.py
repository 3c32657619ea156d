"""The wire formats of the loopback model server: what a request must hold, and how answers and errors look.

Written from the published API references, apart from the package, so that the two can disagree.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import itertools
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.support.word_vectors import DIMENSIONS, word_vector

Body = dict[str, Any]

_numbers: Final = itertools.count(1)


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """What the model says, before it is put into an API's form."""

    text: str
    tool_calls: tuple[tuple[str, str], ...] = ()
    """Name and arguments as JSON text."""
    finish_reason: str | None = None
    """In OpenAI's words; by itself ``stop``, or ``tool_calls`` where there are some."""
    refusal: str | None = None
    usage: Mapping[str, Any] | None = None
    """Replaces the usage of the answer, in the API's own form."""
    headers: Mapping[str, str] | None = None
    """Further headers of the answer."""
    logprobs: tuple[Body, ...] = ()
    """Log probabilities of its tokens, told to who asks for them."""

    @property
    def finish(self) -> str:
        return self.finish_reason or ("tool_calls" if self.tool_calls else "stop")


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """Why a request is refused."""

    status: int
    message: str
    code: str | None = None
    parameter: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Api:
    """One wire format."""

    name: str
    check: Callable[[Body], Problem | None]
    messages: Callable[[Body], list[Body]]
    schema: Callable[[Body], Body | None]
    answer: Callable[[Body, Reply], Body]
    error: Callable[[Problem], Body]
    limit_headers: Callable[[int, int, float], dict[str, str]]
    """Makes the headers of a rate limit: calls in a window, calls left, and seconds until the next window."""
    empty: Body
    """An answer with status 200 that holds nothing."""
    limited: Problem
    """More was asked than the rate limit allows."""
    exhausted: Problem
    """The account has no money left."""
    overloaded: Problem
    """The server has too much to do."""


def last_user_text(api: Api, body: Body) -> str:
    """Return the text of the last user message."""
    for message in reversed(api.messages(body)):
        if message["role"] == "user":
            return _text_of(message["content"])
    return ""


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _words(api_messages: list[Body]) -> int:
    return sum(len(_text_of(message["content"]).split()) for message in api_messages)


def _next_id(prefix: str) -> str:
    return f"{prefix}{next(_numbers):08d}"


def _check_messages(body: Body, key: str, roles: frozenset[str]) -> Problem | None:
    messages = body.get(key)
    if messages is None:
        return Problem(400, f"Missing required parameter: '{key}'.", "missing_required_parameter", key)
    if not isinstance(messages, list) or not messages:
        return Problem(400, f"Invalid '{key}': expected a non-empty array.", "invalid_type", key)
    for index, message in enumerate(messages):
        where = f"{key}[{index}]"
        if not isinstance(message, dict) or message.get("role") not in roles:
            return Problem(400, f"Invalid value for '{where}.role'.", "invalid_value", where)
        if not isinstance(message.get("content"), str | list):
            return Problem(400, f"Missing required parameter: '{where}.content'.", "missing_required_parameter", where)
    return None


def _check_tools(body: Body, required: Callable[[Body], bool]) -> Problem | None:
    for index, tool in enumerate(body.get("tools", [])):
        if not isinstance(tool, dict) or not required(tool):
            return Problem(400, f"Invalid value for 'tools[{index}]'.", "invalid_value", "tools")
    return None


# --- OpenAI: chat completions


def _check_chat(body: Body) -> Problem | None:
    roles = frozenset({"system", "developer", "user", "assistant", "tool"})
    return (
        _check_messages(body, "messages", roles)
        or _check_tools(
            body, lambda tool: isinstance(tool.get("function"), dict) and bool(tool["function"].get("name"))
        )
        or _check_chat_format(body.get("response_format"))
    )


def _check_chat_format(response_format: Any) -> Problem | None:
    if response_format is None or response_format.get("type") in {"text", "json_object"}:
        return None
    schema = response_format.get("json_schema", {})
    if response_format.get("type") == "json_schema" and schema.get("name") and isinstance(schema.get("schema"), dict):
        return None
    return Problem(400, "Missing required parameter: 'response_format.json_schema'.", None, "response_format")


def _chat_schema(body: Body) -> Body | None:
    schema: Body | None = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
    return schema


def _chat_answer(body: Body, reply: Reply) -> Body:
    message: Body = {"role": "assistant", "content": reply.text or None, "refusal": reply.refusal, "annotations": []}
    if reply.tool_calls:
        message["tool_calls"] = [
            {"id": _next_id("call_"), "type": "function", "function": {"name": name, "arguments": arguments}}
            for name, arguments in reply.tool_calls
        ]
    chances = {"content": [*reply.logprobs], "refusal": None} if body.get("logprobs") else None
    prompt, completion = _words(body["messages"]), len(reply.text.split())
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    return {
        "id": _next_id("chatcmpl-"),
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": f"{body['model']}-2026-01-01",
        "choices": [{"index": 0, "message": message, "logprobs": chances, "finish_reason": reply.finish}],
        "usage": reply.usage if reply.usage is not None else usage,
        "service_tier": "default",
    }


def _openai_error(problem: Problem) -> Body:
    kinds = {429: "rate_limit_error", 401: "invalid_request_error"}
    kind = "server_error" if problem.status >= 500 else kinds.get(problem.status, "invalid_request_error")
    if problem.code == "insufficient_quota":
        kind = problem.code
    error = {"message": problem.message, "type": kind, "param": problem.parameter, "code": problem.code}
    return {"error": error}


def _openai_limit_headers(limit: int, remaining: int, seconds: float) -> dict[str, str]:
    return {
        "x-ratelimit-limit-requests": str(limit),
        "x-ratelimit-remaining-requests": str(remaining),
        "x-ratelimit-reset-requests": f"{int(seconds * 1000)}ms",
    }


_OPENAI_LIMITED: Final = Problem(429, "Rate limit reached for requests per minute.", "rate_limit_exceeded")
_OPENAI_EXHAUSTED: Final = Problem(
    429, "You exceeded your current quota, please check your plan and billing details.", "insufficient_quota"
)
_OPENAI_OVERLOADED: Final = Problem(503, "The engine is currently overloaded, please try again later.")

CHAT: Final = Api(
    name="chat",
    check=_check_chat,
    messages=lambda body: body["messages"],
    schema=_chat_schema,
    answer=_chat_answer,
    error=_openai_error,
    empty={"id": "chatcmpl-0", "object": "chat.completion", "model": "m", "choices": [], "usage": None},
    limit_headers=_openai_limit_headers,
    limited=_OPENAI_LIMITED,
    exhausted=_OPENAI_EXHAUSTED,
    overloaded=_OPENAI_OVERLOADED,
)


# --- OpenAI: embeddings


def _check_embeddings(body: Body) -> Problem | None:
    texts = _texts_to_embed(body)
    if not texts or not all(isinstance(text, str) for text in texts):
        return Problem(400, "'$.input' is invalid. Please check the API reference.", None, "input")
    if "" in texts:
        return Problem(400, "Input cannot be an empty string.", None, "input")
    if body.get("encoding_format", "float") not in {"float", "base64"}:
        return Problem(400, "Invalid value for 'encoding_format'.", "invalid_value", "encoding_format")
    return None


def _texts_to_embed(body: Body) -> list[Any]:
    given = body.get("input")
    return given if isinstance(given, list) else [given]


def _embeddings_answer(body: Body, reply: Reply) -> Body:
    texts = _texts_to_embed(body)
    data = [
        {"object": "embedding", "index": index, "embedding": _embedding(text, body)} for index, text in enumerate(texts)
    ]
    tokens = sum(len(text.split()) for text in texts)
    return {
        "object": "list",
        "data": [*reversed(data)],  # only the index says whose each is
        "model": f"{body['model']}-2026-01-01",
        "usage": reply.usage if reply.usage is not None else {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _embedding(text: str, body: Body) -> Any:
    vector = word_vector(text, body.get("dimensions", DIMENSIONS))
    if body.get("encoding_format") != "base64":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


EMBEDDINGS: Final = Api(
    name="embeddings",
    check=_check_embeddings,
    messages=lambda body: [{"role": "user", "content": "\n".join(_texts_to_embed(body))}],
    schema=lambda _: None,
    answer=_embeddings_answer,
    error=_openai_error,
    empty={"object": "list", "model": "m", "data": [], "usage": None},
    limit_headers=_openai_limit_headers,
    limited=_OPENAI_LIMITED,
    exhausted=_OPENAI_EXHAUSTED,
    overloaded=_OPENAI_OVERLOADED,
)


# --- OpenAI: Responses


def _check_responses(body: Body) -> Problem | None:
    if isinstance(body.get("input"), str):
        return None
    roles = frozenset({"system", "developer", "user", "assistant"})
    unknown = next((name for name in ("messages", "response_format", "max_tokens") if name in body), None)
    if unknown:
        return Problem(400, f"Unsupported parameter: '{unknown}'.", "unsupported_parameter", unknown)
    return (
        _check_messages(body, "input", roles)
        or _check_tools(body, lambda tool: bool(tool.get("type")) and bool(tool.get("name")))
        or _check_responses_format(body.get("text", {}).get("format"))
    )


def _check_responses_format(text_format: Any) -> Problem | None:
    if text_format is None or text_format.get("type") in {"text", "json_object"}:
        return None
    if text_format.get("type") == "json_schema" and text_format.get("name") and "schema" in text_format:
        return None
    return Problem(400, "Missing required parameter: 'text.format.name'.", "missing_required_parameter", "text")


def _responses_schema(body: Body) -> Body | None:
    schema: Body | None = body.get("text", {}).get("format", {}).get("schema")
    return schema


def _responses_messages(body: Body) -> list[Body]:
    given = body["input"]
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


def _responses_output(body: Body, reply: Reply) -> list[Body]:
    chances = [*reply.logprobs] if "message.output_text.logprobs" in body.get("include", []) else []
    output: list[Body] = [{"id": _next_id("rs_"), "type": "reasoning", "summary": []}]
    parts: list[Body] = []
    if reply.text:
        parts.append({"type": "output_text", "text": reply.text, "annotations": [], "logprobs": chances})
    if reply.refusal is not None:
        parts.append({"type": "refusal", "refusal": reply.refusal})
    if parts:
        message = {"type": "message", "role": "assistant", "status": "completed", "content": parts}
        output.append({"id": _next_id("msg_"), **message})
    for name, arguments in reply.tool_calls:
        call = {"type": "function_call", "call_id": _next_id("call_"), "name": name, "arguments": arguments}
        output.append({"id": _next_id("fc_"), "status": "completed", **call})
    return output


def _responses_answer(body: Body, reply: Reply) -> Body:
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    reason = reasons.get(reply.finish)
    prompt, completion = _words(_responses_messages(body)), len(reply.text.split())
    usage = {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + completion,
    }
    return {
        "id": _next_id("resp_"),
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "incomplete" if reason else "completed",
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "model": f"{body['model']}-2026-01-01",
        "output": _responses_output(body, reply),
        "parallel_tool_calls": True,
        "usage": reply.usage if reply.usage is not None else usage,
    }


RESPONSES: Final = Api(
    name="responses",
    check=_check_responses,
    messages=_responses_messages,
    schema=_responses_schema,
    answer=_responses_answer,
    error=_openai_error,
    empty={"id": "resp_0", "object": "response", "status": "completed", "error": None, "model": "m", "output": None},
    limit_headers=_openai_limit_headers,
    limited=_OPENAI_LIMITED,
    exhausted=_OPENAI_EXHAUSTED,
    overloaded=_OPENAI_OVERLOADED,
)


# --- Anthropic: Messages


def _check_anthropic(body: Body) -> Problem | None:
    for name in ("max_tokens", "messages"):
        if name not in body:
            return Problem(400, f"{name}: Field required")
    if not body["messages"]:
        return Problem(400, "messages: at least one message is required")
    for name in ("response_format", "max_completion_tokens"):
        if name in body:
            return Problem(400, f"{name}: Extra inputs are not permitted")
    return (
        _check_messages(body, "messages", frozenset({"user", "assistant"}))
        or _check_tools(body, lambda tool: bool(tool.get("name")) and ("input_schema" in tool or "type" in tool))
        or _check_anthropic_choices(body)
    )


def _check_anthropic_choices(body: Body) -> Problem | None:
    choice, output_format = body.get("tool_choice", {}), body.get("output_config", {}).get("format")
    if not isinstance(choice, dict):
        return Problem(400, "tool_choice: Input should be an object")
    if output_format is not None and not isinstance(output_format.get("schema"), dict):
        return Problem(400, "output_config.format.schema: Field required")
    return None


def _anthropic_schema(body: Body) -> Body | None:
    schema: Body | None = body.get("output_config", {}).get("format", {}).get("schema")
    return schema


def _anthropic_content(reply: Reply) -> list[Body]:
    content: list[Body] = [{"type": "text", "text": reply.text}] if reply.text else []
    for name, arguments in reply.tool_calls:
        call = {"type": "tool_use", "id": _next_id("toolu_"), "name": name, "input": json.loads(arguments)}
        content.append(call)
    return content


def _anthropic_answer(body: Body, reply: Reply) -> Body:
    reasons = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
    usage = {
        "input_tokens": _words(body["messages"]) + len(_text_of(body.get("system", "")).split()),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": len(reply.text.split()),
        "service_tier": "standard",
    }
    refused = {"type": "refusal", "category": None, "explanation": reply.refusal}
    return {
        "id": _next_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": f"{body['model']}-20260101",
        "content": _anthropic_content(reply),
        "stop_reason": "refusal" if reply.refusal else reasons.get(reply.finish, reply.finish),
        "stop_sequence": None,
        "stop_details": refused if reply.refusal else None,
        "usage": reply.usage if reply.usage is not None else usage,
    }


def _anthropic_error(problem: Problem) -> Body:
    kinds = {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        429: "rate_limit_error",
        529: "overloaded_error",
    }
    kind = kinds.get(problem.status, "api_error")
    error = {"type": kind, "message": problem.message}
    return {"type": "error", "error": error, "request_id": _next_id("req_")}


def _anthropic_limit_headers(limit: int, remaining: int, seconds: float) -> dict[str, str]:
    reset = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    return {
        "anthropic-ratelimit-requests-limit": str(limit),
        "anthropic-ratelimit-requests-remaining": str(remaining),
        "anthropic-ratelimit-requests-reset": reset.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


MESSAGES: Final = Api(
    name="messages",
    check=_check_anthropic,
    messages=lambda body: body["messages"],
    schema=_anthropic_schema,
    answer=_anthropic_answer,
    error=_anthropic_error,
    empty={"id": "msg_0", "type": "message", "role": "assistant", "model": "m", "content": None, "stop_reason": None},
    limit_headers=_anthropic_limit_headers,
    limited=Problem(429, "This request would exceed your organization's rate limit."),
    exhausted=Problem(
        400,
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or "
        "purchase credits.",
    ),
    overloaded=Problem(529, "Overloaded"),
)


def instance_of(schema: Body, text: str) -> Any:
    """Return data that a simple JSON Schema allows; every text in it is ``text``."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return {name: instance_of(part, text) for name, part in schema.get("properties", {}).items()}
    if schema.get("type") == "array":
        return [instance_of(schema.get("items", {}), text)]
    return {"number": 0.5, "integer": 1, "boolean": True, "null": None}.get(schema.get("type", "string"), text)
