"""Examples of OpenAI's fine-tuning of chat models: conversations that end with the answer that is wanted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.datasets.importers.counting import CountedLosses, put_note
from pytest_promptevals.datasets.importers.drafting import (
    ROLES,
    TOOLS_IN_CHAT,
    read_content,
    share_judges,
    share_prompt,
)
from pytest_promptevals.datasets.importers.foreign import Fields, Losses, read_records
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.drafts import Draft, ImportRequest
from pytest_promptevals.records.json_types import Json

FIELDS: Final[Mapping[str, str]] = {
    "messages": "what comes before the last answer of the assistant's is the `input`, that answer is `expected`",
    "messages.role": "kept; a conversation with results of tools before the answer is left out, and named",
    "messages.content": "kept; parts of text are joined. A row with images, sounds or files is left out, and named",
    "messages.name": "left out, and named",
    "messages.weight": "an answer with weight 0 is not taken as `expected`",
    "messages.tool_calls": "of the last answer: `expected`, judged by `tool_calls`; of others: see `messages.role`",
    "messages.function_call": "as `tool_calls`",
    "messages.refusal": "of the last answer: judged by `refusal`; its words become `metadata`",
    "messages.audio": "left out, and named",
    "messages.tool_call_id": "belongs to results of tools: see `messages.role`",
    "tools": "`parameters` of the eval file, where they are the same in all rows",
    "parallel_tool_calls": "`parameters` of the eval file, where it is the same in all rows",
    "functions": "`tools` among the `parameters`",
    "input.messages": "the `input`",
    "input.tools": "as `tools`",
    "input.parallel_tool_calls": "as `parallel_tool_calls`",
    "preferred_output": "the last answer of it is `expected`",
    "non_preferred_output": "`metadata`",
    "metadata": "`metadata`; so are all other fields of a row",
}
"""Fields of a row, and what becomes of them."""
_WHY_FUZZY: Final = (
    "The rows say what a good answer is, not how to tell one: wording much like it is asked for. Where only what is "
    "said counts, 'factuality' or 'rubric' has a model decide."
)
_NO_NAMES: Final = "no names are sent with messages; left out"
_NO_ANSWER: Final = "no answer of the assistant's is wanted here, so nothing judges the case; give it judges"


class ChatImporter:
    """Reads rows with ``messages``, or with a preferred and another output."""

    description = "examples for the fine-tuning of chat models, as OpenAI has them, preferences too"

    def recognizes(self, request: ImportRequest) -> bool:
        """Return whether the first row is a conversation, or two answers to one."""
        sample = request.sample[0] if isinstance(request.sample, list) and request.sample else request.sample
        if not isinstance(sample, dict) or request.fields:
            return False
        asked = sample.get("input") if "preferred_output" in sample else sample
        return isinstance(asked, dict) and _is_chat(asked.get("messages"))

    def read(self, request: ImportRequest) -> Draft:
        """Return each conversation as a case."""
        losses = Losses()
        counted = CountedLosses(losses)
        rows = list(_read_rows(request, losses, counted))
        parameters = _share_parameters(rows, counted)
        counted.note()
        cases = [row.case for row in rows]
        prompt, judges = share_prompt(cases), share_judges(cases)
        written: dict[str, Json] = {"prompt": prompt, "parameters": parameters, "judges": judges}
        settings = {key: value for key, value in written.items() if value}
        comments = {"judges": _WHY_FUZZY} if judges == ["fuzzy"] else {}
        return Draft(settings, cases, losses.listed(), comments=comments)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row as a case."""

    source: Source
    """Where it stands."""
    case: dict[str, Json]
    """Keys of a case."""
    parameters: Mapping[str, Json]
    """Of the call, such as its tools."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """A message of a conversation."""

    message: Mapping[str, Json]
    """As it is written."""
    source: Source
    """Where it stands."""

    @property
    def is_wanted(self) -> bool:
        """Whether it is an answer that a model should give."""
        return self.message.get("role") == "assistant" and self.message.get("weight") != 0


def _is_chat(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) and "role" in item for item in value)


def _read_rows(request: ImportRequest, losses: Losses, counted: CountedLosses) -> Iterator[_Row]:
    for row, source in read_records(request.path, request.shown):
        if not isinstance(row, dict):
            losses.add(source, "the row is no mapping of fields; left out")
            continue
        with Fields(row, source, losses) as fields:
            read = _read_row(fields, losses, counted)
        if read is not None:
            yield read


def _read_row(fields: Fields, losses: Losses, counted: CountedLosses) -> _Row | None:
    if "preferred_output" in fields:
        with Fields(fields.take_mapping("input"), fields.part("input"), losses) as asked:
            turns, parameters = _take_turns(asked, "messages"), _take_parameters(asked)
        turns += _take_turns(fields, "preferred_output")
    else:
        turns, parameters = _take_turns(fields, "messages"), _take_parameters(fields)
    notes = _take_notes(fields, counted)
    place = max((index for index, turn in enumerate(turns) if turn.is_wanted), default=len(turns))
    asked_of = [_read_message(turn, losses, counted) for turn in turns[:place]]
    answer: dict[str, Json] | None = {}
    if place < len(turns):
        answer = _read_answer(turns[place], losses, counted)
    else:
        counted.add(fields.source, _NO_ANSWER)
    for turn in turns[place + 1 :]:
        losses.add(turn.source, "the message comes after the answer that is wanted; left out")
    if asked_of == []:
        losses.add(fields.source, "the row asks nothing; left out")
    if not asked_of or None in asked_of or answer is None:
        return None
    said = answer.get("metadata")
    for name, value in (said if isinstance(said, dict) else {}).items():
        put_note(notes, name, value, turns[place].source, counted)
    return _Row(fields.source, {"input": [*asked_of], **answer, "metadata": notes}, parameters)


def _take_turns(fields: Fields, name: str) -> list[_Turn]:
    messages, source = fields.take_list(name), fields.part(name)
    return [
        _Turn(message if isinstance(message, dict) else {"content": message}, source.part(index))
        for index, message in enumerate(messages)
    ]


def _take_parameters(fields: Fields) -> dict[str, Json]:
    tools = fields.take_list("tools")
    tools += [{"type": "function", "function": function} for function in fields.take_list("functions")]
    parallel = fields.take("parallel_tool_calls")
    return {**({"tools": tools} if tools else {}), **({} if parallel is None else {"parallel_tool_calls": parallel})}


def _take_notes(fields: Fields, counted: CountedLosses) -> dict[str, Json]:
    rejected = fields.take("non_preferred_output")
    metadata = fields.take("metadata")
    given = metadata if isinstance(metadata, dict) else {"metadata": metadata}
    notes: dict[str, Json] = {name: value for name, value in given.items() if value is not None}
    for name, value in {**fields.rest(), "non_preferred_output": _short_form(rejected)}.items():
        if value is not None:
            put_note(notes, name, value, fields.source, counted)
    return notes


def _short_form(messages: Json) -> Json:
    """Return the text of a single message; others as they are."""
    if not isinstance(messages, list) or len(messages) != 1 or not isinstance(messages[0], dict):
        return messages
    return read_content(messages[0].get("content")) or messages


def _read_message(turn: _Turn, losses: Losses, counted: CountedLosses) -> dict[str, Json] | None:
    with Fields(turn.message, turn.source, losses) as fields:
        role, content = fields.take("role"), read_content(fields.take("content"))
        fields.take("weight")
        calls = fields.take("tool_calls", "function_call")
        if fields.take("name"):
            counted.add(turn.source, _NO_NAMES, "name")
        if calls or role in ("tool", "function"):
            fields.rest()
            losses.add(turn.source, f"the conversation {TOOLS_IN_CHAT}")
            return None
    if role not in ROLES or content is None:
        losses.add(turn.source, "the message is no text of a role in a chat; the whole row is left out")
        return None
    return {"role": role, "content": content}


def _read_answer(turn: _Turn, losses: Losses, counted: CountedLosses) -> dict[str, Json] | None:
    """Return what is expected, and what judges it; ``None`` if it is nothing that can be told."""
    with Fields(turn.message, turn.source, losses) as fields:
        fields.take("role")
        fields.take("weight")
        if fields.take("name"):
            counted.add(turn.source, _NO_NAMES, "name")
        calls = [*fields.take_list("tool_calls"), *fields.take_list("function_call")]
        refusal, content = fields.take("refusal"), read_content(fields.take("content"))
        if calls:
            if content:
                losses.add(
                    turn.source, "is said beside the calls of tools, which alone are judged; left out", "content"
                )
            expected: list[Json] = [_read_call(call, turn.source, losses) for call in calls]
            return {"expected": expected, "judges": ["tool_calls"]}
    if refusal:
        return {"judges": ["refusal"], "metadata": {"refusal": refusal}}
    if not content:
        losses.add(turn.source, "the answer holds no text; the whole row is left out")
        return None
    return {"expected": content, "judges": ["fuzzy"]}


def _read_call(call: Json, source: Source, losses: Losses) -> Json:
    """Return the name of a tool with its arguments as data; without arguments, any will do."""
    function = call.get("function", call) if isinstance(call, dict) else None
    called = function if isinstance(function, dict) else {}
    given = called.get("arguments")
    try:
        arguments: Json = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        losses.add(source, f"the arguments of {called.get('name')!r} are no JSON; any arguments will do")
        arguments = None
    return {"name": called.get("name"), **({} if arguments is None else {"arguments": arguments})}


def _share_parameters(rows: Sequence[_Row], counted: CountedLosses) -> dict[str, Json]:
    """Return the parameters that all rows have; those that only some have are lost."""
    names = dict.fromkeys(name for row in rows for name in row.parameters)
    shared: dict[str, Json] = {}
    for name in names:
        values = [row.parameters.get(name) for row in rows]
        if all(value == values[0] for value in values):
            shared[name] = values[0]
            continue
        message = (
            f"{name} that only some rows have cannot hold for a whole eval file; left out. Import these on their own"
        )
        for row in rows:
            if name in row.parameters:
                counted.add(row.source, message)
    return shared
