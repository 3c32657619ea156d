"""Conversations as a judge model is shown them: numbered turns, with the tools that were called."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.model.prompting import (
    Part,
    on_one_line,
    show_answer,
    show_calls,
    show_data,
    show_input,
    show_response,
)
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Response, ToolCall

ASSISTANT: Final = "assistant"
"""The role whose turns are judged."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said."""

    role: str
    """``system``, ``user``, ``assistant``, ``tool`` or any other word of the data."""
    text: str
    """Its words."""
    name: str = ""
    """Who or what it was, where the data says so: the tool that returned a result."""
    calls: tuple[ToolCall, ...] = ()
    """The tools that it called."""


def read_turns(subject: JudgeInput) -> list[Turn]:
    """Return all turns, of which the last one is the response.

    They are the case's input where that is a list of messages, or else the rendered prompt, or else one turn of the
    user's. Messages may be in the form of OpenAI's chat completions, with ``tool_calls`` and those of the role
    ``tool``, and their contents in parts.
    """
    said = show_response(dataclasses.replace(subject.response, tool_calls=()))
    return [*_turns_before(subject), Turn(ASSISTANT, said, calls=subject.response.tool_calls)]


def _turns_before(subject: JudgeInput) -> list[Turn]:
    messages = read_messages(subject.case.input)
    if messages:
        return [_read_turn(message) for message in messages]
    if subject.prompt is not None and subject.prompt.messages:
        return [Turn(message.role, message.content) for message in subject.prompt.messages]
    question = show_input(subject.case)
    return [] if question is None else [Turn("user", question)]


def read_messages(value: Json) -> list[Mapping[str, Json]]:
    """Return the messages that a value is a list of; none if it is anything else."""
    items = value if isinstance(value, list) else []
    messages = [item for item in items if isinstance(item, dict) and isinstance(item.get("role"), str)]
    return list(messages) if len(messages) == len(items) else []


def _read_turn(message: Mapping[str, Any]) -> Turn:
    name = message.get("name") or message.get("tool_call_id")
    calls = message.get("tool_calls")
    return Turn(
        str(message["role"]),
        _read_content(message.get("content")),
        name if isinstance(name, str) else "",
        tuple(_read_call(call) for call in (calls if isinstance(calls, list) else ())),
    )


def _read_content(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, list):
        texts = [part.get("text") if isinstance(part, dict) else part for part in content]
        return "\n".join(
            text if isinstance(text, str) else show_data(part) for text, part in zip(texts, content, strict=True)
        )
    return show_data(content)


def _read_call(call: Any) -> ToolCall:
    function = call.get("function", call) if isinstance(call, dict) else {}
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return ToolCall("(without a name)", call)
    return ToolCall(function["name"], function.get("arguments"))


def show_turns(turns: Sequence[Turn]) -> list[Part]:
    """Return turns as the parts of a passage, each with its number and role, and its calls of tools as further ones."""
    return [part for number, turn in enumerate(turns, start=1) for part in _show_turn(number, turn)]


def _show_turn(number: int, turn: Turn) -> list[Part]:
    who = f"Turn {number}, {on_one_line(turn.role)}"
    calls = show_calls(turn.calls, f"{who}, ")
    named = f"{who} ({on_one_line(turn.name)})" if turn.name else who
    return [*([Part(named, turn.text)] if turn.text or not calls else []), *calls]


def show_turn(turn: Turn) -> str | list[Part]:
    """Return one turn as a passage of its own."""
    return show_answer(Response(turn.text, turn.calls))
