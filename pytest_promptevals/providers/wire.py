"""What the wire formats have in common: reading the parts of an answer that may be missing or odd.

Servers that call themselves compatible leave fields out, send ``null`` for them or put something else there, so an
answer is read as plain JSON, and each field only where it has the type that it should have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from pytest_promptevals.errors import FileProblem, ProviderConfigError, ProviderError
from pytest_promptevals.files.strict_json import parse_json
from pytest_promptevals.providers.texts import clean_text
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response, TokenLogprob, ToolCall

JsonBody: TypeAlias = "dict[str, Json]"

_LEAST_LOGPROB: Final = math.log(1e-4)
"""Of the tokens that were not chosen, those less likely than that are not kept: an answer has thousands of them."""
_LOGPROB_DIGITS: Final = 5

_FINISH_REASONS: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "refusal": "content_filter",
}


class UnreadableAnswerError(ProviderError):
    """The server answered, with something that holds no response. The message continues a sentence about the server."""


@dataclass(frozen=True, slots=True)
class WireFormat:
    """How one API writes a request and its answer."""

    path: str
    """Appended to the base URL."""
    build_body: Callable[[Request], JsonBody]
    """Makes the request's JSON. Raises ``ProviderConfigError`` for parameters that cannot be sent."""
    read_body: Callable[[JsonBody], Response]
    """Makes a response, without its latency, of the answer's JSON. Raises ``UnreadableAnswerError``."""


def check_parameters(request: Request, refused: Mapping[str, str]) -> None:
    """Raise ``ProviderConfigError`` for a parameter that is set elsewhere; ``refused`` maps it to what to do."""
    for name in request.parameters:
        if name in refused:
            raise ProviderConfigError(f"the parameter {name!r} cannot be set; {refused[name]}")


def clean_json(value: Json) -> Json:
    """Return the data with all its texts cleaned."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [clean_json(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(key): clean_json(item) for key, item in value.items()}
    return value


def object_of(value: Json) -> JsonBody:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Json) -> list[JsonBody]:
    """Return the objects in a list; none if it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_of(value: Json) -> str | None:
    """Return the value, cleaned, if it is a text."""
    return clean_text(value) if isinstance(value, str) else None


def count_of(value: Json) -> int | None:
    """Return the value if it is a number of tokens."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def finish_reason_of(value: Json) -> str | None:
    """Return why the model stopped in OpenAI's words; a word that has no such counterpart stays."""
    reason = text_of(value)
    return None if reason is None else _FINISH_REASONS.get(reason, reason)


def tool_call_of(name: Json, arguments: Json, call_id: Json) -> ToolCall:
    """Return a tool call; arguments that are a text are parsed, and stay a text if they are no valid JSON."""
    return ToolCall(name=text_of(name) or "", arguments=_parse_arguments(arguments), id=text_of(call_id) or "")


def custom_call_of(name: Json, text: Json, call_id: Json) -> ToolCall:
    """Return a call of a custom tool, which takes plain text where a function takes JSON."""
    return ToolCall(name=text_of(name) or "", arguments=text_of(text), id=text_of(call_id) or "")


def _parse_arguments(arguments: Json) -> Json:
    if not isinstance(arguments, str):
        return clean_json(arguments)
    try:
        return parse_json(arguments, shown="arguments")
    except FileProblem:
        return clean_text(arguments)


def join_texts(parts: Collection[str | None]) -> str:
    """Return the texts of an answer's parts as one."""
    return "".join(part for part in parts if part)


def logprobs_of(value: Json) -> tuple[TokenLogprob, ...]:
    """Return the tokens of an answer with their log probabilities; none if one of them cannot be read."""
    tokens = tuple(_logprob_of(entry) for entry in objects_of(value))
    return tuple(token for token in tokens if token is not None) if None not in tokens else ()


def _logprob_of(entry: JsonBody) -> TokenLogprob | None:
    token, logprob = text_of(entry.get("token")), _finite(entry.get("logprob"))
    if token is None or logprob is None:
        return None
    others = [
        (text_of(other.get("token")), _finite(other.get("logprob"))) for other in objects_of(entry.get("top_logprobs"))
    ]
    top: dict[str, float] = {}
    for name, chance in others:
        if name is not None and chance is not None and chance >= _LEAST_LOGPROB:
            top[name] = max(chance, top.get(name, chance))
    return TokenLogprob(token, logprob, top)


def _finite(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return round(float(value), _LOGPROB_DIGITS)
