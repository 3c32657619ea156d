"""What was asked and answered in a model call, as spans record it: in attributes, old and new, and in events."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_promptevals.datasets.importers.conversations import (
    Said,
    finish_word,
    is_conversation,
    parse_text,
    read_conversation,
    read_said,
)
from pytest_promptevals.datasets.importers.counting import CountedLosses
from pytest_promptevals.datasets.importers.trace_files import Event, Span
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.json_types import Json

INSTRUCTIONS: Final = "gen_ai.system_instructions"
ASKED: Final = "gen_ai.input.messages"
ANSWERED: Final = "gen_ai.output.messages"
_DETAILS: Final = "gen_ai.client.inference.operation.details"
_CONTENTS: Final = ("gen_ai.content.prompt", "gen_ai.content.completion")
CHOICE: Final = "gen_ai.choice"
_MESSAGE: Final = re.compile(r"gen_ai\.(system|user|assistant|tool)\.message")
_NUMBERED: Final = re.compile(r"gen_ai\.(prompt|completion)\.(\d+)\.(\w+)(?:\.(\d+)\.(\w+))?")
_PLAIN: Final = ("gen_ai.prompt", "gen_ai.completion")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One model call."""

    asked: Sequence[Said]
    """The conversation that the model was asked with."""
    answers: Sequence[Said]
    """Its answers: one, unless several choices were asked for."""


def read_exchange(span: Span, counts: CountedLosses) -> Exchange:
    """Take what was said away from a span's attributes and events. Of several forms of it the newest counts."""
    instructions = _read_list(span.attributes.pop(INSTRUCTIONS, None))
    system = [read_said({"role": "system", "parts": instructions}, span.source, counts)] if instructions else []
    forms = [
        ((ASKED, ANSWERED), _from_attributes(span)),
        (("events", "events"), _from_events(span)),
        (_PLAIN, _from_numbers(span)),
        (_PLAIN, _from_texts(span)),
    ]
    asked, answers = ([(names[side], form[side]) for names, form in forms if form[side]] for side in (0, 1))
    if len(asked) > 1 or len(answers) > 1:
        counts.add(span.source, "the same is recorded in an older form, too, which is left out")
    return Exchange(
        [*system, *_read_first(asked, "user", span.source, counts)],
        _read_first(answers, "assistant", span.source, counts),
    )


def has_messages(attributes: Mapping[str, Json]) -> bool:
    """Return whether attributes hold a prompt or an answer in any form."""
    return any(name in (ASKED, ANSWERED, *_PLAIN) or _NUMBERED.fullmatch(name) for name in attributes)


def merge_details(span: Span, counts: CountedLosses) -> None:
    """Put the attributes of events that stand for attributes of the span to these."""
    for event in [event for event in span.events if event.name in (_DETAILS, *_CONTENTS)]:
        span.add_attributes(event.attributes, event.source, counts)
        span.events.remove(event)


def _from_attributes(span: Span) -> tuple[list[Json], list[Json]]:
    return _read_list(span.attributes.pop(ASKED, None)), _read_list(span.attributes.pop(ANSWERED, None))


def _from_events(span: Span) -> tuple[list[Json], list[Json]]:
    asked: list[Json] = []
    answers: list[Json] = []
    for event in [event for event in span.events if event.name == CHOICE or _MESSAGE.fullmatch(event.name)]:
        span.events.remove(event)
        if event.name == CHOICE:
            answers.append(_read_choice(event))
        else:
            asked.append(_read_event(event))
    return asked, answers


def _read_event(event: Event) -> Json:
    said = _body_of(event)
    role = event.name.split(".")[1]
    call_id = {"tool_call_id": said.pop("id")} if role == "tool" and "id" in said else {}
    # The role as the API calls it may be any word, such as 'customer'; the name of the event is one of four.
    return {**said, **call_id, "role": role, "content": _without_json(said.get("content"))}


def _read_choice(event: Event) -> Json:
    said = _body_of(event)
    said.pop("index", None)
    message = parse_text(said.pop("message", None))
    inner: Mapping[str, Json] = message if isinstance(message, dict) else {"content": message}
    return {**said, **{key: value for key, value in inner.items() if value is not None}, "role": "assistant"}


def _body_of(event: Event) -> dict[str, Any]:
    content = parse_text(event.attributes.get("gen_ai.event.content"))
    given = content if isinstance(content, dict) else event.attributes
    return {name: value for name, value in given.items() if "." not in name}


def _from_numbers(span: Span) -> tuple[list[Json], list[Json]]:
    """Return the messages of attributes such as ``gen_ai.prompt.0.content``."""
    sides: dict[str, dict[int, dict[str, Any]]] = {"prompt": {}, "completion": {}}
    for name in list(span.attributes):
        if match := _NUMBERED.fullmatch(name):
            side, index, key, number, part = match.groups()
            message = sides[side].setdefault(int(index), {})
            value = span.attributes.pop(name)
            if number is None:
                message[key] = _without_json(value) if key == "content" else value
            else:
                message.setdefault(key, {}).setdefault(int(number), {})[part] = value
    return _in_order(sides["prompt"]), _in_order(sides["completion"])


def _in_order(messages: Mapping[int, Mapping[str, Any]]) -> list[Json]:
    return [
        {
            key: [value[number] for number in sorted(value)] if isinstance(value, dict) else value
            for key, value in messages[index].items()
        }
        for index in sorted(messages)
    ]


def _from_texts(span: Span) -> tuple[list[Json], list[Json]]:
    prompt, completion = (_read_list(span.attributes.pop(name, None)) for name in _PLAIN)
    return prompt, completion


def _read_list(value: Json) -> list[Json]:
    """Return messages, or parts of one: a list, a text that holds it as JSON, or a single one."""
    data = parse_text(value)
    if isinstance(data, dict) and isinstance(data.get("messages"), list):
        data = data["messages"]
    if isinstance(data, list):
        return data
    return [] if data in (None, "") else [data]


def _without_json(value: Json) -> Json:
    """Return parts of a message that stand in a text as JSON; any other text as it is."""
    data = parse_text(value)
    is_parts = isinstance(data, list) and all(isinstance(part, dict) and "type" in part for part in data)
    return data if is_parts and data else value


def _read_first(
    forms: Sequence[tuple[str, Sequence[Json]]], role: str, whole: Source, counts: CountedLosses
) -> list[Said]:
    """Return what the messages of the first form say; ``role`` is whose they are where they name nobody's."""
    name, messages = forms[0] if forms else ("", [])
    source = whole.part(name)
    named: list[Json] = [
        {"role": role, **message} if isinstance(message, dict) else {"role": role, "content": message}
        for message in messages
    ]
    if named and is_conversation(named):
        return read_conversation(named, source, counts)
    for message in named:
        if isinstance(message, dict) and not is_conversation([message]):
            counts.add(source, f"the role {message['role']!r} of a message is none of a chat; {role!r} stands for it")
            message["role"] = role
    return read_conversation(named, source, counts)


def reason_of(attributes: dict[str, Json]) -> str | None:
    """Take why the model stopped away from attributes; of several choices it is that of the first."""
    reasons = _read_list(attributes.pop("gen_ai.response.finish_reasons", None))
    return finish_word(reasons[0]) if reasons else None
