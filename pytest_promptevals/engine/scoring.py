"""A response to scores: judges called, groups of them, and ``not:``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.engine.asking import CountedAsk, Send, sum_known
from pytest_promptevals.engine.budget import refusal_of_judge
from pytest_promptevals.engine.judging import JudgePlanner, PlannedJudge
from pytest_promptevals.errors import CallNotMadeError, FileProblem, JudgeError, PromptEvalsError
from pytest_promptevals.files.user_code import last_place
from pytest_promptevals.functions import contain
from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.records.json_types import Json, JsonObject
from pytest_promptevals.records.responses import RenderedPrompt
from pytest_promptevals.records.results import CHILDREN, Grade, Score

_NOT_RUN: Final = "not run: "
_OF_THE_RUN: Final = "budget"
"""Why a call was not made where it is not for the judge to change."""


@dataclass(frozen=True, slots=True)
class _Bill:
    """What the calls for one score cost."""

    calls: int
    cost: float | None
    spent: float | None
    cached: int


async def score_response(planned: PlannedJudge, planner: JudgePlanner, subject: JudgeInput, send: Send) -> Score:
    """Return one judge's score for one response. Raises ``JudgeError`` where there can be none."""
    asked = CountedAsk(send)
    spec = planned.spec
    if planned.judge_type is None:
        children = [await score_response(child, planner, subject, asked.send) for child in planned.children]
        grade, threshold, bill = _grade_group(planned, children), spec.threshold, _add_bills(children)
    else:
        grade = await _call(planned, planner, subject, asked)
        threshold = planned.judge_type.default_threshold if spec.threshold is None else spec.threshold
        bill = _bill_of(asked, grade)
    if spec.negated:
        grade, threshold = _negate(grade, threshold), None
    return Score(
        judge=spec.name,
        value=grade.value,
        passed=_passes(grade, threshold),
        threshold=threshold,
        weight=spec.weight,
        required=spec.required,
        explanation=grade.explanation,
        cost=bill.cost,
        calls=bill.calls,
        spent=bill.spent,
        cached=bill.cached,
        details=grade.details,
    )


def _negate(grade: Grade, threshold: float | None) -> Grade:
    passed = _passes(grade, threshold)
    explanation = grade.explanation
    if passed:
        said = f": {explanation}" if explanation else ""
        explanation = f"must not pass, but does with {grade.value:.3g}{said}"
    return Grade(1.0 - grade.value, explanation, passed=not passed, details=grade.details)


def _bill_of(asked: CountedAsk, grade: Grade) -> _Bill:
    cost = grade.cost if asked.cost is None else asked.cost
    return _Bill(asked.calls, cost, grade.cost if asked.spent is None else asked.spent, asked.cached)


def _add_bills(scores: Sequence[Score]) -> _Bill:
    # A judge may state a cost of its own although it asked nothing through the engine.
    charged = [score for score in scores if score.calls or score.cost is not None]
    return _Bill(
        calls=sum(score.calls for score in charged),
        cost=sum_known([score.cost for score in charged]),
        spent=sum_known([score.spent for score in charged]),
        cached=sum(score.cached for score in charged),
    )


async def _call(planned: PlannedJudge, planner: JudgePlanner, subject: JudgeInput, ask: Ask) -> Grade:
    where = f"{planned.spec.location}: judge {planned.spec.name!r}"
    try:
        judge = planner.judge_for(planned, subject.case)
        grade = await contain(judge.judge(_seen_by(planned, planner, subject), ask))
    except FileProblem:
        raise  # it has a place of its own
    except CallNotMadeError as error:
        raise _place_refusal(error, planned, where) from error
    except PromptEvalsError as error:
        raise JudgeError(where + _without_place(str(error), planned, subject)) from error
    except Exception as error:
        place = last_place(error, planned.search_path[-1]) if planned.search_path else ""
        raise JudgeError(f"{where} raised {type(error).__name__}: {error}{place}") from error
    if not isinstance(grade, Grade):
        raise JudgeError(f"{where} returned {type(grade).__name__}, not a Grade")
    if not (math.isfinite(grade.value) and 0.0 <= grade.value <= 1.0):
        raise JudgeError(f"{where} returned {grade.value!r}; a grade is a number from 0 to 1")
    return grade


def _place_refusal(error: CallNotMadeError, planned: PlannedJudge, where: str) -> CallNotMadeError:
    if error.reason == _OF_THE_RUN:
        return refusal_of_judge(error, planned.spec.name, str(planned.spec.location))
    return CallNotMadeError(f"{_NOT_RUN}{where}: {str(error).removeprefix(_NOT_RUN)}", reason=error.reason)


def _without_place(text: str, planned: PlannedJudge, subject: JudgeInput) -> str:
    """Return what follows the judge's place in a sentence: a judge itself knows the case and its own kind, no more."""
    text = text.removeprefix(f"{subject.case.location}: ")
    own = f"judge {planned.spec.judge!r}"
    return text.removeprefix(own) if text.startswith((f"{own}:", f"{own} ")) else f": {text}"


def _seen_by(planned: PlannedJudge, planner: JudgePlanner, subject: JudgeInput) -> JudgeInput:
    """Return what a judge may look at, with what depends on the place where it is written."""

    async def render(prompt: str) -> RenderedPrompt:
        return await planner.load_prompt(prompt, planned.spec.location).render(subject.case)

    return JudgeInput(
        case=subject.case,
        response=subject.response,
        prompt=subject.prompt,
        search_path=planned.search_path,
        before=subject.before,
        model=subject.model,
        parameters=subject.parameters,
        render=render,
    )


def _grade_group(planned: PlannedJudge, scores: Sequence[Score]) -> Grade:
    is_all = planned.spec.judge == "all_of"
    values, passed = [score.value for score in scores], [score.passed for score in scores]
    return Grade(
        value=min(values) if is_all else max(values),
        explanation="; ".join(f"{score.judge}: {score.explanation}" for score in scores if not score.passed),
        passed=(all(passed) if is_all else any(passed)) if planned.spec.threshold is None else None,
        details=_details_of(scores),
    )


def _details_of(scores: Sequence[Score]) -> JsonObject:
    """Return what is known of the judges of a group, by their names: other thresholds may decide by it."""
    return {CHILDREN: {score.judge: _summary_of(score) for score in scores}}


def _summary_of(score: Score) -> Json:
    known: dict[str, Json] = {"score": score.value, "passed": score.passed}
    if score.calls:
        known["calls"] = score.calls
    known |= {key: amount for key, amount in (("cost", score.cost), ("spent", score.spent)) if amount is not None}
    if score.details is not None:
        known["details"] = dict(score.details)
    return known


def _passes(grade: Grade, threshold: float | None) -> bool:
    if grade.passed is not None:
        return grade.passed
    return threshold is None or grade.value >= threshold
