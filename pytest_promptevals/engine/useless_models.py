"""Models that know nothing, and what they answer: a case that lets such an answer pass tests nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.prompts.templates import template_variables
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import RenderedPrompt

EMPTY: Final = "empty"
REFUSAL: Final = "refusal"
_REFUSAL_TEXT: Final = "I'm sorry, but I can't help with that."
_FILLER: Final = "There is much that could be said about this, and this sentence says none of it. "
_LONG: Final = 400
"""Times that the filler stands in an answer that is far too long: about 30,000 characters."""
_REPEATS: Final = 3
"""Times that a model which is caught in a loop repeats the prompt."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a useless model is asked."""

    case: Case
    """The case."""
    prompt: RenderedPrompt | None
    """What would be asked of a real model; ``None`` if it cannot be rendered."""
    cases: Sequence[Case]
    """All cases of the eval file, in file order."""
    position: int
    """Where the case stands among them."""


@dataclass(frozen=True, slots=True)
class UselessModel:
    """One way to answer without knowing anything."""

    name: str
    """Head of its column."""
    meaning: str
    """What it answers, in words."""
    answer: Callable[[Question], str | None]
    """Its answer to a question; ``None`` if it has none."""


def _echo(question: Question) -> str | None:
    case = question.case
    if case.input is not None:
        return _input_text(case.input)
    texts = [_text(value) for value in template_variables(case).values()]
    return "\n".join(texts) if texts else None


def _input_text(given: Json) -> str:
    if isinstance(given, list) and given and isinstance(given[-1], dict) and isinstance(given[-1].get("content"), str):
        return str(given[-1]["content"])  # the last of several chat messages
    return _text(given)


def _other_answer(question: Question) -> str | None:
    """Return the expected answer of the next case that has another one, in a circle: equal in every run."""
    own = _expected_text(question.case)
    after = [*question.cases[question.position + 1 :], *question.cases[: question.position]]
    others = (_expected_text(case) for case in after)
    return next((text for text in others if text is not None and text != own), None)


def _expected_text(case: Case) -> str | None:
    expected = case.expected
    if isinstance(expected, list) and expected and all(isinstance(item, str) for item in expected):
        return str(expected[0])  # any one of them
    return None if expected is None else _text(expected)


def _repeat(question: Question) -> str | None:
    if question.prompt is None or not question.prompt.messages:
        return None
    return "\n\n".join([question.prompt.text] * _REPEATS)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


USELESS_MODELS: Final = (
    UselessModel(EMPTY, "an empty text", lambda _: ""),
    UselessModel(REFUSAL, f'"{_REFUSAL_TEXT}"', lambda _: _REFUSAL_TEXT),
    UselessModel("echo", "the input", _echo),
    UselessModel("shuffled", "the expected answer of another case", _other_answer),
    UselessModel("long", "30,000 characters of nothing", lambda _: _FILLER * _LONG),
    UselessModel("repeat", "the prompt, three times", _repeat),
)
"""All of them, in the order of the report."""
