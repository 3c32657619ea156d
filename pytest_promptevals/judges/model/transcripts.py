"""Conversations as a judge model is shown them: numbered turns, with the tools that were called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.model.prompting import show_data, show_question, show_response
from pytest_promptevals.records.json_types import Json

ASSISTANT: Final = "assistant"
"""The role whose turns are judged."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said."""

    role: str
    """``system``, ``user``, ``assistant``, ``tool`` or any other word of the data."""
    text: str
    """Its words, and the tools that it called."""
    name: str = ""
    """Who or what it was, where the data says so: the tool that returned a result."""


def read_turns(subject: JudgeInput) -> list[Turn]:
    """Return all turns, of which the last one is the response.

    They are the case's input where that is a list of messages, or else the rendered prompt, or else one turn of the
    user's. Messages may be in the form of OpenAI's chat completions, with ``tool_calls`` and those of the role
    ``tool``, and their contents in parts.
    """
    return [*_turns_before(subject), Turn(ASSISTANT, show_response(subject.response))]


def _turns_before(subject: JudgeInput) -> list[Turn]:
    messages = read_messages(subject.case.input)
    if messages:
        return [_read_turn(message) for message in messages]
    if subject.prompt is not None and subject.prompt.messages:
        return [Turn(message.role, message.content) for message in subject.prompt.messages]
    question = show_question(subject)
    return [] if question is None else [Turn("user", question)]


def read_messages(value: Json) -> list[Mapping[str, Json]]:
    """Return the messages that a value is a list of; none if it is anything else."""
    items = value if isinstance(value, list) else []
    messages = [item for item in items if isinstance(item, dict) and isinstance(item.get("role"), str)]
    return list(messages) if len(messages) == len(items) else []


def _read_turn(message: Mapping[str, Any]) -> Turn:
    parts = [_read_content(message.get("content")), *(_read_call(call) for call in message.get("tool_calls") or ())]
    name = message.get("name") or message.get("tool_call_id")
    text = "\n".join(part for part in parts if part)
    return Turn(str(message["role"]), text, name if isinstance(name, str) else "")


def _read_content(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, list):
        texts = [part.get("text") if isinstance(part, dict) else part for part in content]
        return "\n".join(
            text if isinstance(text, str) else show_data(part) for text, part in zip(texts, content, strict=True)
        )
    return show_data(content)


def _read_call(call: Any) -> str:
    function = call.get("function", call) if isinstance(call, dict) else {}
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return f"Call of a tool: {show_data(call)}"
    return f"Call of the tool {function['name']} with {show_data(function.get('arguments'))}"


def show_turns(turns: Sequence[Turn]) -> str:
    """Return turns as a passage shows them, each with its number and role."""
    return "\n\n".join(_show_turn(number, turn) for number, turn in enumerate(turns, start=1))


def _show_turn(number: int, turn: Turn) -> str:
    who = f"{turn.role} ({turn.name})" if turn.name else turn.role
    return f"[Turn {number}, {who}]\n{turn.text}"
