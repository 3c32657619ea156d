"""Judge models that answer as a test says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_promptevals.records.responses import Message, Response
from tests.unit.judges.word_asks import WordVectors

GOOD = ("on its way", "Friday")
"""What a response holds that ``answer_by_schema`` likes."""


@dataclass(frozen=True)
class Asked:
    """One call."""

    model: str
    messages: tuple[Message, ...]
    parameters: dict[str, Any]

    @property
    def prompt(self) -> str:
        return self.messages[-1].content

    @property
    def schema(self) -> dict[str, Any] | None:
        schema: dict[str, Any] | None = self.parameters.get("response_format", {}).get("json_schema", {}).get("schema")
        return schema


@dataclass
class ScriptedAsk(WordVectors):
    """An ``ask`` that gives the answers in turn, raises those that are errors, and keeps what it was asked."""

    answers: Sequence[str | Response | Exception]
    asked: list[Asked] = field(default_factory=list)

    async def __call__(self, model: str, messages: Sequence[Message], parameters: Mapping[str, object]) -> Response:
        self.asked.append(Asked(model, tuple(messages), dict(parameters)))
        answer = self.answers[len(self.asked) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Response) else Response(answer)


def verdict(score: object, reasoning: str = "Because.", **dimensions: object) -> str:
    """Return a well formed answer."""
    return json.dumps({"reasoning": reasoning, **dimensions, "score": score})


async def answer_by_schema(model: str, messages: Sequence[Message], parameters: Mapping[str, object]) -> Response:
    """Give the last value of each enumeration of the schema where the prompt holds what is good, else the first."""
    asked = Asked(model, tuple(messages), dict(parameters))
    assert asked.schema is not None
    is_good = any(word in asked.prompt.partition("# Your task")[0] for word in GOOD)
    values = {"string": "It is so.", "array": ["Look at it."]}
    answer = {
        name: part["enum"][-1 if is_good else 0] if "enum" in part else values[part["type"]]
        for name, part in asked.schema["properties"].items()
    }
    if "winner" in answer:
        answer["winner"] = _better_response(asked.prompt)
    return Response(json.dumps(answer))


def _better_response(prompt: str) -> str:
    """Return the response that holds more of what is good."""
    first, _, second = (
        prompt.partition("<<<FIRST RESPONSE")[2].partition("# Your task")[0].partition("<<<SECOND RESPONSE")
    )
    good_words = [sum(word in text for word in GOOD) for text in (first, second)]
    if good_words[0] == good_words[1]:
        return "tie"
    return "first_response" if good_words[0] > good_words[1] else "second_response"
