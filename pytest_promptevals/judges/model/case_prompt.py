"""The parts of a prompt that judges of one response have in common; rubrics say themselves what to show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.model.forms import AnswerForm
from pytest_promptevals.judges.model.prompting import (
    Passage,
    show_answer,
    show_context,
    show_expected,
    show_question,
)
from pytest_promptevals.records.responses import Message

_ROLES: Final = {
    "CONTEXT": "what the answer must rest on",
    "QUESTION": "what the model was asked",
    "CONVERSATION": "what was said, one numbered turn after the other",
    "TOOLS": "those that the assistant could call",
    "TRAJECTORY": "what was said and done, one numbered turn after the other; the last is the assistant's final one",
    "REFERENCE TRAJECTORY": "one that is known to be right; others may be as good",
    "REFERENCE": "an answer that is known to be right",
    "RESPONSE": "what the model answered, which you judge",
    "FIRST RESPONSE": "one answer to it",
    "SECOND RESPONSE": "another answer to it",
}
_NUMBER: Final = re.compile(r" \d+$")


def background(subject: JudgeInput) -> list[Passage]:
    """Return the passages of what is known beside the response: context, question and reference."""
    passages = show_context(subject.case.context)
    question = show_question(subject)
    if question is not None:
        passages.append(Passage("QUESTION", question))
    if subject.case.expected is not None:
        passages.append(Passage("REFERENCE", show_expected(subject.case.expected)))
    return passages


def case_passages(subject: JudgeInput) -> list[Passage]:
    """Return the passages of a case: what is known, and the response."""
    return [*background(subject), Passage("RESPONSE", show_answer(subject.response))]


def build_task(
    lead: str, passages: Sequence[Passage], sections: Sequence[tuple[str, str]], form: AnswerForm[Any]
) -> str:
    """Return what a judge model is told after the passages.

    Args:
        lead: what to do, in a sentence or two.
        passages: what was shown, which is listed by its names.
        sections: further headings, and what stands below them.
        form: how to answer.
    """
    names = dict.fromkeys(_NUMBER.sub("", passage.name) for passage in passages)
    legend = "\n".join(f"- {name}: {_ROLES[name]}" for name in names)
    parts = [("# Your task", f"{lead}\n\n{legend}"), *((f"## {heading}", body) for heading, body in sections)]
    return "\n\n".join(f"{heading}\n\n{body}" for heading, body in [*parts, ("## Your answer", form.instructions())])


def size_of(messages: Sequence[Message]) -> int:
    """Return how many characters messages have."""
    return sum(len(message.content) for message in messages)


def list_items(items: Sequence[str]) -> str:
    """Return items as a numbered list."""
    return "\n".join(f"{number}. {item}" for number, item in enumerate(items, start=1))
