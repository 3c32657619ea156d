"""Further trials of a case that has a result: what it has stays, and is not paid again."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.runner import Outcome, make_trial, run_trial
from pytest_promptevals.engine.trials import reduce_trials
from pytest_promptevals.records.results import CaseResult, ErrorRecord, Trial

REDUCER = "mean"
"""The only reducer under which more trials make a score more exact, and do not change what it means."""


@dataclass(frozen=True, slots=True)
class MoreTrials:
    """What further trials of a case gave."""

    result: CaseResult
    """The case's result with them. Whether it passes is what it was before."""
    error: ErrorRecord | None = None
    """Why there are fewer than were asked for."""
    lost: float = 0.0
    """US dollars that were paid, as far as is known, for trials that are no part of the result."""


def can_have_more(planned: PlannedCase) -> bool:
    """Return whether further trials of a case can say more of it: a recorded output is what it is."""
    return planned.case.output is None and planned.plan.dataset.reducer == REDUCER


async def add_trials(
    planned: PlannedCase, result: CaseResult, end: int, pipeline: Pipeline, before: str | None = None
) -> MoreTrials:
    """Return the result with further trials, so that it has ``end`` of them.

    The prompt is the one that was rendered. A trial that gives no score is left out, with those after it, so that the
    numbers have no gap. ``before`` is the baseline's output, for judges that compare with it.
    """
    prompt = result.prompt
    if prompt is None:
        return MoreTrials(result, ErrorRecord("prompt", "the prompt of the first trial is not known any more"))
    numbers = range(len(result.trials) + 1, end + 1)
    outcomes = await asyncio.gather(*(run_trial(planned, prompt, pipeline, number, None, before) for number in numbers))
    scored = list(itertools.takewhile(lambda outcome: outcome.error is None, outcomes))
    error = next((outcome.error for outcome in outcomes if outcome.error is not None), None)
    further = [dataclasses.replace(outcome, is_further=True) for outcome in scored]
    trials = [make_trial(number, outcome) for number, outcome in zip(numbers, further, strict=False)]
    return MoreTrials(_extend(planned, result, trials), error, _lost(outcomes[len(scored) :]))


def _extend(planned: PlannedCase, result: CaseResult, more: Sequence[Trial]) -> CaseResult:
    if not more:
        return result
    trials = (*result.trials, *more)
    scores, score, passed = reduce_trials(REDUCER, trials, planned.plan.dataset.threshold)
    return dataclasses.replace(result, trials=trials, scores=scores, score=score, passed=passed)


def _lost(outcomes: Sequence[Outcome]) -> float:
    paid = [outcome.response.cost for outcome in outcomes if outcome.response and not outcome.response.cached]
    judged = [score.spent for outcome in outcomes for score in outcome.scores]
    unscored = [outcome.judging.spent for outcome in outcomes if outcome.judging is not None]
    return sum(cost for cost in (*paid, *judged, *unscored) if cost is not None)
