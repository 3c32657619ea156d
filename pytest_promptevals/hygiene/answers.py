"""Expected answers that stand in the prompt."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from pytest_promptevals.engine.endpoint import RECORDED, TESTED
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.hygiene.findings import Finding, Kind, Subject, find, name_cases
from pytest_promptevals.hygiene.labels import count_labels
from pytest_promptevals.hygiene.texts import answer_texts, plain
from pytest_promptevals.judges.excerpts import quote
from pytest_promptevals.prompts.sources import ChatPrompt, InputPrompt
from pytest_promptevals.records.cases import Case, Dataset

_Asked: TypeAlias = tuple[Case, str]
"""A case with its rendered prompt."""

_SHORTEST: Final = 4
"""Characters of an answer that counts: "yes", "42" and the like stand in many a prompt by chance."""
_BY_DESIGN: Final = 0.5
"""From this part of the cases on, answers are meant to be taken from the prompt."""
_OTHERS: Final = 3
"""Prompts of cases with another answer that are looked at."""


def find_answers_in_prompts(subject: Subject) -> Iterator[Finding]:
    """Yield one finding for the cases whose prompt holds an expected answer word for word, whatever its case.

    Not counted are: answers under four characters; labels (a small set of expected answers); what also stands in the
    prompts of cases that expect something else, such as a choice that the prompt names; and what few-shot examples
    say, which has a kind of its own.
    """
    if count_labels(subject.dataset):
        return
    prompts: defaultdict[int, dict[str, _Asked]] = defaultdict(dict)
    for planned in subject.planned:
        if planned.target.config.name not in (RECORDED, TESTED) and planned.case.id not in prompts[id(planned.prompt)]:
            prompts[id(planned.prompt)][planned.case.id] = (planned.case, _prompt_text(planned, subject.dataset))
    found = {case.id: case for asked in prompts.values() for case in _find(list(asked.values()))}
    if found:
        yield _explain(list(found.values()), max(map(len, prompts.values())))


def _prompt_text(planned: PlannedCase, dataset: Dataset) -> str:
    """Return the rendered prompt without examples; nothing where the user's own function makes it."""
    if not isinstance(planned.prompt, ChatPrompt | InputPrompt):
        return ""
    examples = {text for example in dataset.few_shot for text in (example.user, example.assistant)}
    messages = planned.prompt.render_now(planned.case).messages
    return plain("\n".join(message.content for message in messages if message.content not in examples))


def _find(asked: Sequence[_Asked]) -> list[Case]:
    return [case for case, text in asked if any(_is_given_away(answer, text, asked) for answer in _telling(case))]


def _telling(case: Case) -> list[str]:
    return [answer for text in answer_texts(case.expected) if len(answer := plain(text)) >= _SHORTEST]


def _is_given_away(answer: str, text: str, asked: Sequence[_Asked]) -> bool:
    if not _holds(text, answer):
        return False
    others = (other_text for other, other_text in asked if answer not in map(plain, answer_texts(other.expected)))
    first = [text for _, text in zip(range(_OTHERS), others, strict=False)]
    return not first or not all(_holds(other, answer) for other in first)


def _holds(text: str, answer: str) -> bool:
    return answer in text and re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text) is not None


def _explain(found: Sequence[Case], asked: int) -> Finding:
    answer = quote(_telling(found[0])[0], 50)
    message = f"the expected answer of {name_cases(found)} stands in the prompt, such as {answer}"
    if len(found) > _BY_DESIGN * asked:
        message += f"; as it does in {len(found):,} of {asked:,} cases, that may be meant: --ignore answer-in-prompt"
    else:
        message += ": the model need only repeat it; ask in other words"
    return find(Kind.ANSWER_IN_PROMPT, message, found[0].location, found)
