"""The steps of an evaluation, which a judge model makes of criteria, as G-Eval does."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from pytest_promptevals.judges.model.case_prompt import list_items
from pytest_promptevals.judges.model.json_objects import find_objects
from pytest_promptevals.judges.model.prompting import neutralise
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Message

MOST_STEPS: Final = 12
_LONGEST_STEP: Final = 1_000
_KEY: Final = "steps"
_LISTED: Final = re.compile(r"^\s*(?:step\s+)?\d+\s*[.):]\s*(?P<step>\S.*)$", re.MULTILINE | re.IGNORECASE)
_TASK: Final = (
    "# Your task\n\nYou will judge texts that a language model wrote, by the criteria below. Write the steps by which "
    "to do so: three to six of them, each one thing to look at or to weigh, in one sentence, in the order in which to "
    "take them. They must fit any text, and may ask for nothing that the criteria do not. Give no scores."
)


@dataclass(frozen=True, slots=True)
class StepsForm:
    """An answer that is a list of steps."""

    name: str = "evaluation_steps"
    """Name of the schema."""

    def schema(self) -> dict[str, Json]:
        """Return the JSON Schema."""
        return {
            "type": "object",
            "properties": {_KEY: {"type": "array", "items": {"type": "string"}}},
            "required": [_KEY],
            "additionalProperties": False,
        }

    def instructions(self) -> str:
        """Return how a model is told to answer."""
        shape = json.dumps({_KEY: ["<first step>", "<second step>"]})
        return f"Answer with one JSON object and nothing else:\n\n{shape}"

    def read(self, text: str) -> tuple[str, ...]:
        """Return the steps of an answer. Raises ``ValueError`` if there are none, or too many."""
        text = text.rpartition("</think>")[2]  # some servers leave a model's thoughts in its answer
        found = [steps for data in find_objects(text) if (steps := data.get(_KEY)) is not None]
        if len(found) > 1:
            raise ValueError("it holds several lists of steps")
        steps = _texts(found[0]) if found else [match["step"].strip() for match in _LISTED.finditer(text)]
        if not 1 <= len(steps) <= MOST_STEPS:
            raise ValueError(f"it holds {len(steps)} steps, not one to {MOST_STEPS}")
        return tuple(step[:_LONGEST_STEP] for step in steps)


STEPS_FORM: Final = StepsForm()


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise ValueError(f"{_KEY!r} is no list of texts")
    return [item.strip() for item in value]


def steps_messages(criteria: str) -> tuple[Message, ...]:
    """Return the prompt that asks for the steps. It is the same for all cases, so that it is paid for once."""
    return (
        Message(
            "user", f"{_TASK}\n\n## Criteria\n\n{neutralise(criteria)}\n\n## Your answer\n\n{STEPS_FORM.instructions()}"
        ),
    )


def show_steps(steps: tuple[str, ...]) -> str:
    """Return steps as a judge's prompt shows them."""
    return list_items([neutralise(step) for step in steps])
