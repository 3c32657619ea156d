"""Further trials of a case that has a result."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pytest_promptevals.engine.more_trials import MoreTrials, add_trials, can_have_more
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.runner import run_case
from pytest_promptevals.errors import ProviderConfigError
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import CaseResult
from tests.unit.engine.plans import CountingProvider, plan

HEAD = "model: counting/m\nprompt: '{{ input }}'\njudges: [exact]\n"
CASE = "cases: [{id: a, input: hi, expected: hi}]\n"


class Flaky(CountingProvider):
    """Answers rightly in odd trials, and not at all from the sixth on."""

    async def complete(self, request: Request) -> Response:
        """Do so."""
        self.requests.append(request)
        if request.trial >= 6:
            raise ProviderConfigError("gone")
        return Response("hi" if request.trial % 2 else "no", cost=0.25)


def more(folder: Path, text: str, end: int) -> tuple[CaseResult, MoreTrials, list[int]]:
    """Run a case, then more trials of it; return both results, and the trials that the provider was asked for."""
    made: list[Flaky] = []

    def make(context: object) -> Flaky:
        made.append(Flaky(context))  # type: ignore[arg-type]  # the provider's own factory
        return made[-1]

    (planned,) = plan(folder, text, counting=make)

    async def main() -> tuple[CaseResult, MoreTrials]:
        pipeline = Pipeline(folder, 4)
        first = await run_case(planned, pipeline)
        added = await add_trials(planned, first, end, pipeline)
        await pipeline.close()
        return first, added

    first, added = asyncio.run(main())
    return first, added, [request.trial for request in made[0].requests]


def test_only_the_new_trials_are_asked_for(tmp_path: Path) -> None:
    first, added, asked = more(tmp_path, HEAD + CASE, 4)

    assert asked == [1, 2, 3, 4]
    assert [trial.number for trial in added.result.trials] == [1, 2, 3, 4]
    assert added.result.trials[0] is first.trials[0]
    assert added.result.score == 0.5
    assert added.error is None
    assert added.lost == 0


def test_whether_the_case_passes_stays_as_it_was_reported(tmp_path: Path) -> None:
    first, added, _ = more(tmp_path, HEAD + CASE, 4)

    assert first.passed is True
    assert added.result.passed is True
    assert added.result.scores[0].value == 0.5
    assert added.result.scores[0].passed is True


def test_trials_from_the_first_that_fails_on_are_left_out(tmp_path: Path) -> None:
    _, added, asked = more(tmp_path, HEAD + CASE, 8)

    assert asked == list(range(1, 9))
    assert len(added.result.trials) == 5
    assert added.error is not None
    assert added.error.message == "gone"


def test_what_was_paid_for_trials_without_a_score_is_known(tmp_path: Path) -> None:
    head = HEAD.replace("[exact]", "[{odd: {gives: raise}}]")
    (planned,) = plan(tmp_path, HEAD + CASE)
    (broken,) = plan(tmp_path, head + CASE)

    async def main() -> tuple[CaseResult, MoreTrials]:
        pipeline = Pipeline(tmp_path, 4)
        first = await run_case(planned, pipeline)
        return first, await add_trials(broken, first, 3, pipeline)

    first, added = asyncio.run(main())

    assert added.result is first
    assert added.lost == 0.5
    assert added.error is not None
    assert added.error.kind == "judge"


def test_a_case_whose_prompt_is_not_known_gets_none(tmp_path: Path) -> None:
    (planned,) = plan(tmp_path, HEAD + CASE)
    result = CaseResult("a.eval.yaml", "a", "a", planned.case.location, "counting/m", "p", "c", "f")

    added = asyncio.run(add_trials(planned, result, 4, Pipeline(tmp_path, 4)))

    assert added.result is result
    assert added.error is not None
    assert added.error.message == "the prompt of the first trial is not known any more"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD + CASE, True),
        (HEAD + "reducer: max\n" + CASE, False),
        (HEAD + "cases: [{id: a, input: hi, expected: hi, output: hi}]\n", False),
    ],
)
def test_recorded_outputs_and_other_reducers_cannot_have_more(tmp_path: Path, text: str, expected: bool) -> None:
    planned: PlannedCase
    (planned,) = plan(tmp_path, text)

    assert can_have_more(planned) is expected
