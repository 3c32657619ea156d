"""Recorded conversations as the input of a case: chat messages, with calls and results of tools among them.

They are in the form of OpenAI's chat completions, or near to it: traces hold keys of their own, which are let be.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any, Final

from pytest_promptevals.errors import PromptError, did_you_mean
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Message

ROLES: Final = ("system", "developer", "user", "assistant")
"""Roles of messages that a model can be asked with."""
_TOOL_ROLES: Final = ("tool", "function")
_SAID: Final = ("content", "tool_calls", "function_call", "refusal", "audio")
"""Keys of which a message has at least one."""
_KEYS: Final = ("role", *_SAID, "name", "tool_call_id")
_ALIKE: Final = 0.75
"""From here on a key reads as another one that was mistyped."""


def read_messages(value: Json) -> list[Mapping[str, Json]]:
    """Return the messages that a value is meant to be; none for other data.

    They are mappings, of which one has a role and says something. One that has only a role is enough if it is that of a
    chat; other data has roles, too.
    """
    items = value if isinstance(value, list) else []
    messages = [item for item in items if isinstance(item, dict)]
    is_chat = any("role" in item and ("content" in item or item["role"] in ROLES) for item in messages)
    return [*messages] if is_chat and len(messages) == len(items) else []


def has_tools(value: Json) -> bool:
    """Return whether calls or results of tools are among the messages that a value is."""
    return any("tool_calls" in message or message.get("role") in _TOOL_ROLES for message in read_messages(value))


def check_messages(value: Json) -> None:
    """Raise ``PromptError`` for the first recorded message that is none; other data than messages is no error."""
    for number, message in enumerate(read_messages(value), start=1):
        try:
            _check_message(message)
        except ValueError as error:
            raise PromptError(f"input: message {number}: {error}") from None


def show_messages(value: Json) -> tuple[Message, ...]:
    """Return recorded messages as text for the eyes of a reader; none if the value is other data."""
    return tuple(Message(_shown_role(message), _shown_text(message)) for message in read_messages(value))


def _check_message(message: Mapping[str, Any]) -> None:
    for key in message:
        if key not in _KEYS:
            _check_key(key, message)
    known = (*ROLES, *_TOOL_ROLES)
    if message.get("role") not in known:
        hint = did_you_mean(str(message.get("role")), known)
        raise ValueError(f"role {message.get('role')!r} is none of a chat.{hint}")
    if not any(key in message for key in _SAID):
        raise ValueError("it says nothing: it has neither 'content' nor 'tool_calls'")
    _check_calls(message.get("tool_calls"))


def _check_key(key: str, message: Mapping[str, Any]) -> None:
    close = difflib.get_close_matches(key, _KEYS, n=1, cutoff=_ALIKE)
    if close and close[0] not in message:
        raise ValueError(f"unknown key {key!r}. Did you mean {close[0]!r}?")


def _check_calls(calls: object) -> None:
    if calls is None:
        return
    if not isinstance(calls, list):
        raise ValueError("tool_calls is no list")  # noqa: TRY004 - the caller handles one type
    for number, call in enumerate(calls, start=1):
        if _function_of(call) is None:
            raise ValueError(f"tool call {number} names no tool; write {{function: {{name, arguments}}}}")


def _function_of(call: object) -> Mapping[str, Any] | None:
    """Return what holds the name and the arguments of a call."""
    function = call.get("function", call) if isinstance(call, dict) else None
    return function if isinstance(function, dict) and isinstance(function.get("name"), str) else None


def _shown_role(message: Mapping[str, Any]) -> str:
    name = message.get("name") or message.get("tool_call_id")
    return f"{message.get('role')} ({name})" if isinstance(name, str) else str(message.get("role"))


def _shown_text(message: Mapping[str, Any]) -> str:
    calls = [_shown_call(call) for call in message.get("tool_calls") or ()]
    content = message.get("content")
    return "\n".join([*([] if content is None else [_text(content)]), *calls])


def _shown_call(call: object) -> str:
    function = _function_of(call)
    return _text(call) if function is None else f"called {function['name']}({_text(function.get('arguments'))})"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
