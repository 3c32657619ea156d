"""Messages as other tools record them -> chat messages as input of a case, and answers as its output.

Known are the messages of OpenAI, of LangChain (``type``, ``data``), and of OpenTelemetry (``parts``).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_promptevals.datasets.importers.counting import CountedLosses, is_empty
from pytest_promptevals.datasets.importers.drafting import TOOLS_IN_CHAT
from pytest_promptevals.datasets.importers.foreign import Fields
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import FileProblem
from pytest_promptevals.files.strict_json import parse_json
from pytest_promptevals.records.json_types import Json

_ROLES: Final[Mapping[str, str]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "human": "user",
    "ai": "assistant",
    "model": "assistant",
    "function": "tool",
    "SystemMessage": "system",
    "HumanMessage": "user",
    "AIMessage": "assistant",
    "AIMessageChunk": "assistant",
    "ToolMessage": "tool",
    "FunctionMessage": "tool",
}
"""What roles are called elsewhere -> our word."""
_FINISHED: Final[Mapping[str, str]] = {
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "safety": "content_filter",
    "refusal": "content_filter",
}
"""Why a model stopped, in the words of other APIs -> in OpenAI's."""
_WRAPPING: Final = ("data", "kwargs", "lc", "id", "type")
"""Keys of a message of LangChain around its data."""


@dataclass(slots=True)
class Said:
    """What one message says."""

    role: str
    """Whose it is, in our words."""
    texts: list[str] = field(default_factory=list)
    """Its texts."""
    calls: list[dict[str, Json]] = field(default_factory=list)
    """Tools that it asks for: name, arguments and id, as in a recorded output."""
    results: list[dict[str, Json]] = field(default_factory=list)
    """Results of tools, as chat messages."""
    call_id: str = ""
    """The call that it is the result of."""
    name: str = ""
    """The tool whose result it is."""
    finish_reason: str | None = None
    """Why the model stopped, in OpenAI's words."""
    is_partial: bool = False
    """Whether it has parts beside that are no text, such as images."""

    def as_messages(self) -> list[dict[str, Json]]:
        """Return it as chat messages: results of tools are messages of their own."""
        message: dict[str, Json] = {"role": self.role}
        if self.name:
            message["name"] = self.name
        if self.call_id:
            message["tool_call_id"] = self.call_id
        if self.texts or not (self.calls or self.results):
            message["content"] = "\n".join(self.texts)
        if self.calls:
            message["tool_calls"] = [_as_function(call) for call in self.calls]
        return [*self.results, *([message] if self.texts or self.calls or not self.results else [])]

    def as_output(self) -> dict[str, Json]:
        """Return it as a recorded output."""
        found: dict[str, Json] = {
            "text": "\n".join(self.texts),
            "tool_calls": [*self.calls],
            "finish_reason": self.finish_reason,
        }
        return {key: value for key, value in found.items() if value}


def finish_word(reason: Json) -> str | None:
    """Return why a model stopped in OpenAI's words, where they have one for it."""
    if not isinstance(reason, str) or not reason:
        return None
    return _FINISHED.get(reason.lower(), reason.lower())


def parse_text(value: Json) -> Json:
    """Return the data of a text that holds a JSON list or object, and anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        with contextlib.suppress(FileProblem):
            return parse_json(value, "")
    return value


def is_conversation(value: Json) -> bool:
    """Return whether a value is a list of messages in one of the known forms."""
    return isinstance(value, list) and bool(value) and all(_role_of(item) is not None for item in value)


def read_conversation(value: Sequence[Json], source: Source, counts: CountedLosses) -> list[Said]:
    """Return what the messages of a list say. What has no equivalent is counted as lost."""
    return [read_said(message, source.part(index), counts) for index, message in enumerate(value)]


def read_said(message: Json, source: Source, counts: CountedLosses) -> Said:
    """Return what one message in one of the known forms says."""
    data: dict[str, Json] = message if isinstance(message, dict) else {"content": message}
    with Fields(_unwrapped(data), source, counts.losses) as fields:
        return _read_fields(fields, _role_of(data) or "user", counts)


def as_input(said: Sequence[Said]) -> Json:
    """Return the input of a case: a text where there is nothing but one of the user's, else chat messages."""
    messages = [message for item in said for message in item.as_messages()]
    if len(messages) == 1 and messages[0].keys() == {"role", "content"} and messages[0]["role"] == "user":
        return messages[0]["content"]
    return [*messages]


def as_data(value: Json) -> Json:
    """Return an input that is no conversation: a list as JSON, since a list as input is a conversation here."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def uses_tools(said: Sequence[Said]) -> bool:
    """Return whether calls or results of tools are in a conversation: no model can be asked with it."""
    return any(item.calls or item.results or item.role == "tool" for item in said)


def why_not_asked(said: Sequence[Said]) -> str | None:
    """Return why no model can be asked with a conversation; ``None`` if one can."""
    if uses_tools(said):
        return f"the conversation {TOOLS_IN_CHAT}"
    if any(item.is_partial for item in said):
        return "without its images or files the conversation would ask something else; left out"
    return None


def _role_of(message: Json) -> str | None:
    if not isinstance(message, dict):
        return None
    named = message.get("role", message.get("type"))
    if named == "constructor" and isinstance(message.get("id"), list):
        named = (message["id"] or [None])[-1]  # type: ignore[index]
    return _ROLES.get(named) if isinstance(named, str) else None


def _unwrapped(message: Mapping[str, Any]) -> dict[str, Json]:
    inner = message.get("data", message.get("kwargs"))
    if not isinstance(inner, dict):
        return dict(message)
    return {**{key: value for key, value in message.items() if key not in _WRAPPING}, **inner}


def _read_fields(fields: Fields, role: str, counts: CountedLosses) -> Said:
    fields.take("role")
    fields.take("type")
    said = Said(role, finish_reason=finish_word(fields.take("finish_reason")))
    said.name, said.call_id = fields.take_text("name"), fields.take_text("tool_call_id")
    if said.name and role != "tool":
        counts.add(fields.source, "no names are sent with messages; left out", "name")
        said.name = ""
    for key in ("parts", "content"):
        _read_content(fields.take(key), said, fields.part(key), counts)
    for key in ("tool_calls", "function_call"):
        calls = parse_text(fields.take(key))
        for call in calls if isinstance(calls, list) else [calls]:
            _read_call(call, said, fields.part(key), counts)
    for key, value in fields.rest().items():
        if not is_empty(value):
            counts.add(fields.source, f"{key!r} of a message is left out", key)
    return said


def _read_content(content: Json, said: Said, source: Source, counts: CountedLosses) -> None:
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            said.texts += [part] if part else []
        elif isinstance(part, dict):
            _read_part(part, said, source, counts)
        elif part is not None:
            said.texts.append(json.dumps(part))


def _read_part(part: dict[str, Json], said: Said, source: Source, counts: CountedLosses) -> None:
    kind = part.get("type")
    if kind in ("text", "input_text", "output_text"):
        text = part.get("text", part.get("content"))
        said.texts += [text] if isinstance(text, str) and text else []
    elif kind in ("tool_call", "tool_use", "function"):
        _read_call(part, said, source, counts)
    elif kind in ("tool_call_response", "tool_result"):
        said.results.append(_read_result(part))
    elif kind is None:
        said.texts.append(json.dumps(part, ensure_ascii=False))
    else:
        said.is_partial = True
        counts.add(source, f"a part of a message is {kind!r}, which is no text and no call of a tool; left out")


def _read_call(call: Json, said: Said, source: Source, counts: CountedLosses) -> None:
    if call is None:
        return
    function = call.get("function", call) if isinstance(call, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict) or not isinstance(name, str) or not name:
        counts.add(source, "a call names no tool; left out")
        return
    given = next((function[key] for key in ("arguments", "args", "input") if key in function), None)
    found: dict[str, Json] = {"name": name, "arguments": parse_text(given), "id": call.get("id")}
    said.calls.append({key: value for key, value in found.items() if value is not None and value != ""})


def _read_result(part: Mapping[str, Json]) -> dict[str, Json]:
    answer = next((part[key] for key in ("response", "result", "content") if key in part), "")
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    call_id = part.get("id", part.get("tool_use_id"))
    return {"role": "tool", **({"tool_call_id": call_id} if call_id else {}), "content": text}


def _as_function(call: Mapping[str, Json]) -> Json:
    function = {key: call[key] for key in ("name", "arguments") if key in call}
    return {**({"id": call["id"]} if "id" in call else {}), "function": function}
