"""What several importers do with what they read: texts kept literally, one prompt and judges for all cases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pytest_promptevals.records.json_types import Json

ROLES: Final = ("system", "developer", "user", "assistant")
"""Roles of messages that a model can be asked with."""
TOOLS_IN_CHAT: Final = (
    "has calls or results of tools in what is asked, which no model is asked with; left out. Record the answer as the "
    "case's 'output' to judge it"
)
"""What is said of a conversation with tools."""
INPUT: Final = "{{ input }}"
_MARKS: Final = ("{{", "{%", "{#")
_FILE_ENDINGS: Final = (".md", ".txt", ".j2", ".yaml", ".yml")
_INSTRUCTIONS: Final = ("system", "developer")


def literal(text: str) -> str:
    """Return a template that renders to that text."""
    if not any(mark in text for mark in _MARKS):
        return text
    # Jinja2 drops a line break behind a tag, and blanks before one that begins a line; all line ends become line feeds.
    is_changed = text.startswith("\n") or not text.rpartition("\n")[2].strip() or "\r" in text
    if is_changed or "endraw" in text:
        return "{{ " + json.dumps(text, ensure_ascii=False) + " }}"
    return "{% raw %}" + text + "{% endraw %}"


def literal_data(value: Json) -> Json:
    """Return data whose texts are templates that render to what they were."""
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, list):
        return [literal_data(item) for item in value]
    if isinstance(value, dict):
        return {key: literal_data(item) for key, item in value.items()}
    return value


def read_content(value: Json) -> str | None:
    """Return the text of a message: a text, or parts that are all texts. ``None`` for anything else."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value:
        return None
    texts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in value]
    return "\n".join(text for text in texts if isinstance(text, str)) if None not in texts else None


def share_judges(cases: Sequence[dict[str, Json]]) -> list[Json]:
    """Return the judges of all cases, and take them away from each; none if they differ."""
    listed = [case.get("judges") or [] for case in cases]
    first = listed[0] if listed else []
    if not isinstance(first, list) or not first or any(judges != first for judges in listed):
        return []
    for case in cases:
        del case["judges"]
    return list(first)


def share_prompt(cases: Sequence[dict[str, Json]]) -> list[Json]:
    """Return the instructions that all cases begin with as a prompt, and leave each case with its question.

    Cases are changed where they hold nothing but one message of the user's, or the same instructions before one. The
    prompt is empty where there are no instructions, or not the same.
    """
    heads, questions = [], []
    for case in cases:
        parts = _split(case.get("input"))
        if parts is None:
            return []
        heads.append(parts[0])
        questions.append(parts[1])
    if not heads or any(head != heads[0] for head in heads) or not all(map(_can_be_shared, heads[0])):
        return []
    for case, question in zip(cases, questions, strict=True):
        case["input"] = question
    if not heads[0]:
        return []
    shared: list[Json] = [{"role": message["role"], "content": literal(message["content"])} for message in heads[0]]
    return [*shared, {"role": "user", "content": INPUT}]


def _split(asked: Json) -> tuple[list[dict[str, Any]], str] | None:
    """Return the instructions and the question of chat messages; ``None`` for others, and for what is no chat."""
    if isinstance(asked, str):
        return [], asked
    if not isinstance(asked, list) or not asked:
        return None
    messages = [message for message in asked if isinstance(message, dict)]
    if len(messages) < len(asked) or messages[-1].get("role") != "user":
        return None
    head, question = messages[:-1], messages[-1].get("content")
    if not isinstance(question, str) or any(message.get("role") not in _INSTRUCTIONS for message in head):
        return None
    return head, question


def _can_be_shared(message: Mapping[str, Any]) -> bool:
    text = message["content"]
    is_file_name = "\n" not in text.strip() and text.strip().lower().endswith(_FILE_ENDINGS)
    # Of a prompt, the last line break is no part, and all line ends are line feeds.
    return not is_file_name and not text.endswith("\n") and "\r" not in text


def as_sentence(text: str) -> str:
    """Return criteria of somebody else's, kept literally, as those of a judge: no single word, no name of a file."""
    is_word = len(text.split()) == 1
    ends_as_file = text.strip().lower().endswith(_FILE_ENDINGS)
    return literal(f"The output meets this: {text.strip()}." if is_word or ends_as_file else text)
