"""Results of an earlier run, decided or judged anew: no call is made to the model that is tested."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from collections.abc import Sequence
from typing import Final

from pytest_promptevals.engine.judging import PlannedJudge
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.runner import Outcome, assemble_result, judge_response
from pytest_promptevals.engine.trials import SCORE_DIGITS, reduce_trials, score_trial
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.fingerprints import content_hash
from pytest_promptevals.records.partial import is_of_trials, whole_fingerprint
from pytest_promptevals.records.responses import RenderedPrompt, Response
from pytest_promptevals.records.results import CaseResult, Score, Trial

_CLOSE: Final = 1e-6
"""Baselines keep six digits of a score."""
OF_BASELINE: Final = "baseline"
"""``CaseResult.reused_from`` of what a committed baseline says, for which the history has no run."""


class ReuseMode(enum.Enum):
    """What is taken of known results."""

    RESUME = "resume"
    """Responses, where what was asked and how it is judged is unchanged."""
    REJUDGE = "rejudge"
    """Responses, whatever was asked: they are judged as the case says now."""
    REGATE = "regate"
    """Scores, where what was judged and how is unchanged: thresholds and gates are those of now."""


def can_reuse(mode: ReuseMode, planned: PlannedCase, known: CaseResult) -> bool:
    """Return whether a known result can stand for a case in that mode; ``RESUME`` finds out when it runs the case."""
    return mode is not ReuseMode.REGATE or known.case_fingerprint == planned.fingerprint


async def rejudge_case(
    planned: PlannedCase, known: CaseResult, pipeline: Pipeline, before: str | None = None
) -> CaseResult:
    """Return the result of judging the known responses as the case is now.

    Prompt, model and responses are the known ones; a trial that has none stays the error that it was. ``before`` is
    the baseline's output, for judges that compare with it.
    """
    if not known.trials:  # it ended before there was anything to judge
        return _in_place_of(known, planned)
    outcomes = await asyncio.gather(
        *(_rejudge_trial(planned, known, trial, pipeline, before) for trial in known.trials)
    )
    result = assemble_result(planned, known.prompt, outcomes)
    return dataclasses.replace(
        result,
        model=known.model,
        prompt_name=known.prompt_name,
        prompt_hash=known.prompt_hash,
        fingerprint=_fingerprint_anew(planned, known),
    )


def _fingerprint_anew(planned: PlannedCase, known: CaseResult) -> str:
    """Return the fingerprint of known responses that are judged as now: that of a run which asked the same."""
    if planned.full_fingerprint(known.prompt, known.case_fingerprint) == known.fingerprint:
        return planned.full_fingerprint(known.prompt)
    return content_hash({"judged anew": known.fingerprint, "case": planned.fingerprint})


async def _rejudge_trial(
    planned: PlannedCase, known: CaseResult, trial: Trial, pipeline: Pipeline, before: str | None
) -> Outcome:
    if trial.response is None:
        return Outcome(error=trial.error or known.error)
    response = dataclasses.replace(trial.response, cached=True)  # it was paid by the run that it comes from
    return await judge_response(planned, response, known.prompt, pipeline, before)


def regate_case(planned: PlannedCase, known: CaseResult) -> CaseResult:
    """Return the known result with the thresholds, weights and reducer of now."""
    result = as_reused(known)
    if known.error is not None:
        return _in_place_of(result, planned)
    judges = {judge.spec.name: judge for judge in planned.judges}
    trials = tuple(_regate_trial(trial, judges) for trial in result.trials)
    dataset = planned.plan.dataset
    scores, score, passed = reduce_trials(dataset.reducer, trials, dataset.threshold)
    regated = dataclasses.replace(result, trials=trials, scores=scores, score=score, passed=passed)
    return _in_place_of(regated, planned)


def _in_place_of(result: CaseResult, planned: PlannedCase) -> CaseResult:
    case = planned.case
    return dataclasses.replace(
        result, location=case.location, tags=case.tags, group=case.group, weight=case.weight, reused_from=None
    )


def _regate_trial(trial: Trial, judges: dict[str, PlannedJudge]) -> Trial:
    scores = tuple(_regate_score(score, judges[score.judge]) for score in trial.scores)
    score, passed = score_trial(scores)
    return dataclasses.replace(trial, scores=scores, score=score, passed=passed)


def _regate_score(score: Score, planned: PlannedJudge) -> Score:
    spec = planned.spec
    regated = dataclasses.replace(score, weight=spec.weight, required=spec.required)
    if score.threshold is None or spec.negated:
        return regated  # the judge decided by other means
    default = planned.judge_type.default_threshold if planned.judge_type is not None else None
    threshold = default if spec.threshold is None else spec.threshold
    if threshold is None or score.passed is not (score.value >= score.threshold):
        return dataclasses.replace(regated, threshold=threshold)
    return dataclasses.replace(regated, threshold=threshold, passed=score.value >= threshold)


def result_of_baseline(planned: PlannedCase, before: BaselineCase, prompt: RenderedPrompt) -> CaseResult:
    """Return what a baseline keeps of a case that is unchanged, as its result: numbers, and the first response."""
    judges = {judge.spec.name: judge for judge in planned.judges}
    scores = tuple(_score_of(name, value, judges[name]) for name, value in before.scores.items() if name in judges)
    values = before.trial_scores or (before.score,)
    response = Response(before.output, latency=before.latency, cost=before.cost, cached=True)
    trials = tuple(
        Trial(number, response if number == 1 else None, scores if len(values) == 1 else (), value)
        for number, value in enumerate(values, start=1)
    )
    result = CaseResult(
        file=planned.plan.dataset.path,
        name=planned.name,
        case_id=planned.case.id,
        location=planned.case.location,
        model=before.model,
        prompt_name=before.prompt_name,
        prompt_hash=before.prompt_hash,
        case_fingerprint=before.case_fingerprint,
        fingerprint=before.fingerprint,
        trials=trials,
        scores=scores,
        score=before.score,
        passed=before.passed,
        prompt=prompt,
        expected=planned.case.expected,
        reused_from=OF_BASELINE,
    )
    return dataclasses.replace(result, tags=planned.case.tags, group=planned.case.group, weight=planned.case.weight)


def same_as_before(planned: PlannedCase, before: BaselineCase, prompt: RenderedPrompt) -> BaselineCase | None:
    """Return what a baseline keeps of a case that is asked and judged as it was then, ``None`` if it is not.

    Where a part of the judges is left out, it is what those say that are not.
    """
    fingerprint = planned.full_fingerprint(prompt)
    if before.fingerprint == fingerprint:
        return before
    weights = {judge.spec.name: judge.spec.weight for judge in planned.judges}
    if not planned.written or is_of_trials(planned.fingerprint) or weights.keys() - before.scores.keys():
        return None
    if whole_fingerprint(planned.fingerprint) != before.case_fingerprint:
        return None
    if planned.full_fingerprint(prompt, before.case_fingerprint) != before.fingerprint:
        return None
    scores = {name: value for name, value in before.scores.items() if name in weights}
    score = sum(weights[name] * value for name, value in scores.items()) / sum(weights.values())
    return dataclasses.replace(
        before,
        case_fingerprint=planned.fingerprint,
        fingerprint=fingerprint,
        scores=scores,
        score=round(score, SCORE_DIGITS),
        trial_scores=(),  # those are of all judges
    )


def with_judges_of_now(planned: PlannedCase, known: CaseResult, prompt: RenderedPrompt) -> CaseResult:
    """Return the known result of an unchanged case by those of its judges that run now: none of it is paid again."""
    names = {judge.spec.name for judge in planned.judges}
    trials = tuple(
        dataclasses.replace(trial, scores=tuple(score for score in trial.scores if score.judge in names))
        for trial in known.trials
    )
    return dataclasses.replace(
        regate_case(planned, dataclasses.replace(known, trials=trials)),
        case_fingerprint=planned.fingerprint,
        fingerprint=planned.full_fingerprint(prompt),
    )


def passes_now(planned: PlannedCase, before: BaselineCase) -> bool:
    """Return whether a case of a baseline passed, and reaches the thresholds of now as well."""
    judges = {judge.spec.name: judge for judge in planned.judges}
    scores = [_score_of(name, value, judges[name]) for name, value in before.scores.items() if name in judges]
    threshold = planned.plan.dataset.threshold
    is_reached = threshold is None or before.score >= threshold - _CLOSE
    return before.passed and is_reached and all(score.passed for score in scores if score.required)


def _score_of(name: str, value: float, planned: PlannedJudge) -> Score:
    spec = planned.spec
    default = planned.judge_type.default_threshold if planned.judge_type is not None else None
    threshold = default if spec.threshold is None else spec.threshold
    passed = spec.negated or threshold is None or value >= threshold - _CLOSE
    return Score(name, value, passed, threshold, spec.weight, spec.required)


def as_reused(result: CaseResult, run_id: str | None = None) -> CaseResult:
    """Return a result that another run has paid for, naming that run: none of its cost is spent again."""
    trials = tuple(_as_cached(trial) for trial in result.trials)
    return dataclasses.replace(result, trials=trials, reused_from=run_id)


def _as_cached(trial: Trial) -> Trial:
    response = None if trial.response is None else dataclasses.replace(trial.response, cached=True)
    judging = trial.judging
    if judging is not None:
        judging = dataclasses.replace(judging, spent=None if judging.cost is None else 0.0, cached=judging.calls)
    return dataclasses.replace(trial, response=response, scores=_paid_before(trial.scores), judging=judging)


def _paid_before(scores: Sequence[Score]) -> tuple[Score, ...]:
    return tuple(
        dataclasses.replace(score, spent=None if score.cost is None else 0.0, cached=score.calls)
        if score.calls or score.cost is not None
        else score
        for score in scores
    )
