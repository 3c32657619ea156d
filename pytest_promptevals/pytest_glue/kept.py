"""What the session keeps of each result until its end: thousands of them must fit into memory."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from pytest_promptevals.history.baselines import shorten_output
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import CaseResult, Score, Trial
from pytest_promptevals.records.runs import Run


def without_texts(result: CaseResult, *, keep_output: bool) -> CaseResult:
    """Return the result with its numbers, without the texts: those were shown and recorded as they came.

    With ``keep_output`` its output stays, as short as a baseline keeps it.
    """
    trials = tuple(
        _trial_without_texts(trial, keep_output=keep_output and trial.number == 1) for trial in result.trials
    )
    return dataclasses.replace(
        result,
        trials=trials,
        scores=tuple(_score_without_text(score) for score in result.scores),
        prompt=None,
        expected=None,
        tags=(),
    )


def _trial_without_texts(trial: Trial, *, keep_output: bool) -> Trial:
    response = trial.response
    if response is not None:
        text = shorten_output(response.text) if keep_output else ""
        response = Response(text, latency=response.latency, cost=response.cost, cached=response.cached)
    # What costs nothing has no part in any sum.
    scores = tuple(_score_without_text(score) for score in trial.scores if score.calls or score.cost is not None)
    return Trial(trial.number, response, scores)


def _score_without_text(score: Score) -> Score:
    return dataclasses.replace(score, explanation="") if score.explanation else score


@dataclass(slots=True)
class Totals:
    """What the results of a run rest on."""

    calls: int = 0
    """Responses, cached ones included, and judges' calls."""
    cached: int = 0
    """Responses that were read from the cache."""
    cost: float = 0.0
    """US dollars of all whose cost is known."""
    spent: float = 0.0
    """Part of ``cost`` that was paid in this run."""
    unpriced: int = 0
    """Results of which a part of the cost is unknown."""

    def add(self, result: CaseResult) -> None:
        """Add a result."""
        responses = [trial.response for trial in result.trials if trial.response is not None]
        self.calls += len(responses) + sum(score.calls for trial in result.trials for score in trial.scores)
        self.cached += sum(response.cached for response in responses)
        if not responses:
            return
        cost, spent = result.cost, result.spent
        if cost is None:
            self.unpriced += 1
            return
        self.cost += cost
        self.spent += spent or 0.0

    def put_into(self, run: Run) -> Run:
        """Return the run with these numbers."""
        is_known = self.unpriced == 0
        return dataclasses.replace(
            run,
            calls=self.calls,
            cached=self.cached,
            cost=self.cost if is_known else None,
            spent=self.spent if is_known else None,
        )
