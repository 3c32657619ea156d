"""Cases of which an earlier run has a result."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.runner import run_case
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import CaseResult
from tests.unit.engine.plans import plan
from tests.unit.engine.servers import Server

HEAD = "model: mine/m\ntrials: 2\njudges: [{odd: 0.5}]\n"
CASES = "cases: [{id: a, input: hi}]"


def number_of(asked: Request) -> Response:
    return Response(f"answer {asked.trial}")


def run(planned: PlannedCase, folder: Path, known: CaseResult | None = None) -> CaseResult:
    """Run a case that is known from before."""

    async def main() -> CaseResult:
        pipeline = Pipeline(folder, 4)
        result = await run_case(planned, pipeline, known)
        await pipeline.close()
        return result

    return asyncio.run(main())


def before_and_after(
    folder: Path, text: str, *, trials: tuple[int, ...] = (1, 2)
) -> tuple[CaseResult, CaseResult, int]:
    """Run a case, then another text of it with those trials known; return both, and the calls of the second."""
    first = run(plan(folder, HEAD + CASES, mine=Server(answer=number_of))[0], folder)
    known = dataclasses.replace(first, trials=tuple(trial for trial in first.trials if trial.number in trials))
    server = Server(answer=number_of)
    return first, run(plan(folder, text, mine=server)[0], folder, known), len(server.asked)


def test_known_responses_are_judged_anew_without_a_call(tmp_path: Path) -> None:
    first, second, calls = before_and_after(tmp_path, HEAD + CASES)

    assert calls == 0
    assert second == first


def test_a_trial_that_is_not_known_is_called_for(tmp_path: Path) -> None:
    first, second, calls = before_and_after(tmp_path, HEAD + CASES, trials=(2,))

    assert calls == 1
    assert [trial.response for trial in second.trials] == [trial.response for trial in first.trials]


def test_a_case_that_has_changed_is_called_for(tmp_path: Path) -> None:
    for text in (
        HEAD + "cases: [{id: a, input: ho}]",
        HEAD.replace("0.5", "0.6") + CASES,
        HEAD.replace("mine/m", "mine/n") + CASES,
        HEAD + "parameters: {temperature: 1}\n" + CASES,
    ):
        assert before_and_after(tmp_path, text)[2] == 2
