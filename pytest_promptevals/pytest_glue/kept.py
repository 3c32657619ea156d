"""What the session keeps of each result until its end: thousands of them must fit into memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.engine.endpoint import RECORDED, TESTED
from pytest_promptevals.history.baselines import keep_output as keep
from pytest_promptevals.records.json_types import Json, JsonObject
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import CaseResult, JudgeSpending, Score, Trial
from pytest_promptevals.records.runs import Run, RunKind

_LONGEST_NAME: Final = 100
"""Characters."""


def without_texts(result: CaseResult, *, keep_output: bool, is_whole: bool = False) -> CaseResult:
    """Return the result with its numbers, without the texts: those were shown and recorded as they came.

    With ``keep_output`` its output stays, as short as a baseline keeps it; with ``is_whole`` all of it.
    """
    trials = tuple(
        _trial_without_texts(trial, keep_output=keep_output and trial.number == 1, is_whole=is_whole)
        for trial in result.trials
    )
    return dataclasses.replace(
        result,
        trials=trials,
        scores=tuple(_score_without_text(score) for score in result.scores),
        prompt=None,
        expected=None,
        tags=(),
        text_lengths=result.text_lengths
        or tuple(len(trial.response.text) for trial in result.trials if trial.response is not None),
    )


def _trial_without_texts(trial: Trial, *, keep_output: bool, is_whole: bool) -> Trial:
    response = trial.response
    if response is not None:
        text = keep(response.text, is_whole=is_whole) if keep_output else ""
        response = Response(text, latency=response.latency, cost=response.cost, cached=response.cached)
    # What costs nothing has no part in any sum, and what has no details in no comparison.
    scores = tuple(_score_without_text(score) for score in trial.scores if score.details or _is_paid(score))
    return Trial(trial.number, response, scores, trial.score, trial.passed, judging=trial.judging)


def _score_without_text(score: Score) -> Score:
    if score.details is not None:
        return dataclasses.replace(score, explanation="", details=_without_long_texts(score.details))
    return dataclasses.replace(score, explanation="") if score.explanation else score


def _without_long_texts(details: JsonObject) -> JsonObject:
    """Return the numbers and names of a judge's details, without what its model wrote."""
    return {key: _shorten(value) for key, value in details.items() if not _is_long(value)}


def _shorten(value: Json) -> Json:
    if isinstance(value, dict):
        return dict(_without_long_texts(value))
    if isinstance(value, list):
        return [_shorten(item) for item in value if not _is_long(item)]
    return value


def _is_long(value: Json) -> bool:
    return isinstance(value, str) and len(value) > _LONGEST_NAME


@dataclass(slots=True)
class Totals:
    """What a run asked for. What it took over from another one was asked for by that."""

    kind: RunKind = RunKind.RUN
    """What the run is: it may be made of the outputs of another."""
    calls: int = 0
    """Responses that were called for, cached ones included, and judges' calls."""
    cached: int = 0
    """Part of ``calls`` that was read from the cache."""
    cost: float = 0.0
    """US dollars of all whose cost is known."""
    spent: float = 0.0
    """Part of ``cost`` that was paid in this run."""
    judged: float = 0.0
    """Part of ``cost`` that is for judges."""
    unpriced: int = 0
    """Results of which a part of the cost is unknown."""

    def add(self, result: CaseResult, instead_of: CaseResult | None = None) -> None:
        """Add a result, of which an earlier one that it takes the place of counts only as paid."""
        if instead_of is not None:
            self._count(instead_of, -1)
        self._count(result, 1)
        self.spent += sum(_known(self._spent_amounts(result)))

    def extend(self, result: CaseResult, before: CaseResult, lost: float) -> None:
        """Put a result with further trials in the place of what it was; ``lost`` was paid for no score."""
        self._count(before, -1)
        self._count(result, 1)
        # In the same steps as the cost, so that the two are equal where all of it was paid.
        self.spent -= sum(_known(self._spent_amounts(before)))
        self.spent += sum(_known(self._spent_amounts(result)))
        self.spent += lost

    def _count(self, result: CaseResult, sign: int) -> None:
        responses, charges = self._asked_for(result)
        self.calls += sign * (len(responses) + sum(charge.calls for charge in charges))
        self.cached += sign * sum(answered.cached for answered in (*responses, *charges))
        judged = [charge.cost for charge in charges]
        costs = [*(response.cost for response in responses), *judged]
        self.unpriced += sign * (None in costs)
        self.cost += sign * sum(_known(costs))
        self.judged += sign * sum(_known(judged))

    def _asked_for(self, result: CaseResult) -> tuple[list[Response], list[Score | JudgeSpending]]:
        """Return the responses that the run called for, and what its judges spent."""
        if result.reused_from is not None or self.kind is RunKind.REGATE:
            return [], []
        return [] if self.kind is RunKind.REJUDGE else _called(result), result.charges

    def _spent_amounts(self, result: CaseResult) -> list[float | None]:
        responses, charges = self._asked_for(result)
        paid = [0.0 if response.cached else response.cost for response in responses]
        return [*paid, *(charge.spent for charge in charges)]

    def put_into(self, run: Run) -> Run:
        """Return the run with these numbers; one that was merged brings those of its shares."""
        if run.calls:
            return run
        is_known = self.unpriced == 0
        return dataclasses.replace(
            run,
            calls=self.calls,
            cached=self.cached,
            cost=self.cost if is_known else None,
            spent=self.spent if is_known else None,
        )


def _called(result: CaseResult) -> list[Response]:
    """Return the responses that were called for: an output that stands in a file, or that a test hands in, was not."""
    responses = [trial.response for trial in result.trials if trial.response is not None]
    return [response for response in responses if result.model not in (RECORDED, TESTED) or response.cost is not None]


def _is_paid(score: Score) -> bool:
    # A judge may state a cost of its own although it asked nothing through the engine.
    return score.calls > 0 or score.cost is not None


def _known(costs: Sequence[float | None]) -> list[float]:
    return [cost for cost in costs if cost is not None]
