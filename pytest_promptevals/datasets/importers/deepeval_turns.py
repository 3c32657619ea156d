"""Turns of DeepEval's conversations -> chat messages, and the answer that is judged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.datasets.importers.conversations import Said, as_input, parse_text, uses_tools
from pytest_promptevals.datasets.importers.counting import CountedLosses, is_empty
from pytest_promptevals.datasets.importers.deepeval_values import add_note, read_passages, read_tools, snake_fields
from pytest_promptevals.datasets.importers.drafting import TOOLS_IN_CHAT
from pytest_promptevals.datasets.importers.foreign import Fields
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.json_types import Json

_NO_TURNS: Final = "there are no turns, and nothing here plays the user: write the conversation as input"


def read_turns(fields: Fields, case: dict[str, Json], scenario: str, counts: CountedLosses) -> list[str] | None:
    """Put a conversation into a case, and return what was retrieved for its last answer; ``None`` if it is no case."""
    turns, source = parse_text(fields.take("turns")), fields.part("turns")
    if is_empty(turns):
        case.update(input=scenario, skip=_NO_TURNS)
        counts.add(fields.source, f"{_NO_TURNS}; the case is skipped", "turns")
        return []
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        counts.losses.add(fields.source, "is no list of turns; the golden is left out", "turns")
        return None
    add_note(case, "scenario", scenario)
    read = [_read_turn(turn, source.part(index), counts) for index, turn in enumerate(turns) if isinstance(turn, dict)]
    answer = read.pop() if read[-1].role == "assistant" else None
    for turn in read:
        turn.lose_rest(counts)
    asked = [said for turn in read for said in turn.as_said()]
    if answer is None and uses_tools(asked):
        counts.losses.add(fields.source, f"the conversation {TOOLS_IN_CHAT}", "turns")
        return None
    case["input"] = as_input(asked) if asked else scenario
    return [] if answer is None else _record(answer, case, counts)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A turn of a conversation."""

    role: str
    """``user`` or ``assistant``."""
    text: str
    """What is said."""
    tools: Sequence[dict[str, Json]]
    """Calls of tools, with what they gave as ``output``."""
    passages: list[str]
    """What was retrieved."""
    latency: float | None
    """Seconds."""
    source: Source
    """Where it stands."""

    def as_said(self) -> list[Said]:
        """Return it as messages: tools are called before something is said."""
        calls = [_without_output(tool) for tool in self.tools]
        results: list[dict[str, Json]] = [
            {"role": "tool", "name": tool["name"], "content": _text(tool["output"])}
            for tool in self.tools
            if "output" in tool
        ]
        called = [Said("assistant", calls=calls), Said("assistant", results=results)]
        return [*(called[: 2 if results else 1] if calls else []), Said(self.role, [self.text])]

    def lose_rest(self, counts: CountedLosses) -> None:
        """Count what only the last answer has a place for."""
        if self.passages:
            counts.add(self.source, "what was retrieved for a turn before the last answer is left out")
        if self.latency is not None:
            counts.add(self.source, "the latency of a turn before the last answer is left out")


def _read_turn(turn: Mapping[str, Json], source: Source, counts: CountedLosses) -> _Turn:
    with Fields(snake_fields(turn, source, counts), source, counts.losses) as fields:
        milliseconds = fields.take("latency_ms")
        read = _Turn(
            role=fields.take_text("role"),
            text=fields.take_text("content"),
            tools=read_tools(fields, "tools_called", counts, with_output=True),
            passages=read_passages(fields, "retrieval_context", counts),
            latency=milliseconds / 1000 if isinstance(milliseconds, int | float) else None,
            source=source,
        )
        for name, value in fields.rest().items():
            if not is_empty(value):
                counts.add(source, f"{name!r} of a turn is left out", name)
    return read


def _record(answer: _Turn, case: dict[str, Json], counts: CountedLosses) -> list[str]:
    if any("output" in tool for tool in answer.tools):
        counts.add(answer.source, "what tools gave in the last turn is left out: an output has calls alone")
    calls: list[Json] = [_without_output(tool) for tool in answer.tools]
    output: dict[str, Json] = {"text": answer.text, "tool_calls": calls, "latency": answer.latency}
    kept: dict[str, Json] = {key: value for key, value in output.items() if value not in (None, "", [])}
    if kept.keys() <= {"text"}:
        case["output"] = answer.text
    else:
        case["output"] = kept
    return answer.passages


def _without_output(tool: Mapping[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in tool.items() if key != "output"}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
