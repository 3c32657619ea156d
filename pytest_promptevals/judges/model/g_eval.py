"""The ``g_eval`` judge."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Sequence
from typing import Annotated, Final, Self

from pydantic import BaseModel, Field, model_validator

from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.excerpts import clip
from pytest_promptevals.judges.model.case_prompt import build_task, case_passages, size_of
from pytest_promptevals.judges.model.chances import ChanceAsker, weigh_score
from pytest_promptevals.judges.model.forms import Verdict
from pytest_promptevals.judges.model.judge import ModelJudge, ModelJudgeParameters
from pytest_promptevals.judges.model.prompting import judge_messages, neutralise
from pytest_promptevals.judges.model.steps import MOST_STEPS, STEPS_FORM, show_steps, steps_messages
from pytest_promptevals.judges.model.verdicts import FIVE, SCORE_FORM, Sentence, Words, grade_score, of_five, score_of
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.judge_calls import JudgeCall
from pytest_promptevals.records.responses import Message, Response
from pytest_promptevals.records.results import Grade

_LEAD: Final = (
    "Judge the RESPONSE by the criteria below, and by nothing else. Take the steps one after the other, then give it a "
    "score from 1, which meets the criteria not at all, to 5, which meets them fully."
)
_LEAD_OF_STEPS: Final = (
    "Judge the RESPONSE by the steps below, and by nothing else. Take them one after the other, then give it a score "
    "from 1, which means that it does badly at all of them, to 5, which means that it does well at all of them."
)
_DIGITS: Final = 4
_STEP_KEPT: Final = 200
_USUAL_STEPS: Final = ("x" * 100,) * 5
"""What steps that are not made yet are taken for, where the size of a prompt is asked."""


class GEvalParameters(ModelJudgeParameters):
    """Parameters of ``g_eval``."""

    criteria: Sentence | None = Field(
        default=None, description="What to judge by, in your own words. May be left out where `steps` are given."
    )
    steps: Annotated[list[Words], Field(min_length=1, max_length=MOST_STEPS)] | None = Field(
        default=None,
        description="The steps of the evaluation. Without them, the judge model makes them of the criteria.",
    )
    logprobs: bool = Field(
        default=True,
        description="Whether the score is weighted by token probabilities, where the API gives them.",
    )

    @model_validator(mode="after")
    def _check_one_is_given(self) -> Self:
        if self.criteria is None and self.steps is None:
            raise ValueError("give `criteria`, or `steps` of your own, or both")
        return self


class GEvalJudge(ModelJudge[GEvalParameters]):
    """A model makes evaluation steps of criteria, follows them, and gives a score that token probabilities refine.

    The steps are made once for each model, and kept in the response cache; `steps` gives your own, with criteria or
    without. The score
    is on a scale from 1 to 5, brought to 0 to 1. Where the API tells how likely each number was, the score is their
    mean, weighted by that, so that two answers differ which both got a 4; where it does not, the number itself counts.
    The details of a score say which it was.

    The method is that of Liu et al., [G-Eval](https://arxiv.org/abs/2303.16634) (2023).

    ```yaml
    judges:
      - g_eval: {criteria: "The answer is friendly, and names a date.", model: scripted/judge}
    cases:
      - input: Where is my order?
        output: It will be with you on Friday, Ada.
    ```
    """

    name = "g_eval"
    shorthand = "criteria"
    Parameters = GEvalParameters

    def __init__(self, parameters: BaseModel) -> None:
        super().__init__(parameters)
        self._steps: dict[str, tuple[str, ...]] = {}
        self._making: dict[str, asyncio.Lock] = collections.defaultdict(asyncio.Lock)
        self._chances = ChanceAsker()

    def use_memory(self, memory: dict[str, set[str]]) -> None:
        """Share what is learnt of models with the judges of this kind that other cases have."""
        super().use_memory(memory)
        self._chances.share(memory.setdefault("models without token probabilities", set()))

    def prompt_size(self, case: Case) -> int:
        """Return about how many characters the prompt for an empty response to that case has."""
        steps = tuple(self.parameters.steps or _USUAL_STEPS)
        return size_of(self._messages(JudgeInput(case, Response("")), steps))

    @property
    def _criteria(self) -> str:
        return self.parameters.criteria or ""

    def calls_for(self, subject: JudgeInput) -> Sequence[JudgeCall]:
        """Return the calls for one response, and that for the steps, which is made once for each model."""
        scores = super().calls_for(subject)
        if self.parameters.steps is not None:
            return scores
        size, about = size_of(steps_messages(self._criteria)), f"{self.name} {self._criteria}"
        models = dict.fromkeys(self.models)
        return [*(JudgeCall(model, size, has_response=False, once=about) for model in models), *scores]

    async def grade_with(self, subject: JudgeInput, ask: Ask, model: str) -> Grade:
        """Ask for the steps if need be, and for the score. Raises ``JudgeError`` if an answer cannot be read."""
        steps = tuple(self.parameters.steps or ()) or await self._steps_of(subject, ask, model)
        messages = self._messages(subject, steps)
        if not self.parameters.logprobs:
            verdict = await self.ask_for(ask, messages, SCORE_FORM, subject, model)
            return _grade(verdict, None, steps, model)
        listener = self._chances.listen(ask)
        verdict = await self.ask_for(listener, messages, SCORE_FORM, subject, model)
        tokens = () if listener.response is None else listener.response.logprobs
        return _grade(verdict, weigh_score(tokens, score_of(verdict), FIVE), steps, model)

    async def _steps_of(self, subject: JudgeInput, ask: Ask, model: str) -> tuple[str, ...]:
        """Return the steps that the model made. The first case asks for them, and others wait for its answer.

        If there is none, the next one asks.
        """
        if model in self._steps:
            return self._steps[model]
        async with self._making[model]:
            if model not in self._steps:
                messages = steps_messages(self._criteria)
                self._steps[model] = await self.ask_for(ask, messages, STEPS_FORM, subject, model)
        return self._steps[model]

    def _messages(self, subject: JudgeInput, steps: tuple[str, ...]) -> Sequence[Message]:
        passages = case_passages(subject)
        criteria = [("Criteria", neutralise(self._criteria))] if self._criteria else []
        sections = [*criteria, ("Steps", show_steps(steps))]
        return judge_messages(
            passages, build_task(_LEAD if criteria else _LEAD_OF_STEPS, passages, sections, SCORE_FORM)
        )


def _grade(verdict: Verdict, weighted: float | None, steps: tuple[str, ...], model: str) -> Grade:
    score = score_of(verdict)
    counted = score if weighted is None else round(weighted, _DIGITS)
    details: dict[str, Json] = {
        "model": model,
        "overall": score,
        "weighted": None if weighted is None else counted,
        "steps": [clip(step, _STEP_KEPT) for step in steps],
    }
    head = of_five(score) + ("" if counted == score else f", {counted:.2f} by token probabilities")
    return grade_score(counted, head, verdict.reasoning, details)
