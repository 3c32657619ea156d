"""Results of an earlier run, decided or judged anew: no call is made to the model that is tested."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from collections.abc import Sequence
from typing import Final

from pytest_promptevals.engine.judging import PlannedJudge, flatten
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.runner import Outcome, assemble_result, judge_response
from pytest_promptevals.engine.thresholds import KnownScore, decides_itself, passes_now, threshold_of
from pytest_promptevals.engine.trials import (
    SCORE_DIGITS,
    counts_passes,
    is_share_reached,
    reduce_trials,
    score_trial,
)
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.fingerprints import content_hash
from pytest_promptevals.records.partial import is_of_trials, whole_fingerprint
from pytest_promptevals.records.responses import RenderedPrompt, Response
from pytest_promptevals.records.results import OF_BASELINE, CaseResult, Score, Trial

_EXTREMES: Final = ("min", "max")
"""Reducers whose score is that of a single trial."""
_CLOSE: Final = 1e-6
"""Baselines keep six digits of a score."""


class ReuseMode(enum.Enum):
    """What is taken of known results."""

    RESUME = "resume"
    """Responses, where what was asked and how it is judged is unchanged."""
    REJUDGE = "rejudge"
    """Responses, whatever was asked: they are judged as the case says now."""
    REGATE = "regate"
    """Scores, where what was judged and how is unchanged: thresholds and gates are those of now."""
    MERGE = "merge"
    """All of them as they are: they are the results of this very run, of which its shares had each a part."""


def can_reuse(mode: ReuseMode, planned: PlannedCase, known: CaseResult) -> bool:
    """Return whether a known result can stand for a case in that mode; ``RESUME`` finds out when it runs the case."""
    if mode is not ReuseMode.REGATE:
        return True
    return known.case_fingerprint == planned.fingerprint and can_decide(planned, known)


def can_decide(planned: PlannedCase, known: CaseResult) -> bool:
    """Return whether the known scores of an unchanged case tell what the thresholds of now make of them.

    Those of a group's judges are needed where their thresholds differ, and those of each trial. The answer is about
    what is kept, and not about how high the scores are where that can be helped: else they would pick what runs again.
    """
    if known.error is not None:
        return True
    judges = {judge.spec.name: judge for judge in planned.judges}
    if any(len(trial.scores) < len(judges) for trial in known.trials):
        return False
    if counts_passes(planned.plan.dataset.reducer):  # then thresholds are a part of the fingerprint
        return True
    scores = [score for trial in known.trials for score in trial.scores if judges[score.judge].spec.required]
    return all(_decide_score(score, judges[score.judge]) is not None for score in scores)


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
        return Outcome(error=trial.error or known.error, is_further=trial.is_further)
    response = dataclasses.replace(trial.response, cached=True)  # it was paid by the run that it comes from
    outcome = await judge_response(planned, response, known.prompt, pipeline, before)
    return dataclasses.replace(outcome, is_further=trial.is_further)


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
    decided = _decide_score(score, planned)
    return dataclasses.replace(
        score,
        weight=spec.weight,
        required=spec.required,
        threshold=None if spec.negated else threshold_of(planned),
        passed=score.passed if decided is None else decided,
    )


def _decide_score(score: Score, planned: PlannedJudge) -> bool | None:
    if planned.spec.negated or score.threshold is None:
        return passes_now(planned, KnownScore(score.value, score.passed, score.details))
    if score.passed is not (score.value >= score.threshold):
        return score.passed  # the judge decided by other means
    return passes_now(planned, KnownScore(score.value, None, score.details))


def result_of_baseline(planned: PlannedCase, before: BaselineCase, prompt: RenderedPrompt) -> CaseResult | None:
    """Return what a baseline keeps of an unchanged case, as its result: numbers, and the first response.

    It passes by the thresholds of now; ``None`` if what is kept does not tell whether it does.
    """
    passed = _passes_by_baseline(planned, before)
    if passed is None:
        return None
    judges = {judge.spec.name: judge for judge in planned.judges}
    scores = tuple(
        _score_of(name, value, judges[name], is_single=before.trials == 1)
        for name, value in before.scores.items()
        if name in judges
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
        trials=_trials_of(before, scores, passed=passed),
        scores=scores,
        score=before.score,
        passed=passed,
        prompt=prompt,
        expected=planned.case.expected,
        reused_from=OF_BASELINE,
        text_lengths=() if before.output_length is None else (before.output_length,),
    )
    return dataclasses.replace(result, tags=planned.case.tags, group=planned.case.group, weight=planned.case.weight)


def _trials_of(before: BaselineCase, scores: tuple[Score, ...], *, passed: bool) -> tuple[Trial, ...]:
    """Return as many trials as a baseline has, with what it keeps of each."""
    response = Response(before.output, latency=before.latency, cost=before.cost, cached=True)
    if before.trials <= 1:
        return (Trial(1, response, scores, before.score, passed),)
    values: tuple[float | None, ...] = before.trial_scores or (None,) * before.trials
    return tuple(
        Trial(number, response if number == 1 else None, (), value) for number, value in enumerate(values, start=1)
    )


def _passes_by_baseline(planned: PlannedCase, before: BaselineCase) -> bool | None:
    """Return whether what a baseline keeps of a case reaches the thresholds of now; ``None`` if that is not kept."""
    dataset = planned.plan.dataset
    if counts_passes(dataset.reducer):
        return is_share_reached(before.score, dataset.threshold)
    required = [judge for judge in planned.judges if judge.spec.required]
    # A lowest or highest score passes if that trial does; a mean does not tell which of them did.
    is_single = before.trials == 1 or dataset.reducer in _EXTREMES
    decided = [_passes_reduced(judge, before.scores.get(judge.spec.name), is_single=is_single) for judge in required]
    if None in decided:
        return None
    passed = all(decided) and (dataset.threshold is None or before.score >= dataset.threshold - _CLOSE)
    if passed is not before.passed and any(map(decides_itself, flatten(required))):
        return None
    return passed


def _passes_reduced(planned: PlannedJudge, value: float | None, *, is_single: bool) -> bool | None:
    """Return whether a judge's score over the trials passes; ``None`` if that is not kept."""
    if value is None:
        return None
    if not is_single and (planned.spec.negated or threshold_of(planned) is None):
        return None
    return passes_now(planned, KnownScore(value), _CLOSE)


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


def unchanged_result(planned: PlannedCase, known: CaseResult, prompt: RenderedPrompt, run_id: str) -> CaseResult | None:
    """Return the known result of an unchanged case as the judges that run now and their thresholds have it.

    None of it is paid again. ``None`` if its scores do not tell what thresholds of now make of them.
    """
    names = {judge.spec.name for judge in planned.judges}
    trials = tuple(
        dataclasses.replace(trial, scores=tuple(score for score in trial.scores if score.judge in names))
        for trial in known.trials
    )
    of_those = dataclasses.replace(known, trials=trials)
    if not can_decide(planned, of_those):
        return None
    return dataclasses.replace(
        regate_case(planned, of_those),
        case_fingerprint=planned.fingerprint,
        fingerprint=planned.full_fingerprint(prompt),
        reused_from=run_id,
    )


def _score_of(name: str, value: float, planned: PlannedJudge, *, is_single: bool) -> Score:
    spec = planned.spec
    passed = _passes_reduced(planned, value, is_single=is_single)
    threshold = None if spec.negated else threshold_of(planned)
    return Score(name, value, passed is not False, threshold, spec.weight, spec.required)


def as_reused(result: CaseResult) -> CaseResult:
    """Return a result that another run has paid for: none of its cost is spent again."""
    return dataclasses.replace(result, trials=tuple(_as_cached(trial) for trial in result.trials))


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
