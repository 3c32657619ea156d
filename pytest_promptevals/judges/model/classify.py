"""The ``classify`` judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, Field, field_validator

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.excerpts import quote_any, quote_some, show_json
from pytest_promptevals.judges.model.case_prompt import build_task, case_passages, size_of
from pytest_promptevals.judges.model.choice_words import match_choice
from pytest_promptevals.judges.model.forms import ChoiceForm
from pytest_promptevals.judges.model.judge import ModelJudge, ModelJudgeParameters
from pytest_promptevals.judges.model.prompting import judge_messages, neutralise
from pytest_promptevals.judges.model.verdicts import HALF, Sentence, Share, Words, grade_choice
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.responses import Message, Response
from pytest_promptevals.records.results import Grade

_LEAD: Final = "Answer the question below about the RESPONSE with one of the choices."
_FEWEST: Final = 2


def _check_labels(labels: Sequence[str]) -> None:
    if len(labels) < _FEWEST:
        raise ValueError("must hold at least two choices")
    for number, label in enumerate(labels):
        if label in labels[:number] or match_choice(label, labels) != label:
            raise ValueError(
                f"{label!r} could not be told apart in an answer: it stands there twice, or only its case, spaces and "
                "marks are its own; rename it"
            )


def _check_scores(choices: dict[str, float]) -> dict[str, float]:
    _check_labels(list(choices))
    if len(set(choices.values())) == 1:
        raise ValueError("must not all have the same score, since then nothing is judged")
    return choices


def _check_list(choices: list[str]) -> list[str]:
    _check_labels(choices)
    return choices


Choices: TypeAlias = (
    Annotated[dict[Words, Share], AfterValidator(_check_scores)] | Annotated[list[Words], AfterValidator(_check_list)]
)


class ClassifyParameters(ModelJudgeParameters):
    """Parameters of ``classify``."""

    question: Sentence = Field(description="What is asked about the output.")
    choices: Choices = Field(
        description="The labels to choose from: with the score of each, from 0 to 1, or as a list; of a list, "
        "`expected` of the case is the right one."
    )

    @field_validator("choices", mode="before")
    @classmethod
    def _check_kind(cls, value: object) -> object:
        if not isinstance(value, dict | list):
            raise ValueError("must be labels with their scores, or a list of labels")  # noqa: TRY004 - pydantic collects ValueErrors only
        return value


class ClassifyJudge(ModelJudge[ClassifyParameters]):
    """A model answers a question about the output with one of several labels.

    Each label has a score: `choices: {polite: 1, neutral: 0.5, rude: 0}`. Where what is right differs from case to
    case, give the labels as a list: then `expected` of the case is the right label, or a list of right ones, and the
    score is 1 for a right one and 0 for any other. The model does not see `expected`.

    ```yaml
    judges:
      - classify:
          question: What is its tone?
          choices: {rude: 0, neutral: 0.5, polite: 1}
          model: scripted/judge
    cases:
      - input: Where is my order?
        output: It will be with you on Friday, Ada. Thank you for your patience!
    ```
    """

    name = "classify"
    shorthand = None
    default_threshold = HALF
    Parameters = ClassifyParameters

    def check_case(self, case: Case) -> None:
        """Raise ``JudgeError`` if the case does not say which label of a list is right."""
        if isinstance(self.parameters.choices, list):
            self._right_labels(case)

    def prompt_size(self, case: Case) -> int:
        """Return about how many characters the prompt for an empty response to that case has."""
        return size_of(self._messages(JudgeInput(case, Response(""))))

    async def grade_with(self, subject: JudgeInput, ask: Ask, model: str) -> Grade:
        """Ask the judge model. Raises ``JudgeError`` if its answer cannot be read."""
        self.check_case(subject.case)
        choice = await self.ask_for(ask, self._messages(subject), self._form, subject, model)
        choices = self.parameters.choices
        if isinstance(choices, dict):
            return grade_choice(choice, choices[choice.choice], model)
        right = self._right_labels(subject.case)
        if choice.choice in right:
            return grade_choice(choice, 1.0, model)
        return grade_choice(choice, 0.0, model, wanted=quote_any(right))

    @property
    def _form(self) -> ChoiceForm:
        return ChoiceForm(tuple(self.parameters.choices), key="label", name="classification")

    def _messages(self, subject: JudgeInput) -> Sequence[Message]:
        # What is right is not shown: the model is to classify, not to compare.
        passages = [passage for passage in case_passages(subject) if passage.name != "REFERENCE"]
        sections = [("The question", neutralise(self.parameters.question))]
        return judge_messages(passages, build_task(_LEAD, passages, sections, self._form))

    def _right_labels(self, case: Case) -> list[str]:
        where, labels = f"{case.location}: judge {self.name!r}", list(self.parameters.choices)
        if case.expected is None:
            raise JudgeError(
                f"{where} is not told which label is right; add `expected` to the case, or scores to the labels"
            )
        given = case.expected if isinstance(case.expected, list) else [case.expected]
        right = [match_choice(item, labels) if isinstance(item, str) else None for item in given]
        found = [label for label in right if label is not None]
        if not found or len(found) < len(right):
            raise JudgeError(
                f"{where}: `expected` must be one of the labels {quote_some(labels)}, or a list of them, not "
                f"{show_json(case.expected)}"
            )
        return found
