"""The ``evals`` fixture: outputs and scores of a test function, recorded as the result of a case."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import pytest

from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.runner import Outcome, assemble_result, judge_response
from pytest_promptevals.errors import JudgeError
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import CaseResult, ErrorRecord, Score

Result = TypeVar("Result")


class RunOnEngine(Protocol):
    """Runs a coroutine function that takes the pipeline, and returns what it returns."""

    def __call__(self, work: Callable[[Pipeline], object]) -> Outcome:
        """Wait for the outcome."""
        ...


class NotJudgedError(JudgeError):
    """An output that was put to the judges has no score; the recorder knows why."""


class UnscoredOutputError(JudgeError):
    """Of several outputs, some were put to the judges and some were not."""


class Recorder:
    """Records what a test function did with its case.

    ``judge`` puts an output to the judges of the dataset, ``score`` adds a number of the test's own. When the
    function ends, the case fails if a required score is below its threshold. A test that records nothing counts as 1
    if it passes and 0 if an assertion fails.
    """

    def __init__(
        self, planned: PlannedCase, name: str, file: str, run: RunOnEngine, *, before: str | None = None
    ) -> None:
        self._planned = planned
        self._before = before
        self._name = name
        self._file = file
        self._run = run
        self._outcomes: list[Outcome] = []
        self._own_scores: list[Score] = []

    @property
    def case(self) -> Case:
        """The case of this test."""
        return self._planned.case

    def output(self, text: Json | Response) -> None:
        """Record an output, a text or JSON data, without judging it. Called again, it is the next trial."""
        self._outcomes.append(Outcome(_response(text)))

    def judge(self, output: Json | Response) -> Mapping[str, Score]:
        """Record an output, a text or JSON data, put it to the dataset's judges and return their scores by name.

        Called again, it is the next trial. Raises ``JudgeError`` if a judge cannot give a score, or if the dataset has
        no judges.
        """
        __tracebackhide__ = True
        if not self._planned.judges:
            raise JudgeError(f"{self.case.location}: no judges: add 'judges' to the case or to an evals.yaml above it")
        response = _response(output)
        outcome = self._run(lambda pipeline: judge_response(self._planned, response, None, pipeline, self._before))
        self._outcomes.append(outcome)
        if outcome.error is not None:
            raise NotJudgedError(outcome.error.message)
        return {score.judge: score for score in outcome.scores}

    def score(self, name: str, value: float, *, threshold: float | None = None, explanation: str = "") -> None:
        """Record a number of the test's own, 0..1. Without a threshold it never fails the case.

        Raises ``ValueError`` for a number outside of 0..1 and for a name that is taken.
        """
        __tracebackhide__ = True
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"score {name!r} is {value!r}; a score is a number from 0 to 1")
        taken = {score.judge for score in self._own_scores} | {judge.spec.name for judge in self._planned.judges}
        if name in taken:
            raise ValueError(f"score {name!r} is recorded already; give each score a name of its own")
        passed = threshold is None or value >= threshold
        score = Score(name, float(value), passed, threshold, required=threshold is not None, explanation=explanation)
        self._own_scores.append(score)

    def check(self) -> None:
        """Raise ``UnscoredOutputError`` if an output was put to no judge beside others that were."""
        if not any(outcome.scores for outcome in self._outcomes):
            return
        for number, outcome in enumerate(self._outcomes, start=1):
            if not outcome.scores and outcome.error is None:
                raise UnscoredOutputError(
                    f"output {number} of {len(self._outcomes)} was put to no judge, and others were: give it to "
                    "evals.judge(), or leave out evals.output()"
                )

    def result(self, failure: BaseException | None = None) -> CaseResult:
        """Return the case's result, given the exception that ended the test function, if any."""
        return dataclasses.replace(self._assemble(failure), file=self._file, name=self._name)

    def error_result(self, kind: str, message: str) -> CaseResult:
        """Return the result of a case that could not be scored."""
        error = ErrorRecord(kind, message)
        outcomes = [
            outcome if outcome.scores or outcome.error else dataclasses.replace(outcome, error=error)
            for outcome in self._outcomes
        ]
        if not any(outcome.error is error for outcome in outcomes):
            outcomes.append(Outcome(error=error))
        return dataclasses.replace(assemble_result(self._planned, None, outcomes), file=self._file, name=self._name)

    def _assemble(self, failure: BaseException | None) -> CaseResult:
        if isinstance(failure, NotJudgedError):
            return assemble_result(self._planned, None, self._scored_outcomes(None))
        if isinstance(failure, JudgeError):
            return self.error_result("judge", str(failure))
        if failure is not None and not isinstance(failure, AssertionError | pytest.fail.Exception):
            return self.error_result("test", f"the test raised {type(failure).__name__}: {failure}")
        outcomes = self._scored_outcomes(failure)
        result = assemble_result(self._planned, None, outcomes)
        return result if failure is None or result.error is not None else dataclasses.replace(result, passed=False)

    def _scored_outcomes(self, failure: BaseException | None) -> list[Outcome]:
        own = tuple(self._own_scores)
        outcomes = self._outcomes or [Outcome()]
        if any(outcome.scores for outcome in outcomes):  # where others were not judged, the test failed before
            outcomes = [outcome for outcome in outcomes if outcome.scores or outcome.error is not None]
        if not own and not any(outcome.scores or outcome.error for outcome in outcomes):
            passed = failure is None
            own = (Score("test", float(passed), passed, 1.0, explanation=str(failure or "")),)
        return [
            outcome if outcome.error is not None else dataclasses.replace(outcome, scores=outcome.scores + own)
            for outcome in outcomes
        ]


def _response(output: object) -> Response:
    if isinstance(output, Response):
        return output
    if isinstance(output, str):
        return Response(output)
    if isinstance(output, dict | list):
        return Response(json.dumps(output, ensure_ascii=False))
    raise TypeError(f"an output is a text, JSON data or a Response, not {output!r}")
