"""Examples that stand in chat prompts themselves."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from pytest_promptevals.engine.endpoint import RECORDED, TESTED
from pytest_promptevals.hygiene.duplicates import case_key
from pytest_promptevals.hygiene.findings import Subject
from pytest_promptevals.prompts.sources import ChatPrompt
from pytest_promptevals.records.cases import FewShot
from pytest_promptevals.records.responses import Message


def find_prompt_examples(subject: Subject) -> list[FewShot]:
    """Return the questions with answers that chat prompts put before every case, each at its prompt.

    They are those messages that are the same for two cases with different questions. What ``few_shot`` puts there is
    not among them.
    """
    asked = [planned for planned in subject.planned if planned.target.config.name not in (RECORDED, TESTED)]
    prompts = list({id(planned.prompt): planned.prompt for planned in asked}.values())
    other = next((each.case for each in asked if case_key(each.case) != case_key(asked[0].case)), None)
    if other is None:
        return []
    found = [
        FewShot(question, answer, subject.dataset.prompts[number].location)
        for number, prompt in enumerate(prompts)
        if isinstance(prompt, ChatPrompt)
        for question, answer in _common_exchanges(
            prompt.render_now(asked[0].case).messages, prompt.render_now(other).messages
        )
    ]
    return [example for example in found if example not in subject.dataset.few_shot]


def _common_exchanges(one: Sequence[Message], other: Sequence[Message]) -> Iterator[tuple[str, str]]:
    common = [message if message == same else None for message, same in zip(one, other, strict=False)]
    for asked, told in itertools.pairwise(common):
        if asked is not None and told is not None and (asked.role, told.role) == ("user", "assistant"):
            yield asked.content, told.content
