"""The ``closed_qa`` judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import Field

from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.model.case_prompt import build_task, case_passages, size_of
from pytest_promptevals.judges.model.forms import ChoiceForm
from pytest_promptevals.judges.model.judge import ModelJudge, ModelJudgeParameters
from pytest_promptevals.judges.model.prompting import judge_messages, neutralise
from pytest_promptevals.judges.model.verdicts import HALF, Sentence, grade_choice
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.responses import Message, Response
from pytest_promptevals.records.results import Grade

_FORM: Final = ChoiceForm(("no", "yes"))
_LEAD: Final = (
    "Decide whether the RESPONSE meets the criterion below. Answer yes only if it meets all of it. Judge by the "
    "criterion alone: what else is good or bad about the RESPONSE does not matter."
)
_WITH_REFERENCE: Final = " The REFERENCE is right: where you would decide otherwise than by it, follow it."


class ClosedQaParameters(ModelJudgeParameters):
    """Parameters of ``closed_qa``."""

    criteria: Sentence = Field(description="What the output must do or be, as a statement that is true or not.")


class ClosedQaJudge(ModelJudge[ClosedQaParameters]):
    """A model decides whether the output meets a criterion.

    The answer is yes, which is 1, or no, which is 0, and the model gives its reasoning first. It sees what was asked,
    the `context` and `expected` of the case where there are any, and the output.

    ```yaml
    judges:
      - closed_qa: {criteria: It names the day of the delivery., model: scripted/judge}
    cases:
      - input: When will order A-17 be here?
        output: On Friday.
    ```
    """

    name = "closed_qa"
    shorthand = "criteria"
    default_threshold = HALF
    Parameters = ClosedQaParameters

    def prompt_size(self, case: Case) -> int:
        """Return about how many characters the prompt for an empty response to that case has."""
        return size_of(self._messages(JudgeInput(case, Response(""))))

    async def grade_with(self, subject: JudgeInput, ask: Ask, model: str) -> Grade:
        """Ask the judge model. Raises ``JudgeError`` if its answer cannot be read."""
        choice = await self.ask_for(ask, self._messages(subject), _FORM, subject, model)
        return grade_choice(choice, 1.0 if choice.choice == "yes" else 0.0, model)

    def _messages(self, subject: JudgeInput) -> Sequence[Message]:
        passages = case_passages(subject)
        lead = _LEAD if subject.case.expected is None else _LEAD + _WITH_REFERENCE
        # The criterion may be a template, and so hold text of the case.
        sections = [("Criterion", neutralise(self.parameters.criteria))]
        return judge_messages(passages, build_task(lead, passages, sections, _FORM))
