"""The ``factuality`` judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal, TypeAlias, cast

from pydantic import Field

from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.model.case_prompt import build_task, case_passages, size_of
from pytest_promptevals.judges.model.forms import ChoiceForm
from pytest_promptevals.judges.model.judge import ModelJudge, ModelJudgeParameters
from pytest_promptevals.judges.model.prompting import judge_messages, show_expected
from pytest_promptevals.judges.model.verdicts import HALF, Share, Words, grade_choice
from pytest_promptevals.judges.wanted import read_expected
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.responses import Message, Response
from pytest_promptevals.records.results import Grade

Relation: TypeAlias = Literal["subset", "superset", "same", "disagree", "differs_but_not_in_facts"]

SCORES: Final[dict[Relation, float]] = {
    "subset": 0.4,
    "superset": 0.6,
    "same": 1.0,
    "disagree": 0.0,
    "differs_but_not_in_facts": 1.0,
}
"""What each relation is worth, as in the model-graded ``fact`` eval of OpenAI Evals and its followers."""
_MEANINGS: Final[dict[Relation, str]] = {
    "subset": "it states a part of the facts of the REFERENCE, and nothing that contradicts it",
    "superset": "it states all the facts of the REFERENCE and further ones, and nothing that contradicts it",
    "same": "it states the same facts as the REFERENCE",
    "disagree": "it contradicts the REFERENCE in at least one fact, or states none of its facts",
    "differs_but_not_in_facts": "it differs from the REFERENCE, but in nothing that matters to the facts",
}
_FORM: Final = ChoiceForm(tuple(_MEANINGS), key="relation", name="factuality")
_LEAD: Final = (
    "Compare the facts that the RESPONSE states with those of the REFERENCE. Style, grammar, order, length and "
    "punctuation do not matter. Choose the one relation that holds."
)


class FactualityParameters(ModelJudgeParameters):
    """Parameters of ``factuality``."""

    reference: Words | None = Field(
        default=None, description="The reference answer. Without it, `expected` of the case."
    )
    scores: dict[Relation, Share] = Field(
        default={}, description="Scores of your own for some of the relations, in place of those below."
    )


class FactualityJudge(ModelJudge[FactualityParameters]):
    """A model compares the facts of the output with those of the reference answer.

    The reference is `reference`, or else `expected` of the case. The model chooses one relation of the output to it:

    | relation | score | the output |
    | --- | --- | --- |
    | `same` | 1 | states the same facts |
    | `differs_but_not_in_facts` | 1 | differs in nothing that matters to the facts |
    | `superset` | 0.6 | states all of the facts, and more that does not contradict them |
    | `subset` | 0.4 | states a part of the facts |
    | `disagree` | 0 | contradicts a fact, or states none of them |

    ```yaml
    judges:
      - factuality: {model: scripted/judge}
      - factuality: {model: scripted/judge, scores: {superset: 1}}
    cases:
      - input: When will my order be here?
        expected: On Friday.
        output: It will be with you on Friday.
    ```
    """

    name = "factuality"
    shorthand = "reference"
    default_threshold = HALF
    Parameters = FactualityParameters

    def check_case(self, case: Case) -> None:
        """Raise ``JudgeError`` if the case has no reference answer."""
        if self.parameters.reference is None:
            read_expected(self.name, case, show_expected)

    def prompt_size(self, case: Case) -> int:
        """Return about how many characters the prompt for an empty response to that case has."""
        return size_of(self._messages(JudgeInput(case, Response(""))))

    async def grade_with(self, subject: JudgeInput, ask: Ask, model: str) -> Grade:
        """Ask the judge model. Raises ``JudgeError`` if its answer cannot be read."""
        self.check_case(subject.case)
        choice = await self.ask_for(ask, self._messages(subject), _FORM, subject, model)
        relation = cast("Relation", choice.choice)
        return grade_choice(choice, {**SCORES, **self.parameters.scores}[relation], model)

    def _messages(self, subject: JudgeInput) -> Sequence[Message]:
        if self.parameters.reference is not None:
            subject = replace(subject, case=replace(subject.case, expected=self.parameters.reference))
        passages = case_passages(subject)
        relations = "\n".join(f"- {name}: {meaning}" for name, meaning in _MEANINGS.items())
        sections = [("Relations of the RESPONSE to the REFERENCE", relations)]
        return judge_messages(passages, build_task(_LEAD, passages, sections, _FORM))
