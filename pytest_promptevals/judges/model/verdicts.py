"""From what a judge model answered to a grade, and what parameters of such judges have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field

from pytest_promptevals.judges.base import read_number
from pytest_promptevals.judges.criteria import check_sentence
from pytest_promptevals.judges.model.forms import Choice, ScoreForm, Verdict
from pytest_promptevals.judges.model.judge import REASONING_KEPT, shorten_reasoning
from pytest_promptevals.judges.model.scales import Scale
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.results import Grade

AnswerT = TypeVar("AnswerT")


def _refuse_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text.strip()


Share: TypeAlias = Annotated[float, Field(ge=0, le=1), BeforeValidator(read_number)]
"""A number from 0 to 1."""
Words: TypeAlias = Annotated[str, Field(min_length=1), AfterValidator(_refuse_blank)]
"""A text of the user's with something in it."""
Sentence: TypeAlias = Annotated[Words, AfterValidator(check_sentence)]
"""Criteria or a question in the user's own words."""

HALF: Final = 0.5
"""The threshold of judges that choose."""
FIVE: Final = Scale(1, 5)
"""The scale of judges that score by criteria of the user's."""
SCORE_FORM: Final = ScoreForm(FIVE)
"""One score on it."""


async def ask_together(calls: Iterable[Coroutine[Any, Any, AnswerT]]) -> list[AnswerT]:
    """Return what all of them return, once all have ended: what is under way is paid for, and kept.

    Raises what the first of them raises that raises anything.
    """
    answers = await asyncio.gather(*calls, return_exceptions=True)
    return [_raise_error(answer) for answer in answers]


def _raise_error(answer: AnswerT | BaseException) -> AnswerT:
    if isinstance(answer, BaseException):
        raise answer
    return answer


def grade_choice(choice: Choice, score: float, model: str, wanted: str = "") -> Grade:
    """Return the grade of a choice; ``wanted`` says what would have been right, where one choice would."""
    head = f"{choice.choice}, not {wanted}" if wanted else choice.choice
    details: dict[str, Json] = {"choice": choice.choice, "model": model}
    return make_grade(score, head, choice.reasoning, details)


def grade_score(counted: float, head: str, reasoning: str, details: Mapping[str, Json]) -> Grade:
    """Return the grade of a number of the scale from 1 to 5."""
    return make_grade(FIVE.share(counted), head, reasoning, {"scale": [FIVE.low, FIVE.high], **details})


def make_grade(value: float, head: str, reasoning: str, details: Mapping[str, Json]) -> Grade:
    """Return a grade whose explanation is ``head`` and a part of the model's reasoning.

    Details that say nothing are left out.
    """
    said = shorten_reasoning(reasoning)
    kept = {**details, "reasoning": reasoning[:REASONING_KEPT]}
    return Grade(
        min(1.0, max(0.0, value)),
        f"{head}; {said}" if said else head,
        details={key: item for key, item in kept.items() if item not in (None, "", {})},
    )


def score_of(verdict: Verdict) -> float:
    """Return the score of an answer to ``SCORE_FORM``."""
    assert verdict.overall is not None, "a form without dimensions reads a score"  # noqa: S101 - see ScoreForm
    return verdict.overall


def of_five(score: float) -> str:
    """Return a number of the scale as explanations show it."""
    return f"{score:.3g} of {FIVE.high:g}"
