"""Known results, judged or decided anew, and what stands for unchanged cases."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.reuse import (
    OF_BASELINE,
    ReuseMode,
    as_reused,
    can_reuse,
    regate_case,
    rejudge_case,
    result_of_baseline,
    same_as_before,
    with_judges_of_now,
)
from pytest_promptevals.engine.runner import run_case
from pytest_promptevals.history.baselines import baseline_cases
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import RenderedPrompt, Response
from pytest_promptevals.records.results import CaseResult, ErrorRecord, JudgeSpending, Score, Trial
from tests.unit.engine.plans import plan
from tests.unit.engine.servers import Server

CASES = "cases: [{id: a, input: hi}]"


def number_of(asked: Request) -> Response:
    return Response(f"answer {asked.trial}", cost=0.5)


def make(folder: Path, judges: str, server: Server | None = None, head: str = "trials: 2") -> PlannedCase:
    """Return the planned case with those judges."""
    text = f"model: mine/m\n{head}\njudges: {judges}\n{CASES}"
    return plan(folder, text, mine=server or Server(answer=number_of))[0]


def run(folder: Path, planned: PlannedCase) -> CaseResult:
    return _in_pipeline(folder, lambda pipeline: run_case(planned, pipeline))


def rejudge(folder: Path, planned: PlannedCase, known: CaseResult) -> CaseResult:
    return _in_pipeline(folder, lambda pipeline: rejudge_case(planned, known, pipeline))


def _in_pipeline(folder: Path, work: Any) -> CaseResult:
    async def main() -> CaseResult:
        pipeline = Pipeline(folder, 4)
        result: CaseResult = await work(pipeline)
        await pipeline.close()
        return result

    return asyncio.run(main())


def test_other_judges_judge_the_known_responses(tmp_path: Path) -> None:
    known = run(tmp_path, make(tmp_path, "[{odd: 0.5}]"))
    server = Server(answer=number_of)

    result = rejudge(tmp_path, make(tmp_path, "[{contains: '1'}]", server), known)

    assert server.asked == []
    assert [trial.passed for trial in result.trials] == [True, False]
    assert result.score == 0.5
    assert [trial.response.text for trial in result.trials if trial.response] == ["answer 1", "answer 2"]


def test_a_result_that_is_judged_anew_has_paid_nothing(tmp_path: Path) -> None:
    known = run(tmp_path, make(tmp_path, "[{odd: 0.5}]"))

    result = rejudge(tmp_path, make(tmp_path, "[{contains: '1'}]"), known)

    assert known.spent == 1.0
    assert (result.cost, result.spent) == (1.0, 0.0)


def test_prompt_model_and_trials_are_those_of_the_known_result(tmp_path: Path) -> None:
    known = run(tmp_path, make(tmp_path, "[{odd: 0.5}]"))
    other = dataclasses.replace(known, model="old/model", prompt_name="old", prompt_hash="0ld")

    result = rejudge(tmp_path, make(tmp_path, "[{contains: '1'}]", head="trials: 5"), other)

    assert (result.model, result.prompt_name, result.prompt_hash) == ("old/model", "old", "0ld")
    assert result.prompt == known.prompt
    assert len(result.trials) == 2
    assert result.case_fingerprint != known.case_fingerprint
    assert result.fingerprint != known.fingerprint


def test_a_trial_without_a_response_stays_the_error_that_it_was(tmp_path: Path) -> None:
    error = ErrorRecord("provider", "away")
    known = run(tmp_path, make(tmp_path, "[{odd: 0.5}]"))
    broken = dataclasses.replace(known, trials=(known.trials[0], Trial(2, error=error)), error=error)

    result = rejudge(tmp_path, make(tmp_path, "[{contains: '1'}]"), broken)

    assert result.error == error
    assert result.trials[0].score == 1.0


def test_a_case_that_had_no_trial_stays_the_error_that_it_was(tmp_path: Path) -> None:
    error = ErrorRecord("prompt", "no template")
    known = dataclasses.replace(
        run(tmp_path, make(tmp_path, "[{odd: 0.5}]")), trials=(), error=error, score=None, passed=None
    )

    result = rejudge(tmp_path, make(tmp_path, "[{contains: '1'}]"), known)

    assert (result.error, result.score, result.passed) == (error, None, None)


@pytest.mark.parametrize(
    ("before", "now", "passed"),
    [
        ("{odd: {gives: 0.6, threshold: 0.5}}", "{odd: {gives: 0.6, threshold: 0.7}}", False),
        ("{odd: {gives: 0.6, threshold: 0.7}}", "{odd: {gives: 0.6, threshold: 0.5}}", True),
        ("{odd: {gives: 0.6, threshold: 0.7}}", "{odd: {gives: 0.6}}", True),
        ("{odd: {gives: 0.6, threshold: 0.7}}", "{odd: {gives: 0.6, threshold: 0.7, required: false}}", True),
        ("{not: {odd: {gives: 0.6, threshold: 0.5}}}", "{not: {odd: {gives: 0.6, threshold: 0.5}}}", False),
    ],
    ids=["a higher threshold", "a lower one", "the judge's own", "not required", "negated"],
)
def test_thresholds_of_now_decide_known_scores(tmp_path: Path, before: str, now: str, passed: bool) -> None:
    known = run(tmp_path, make(tmp_path, f"[{before}]"))

    result = regate_case(make(tmp_path, f"[{now}]"), known)

    assert result.passed is passed
    assert result.score == known.score


def test_what_a_judge_decided_against_its_number_stays_decided(tmp_path: Path) -> None:
    known = run(tmp_path, make(tmp_path, "[{odd: {gives: 0.6, threshold: 0.5}}]"))
    (score,) = known.trials[0].scores
    trials = tuple(
        dataclasses.replace(trial, scores=(dataclasses.replace(score, passed=False),)) for trial in known.trials
    )

    result = regate_case(
        make(tmp_path, "[{odd: {gives: 0.6, threshold: 0.4}}]"), dataclasses.replace(known, trials=trials)
    )

    assert [trial.scores[0].passed for trial in result.trials] == [False, False]
    assert [trial.scores[0].threshold for trial in result.trials] == [0.4, 0.4]


def test_weights_group_and_place_are_those_of_now(tmp_path: Path) -> None:
    judges = "[{{odd: {{gives: 0.6, name: one, weight: {0}}}}}, {{odd: {{gives: 0.2, name: two}}}}]"
    known = run(tmp_path, make(tmp_path, judges.format(1)))
    now = make(tmp_path, judges.format(3))
    case = dataclasses.replace(now.case, group="g", weight=2.0, tags=("t",))

    result = regate_case(dataclasses.replace(now, case=case), known)

    assert known.score == 0.4
    assert result.score == 0.5
    assert (result.group, result.weight, result.tags, result.location) == ("g", 2.0, ("t",), now.case.location)


def test_a_known_error_stays_one(tmp_path: Path) -> None:
    planned = make(tmp_path, "[{odd: 0.5}]")
    known = dataclasses.replace(run(tmp_path, planned), error=ErrorRecord("judge", "broken"), score=None, passed=None)

    result = regate_case(planned, known)

    assert (result.error, result.score, result.passed) == (known.error, None, None)


def test_only_deciding_anew_asks_for_the_same_case_and_judges(tmp_path: Path) -> None:
    known = run(tmp_path, make(tmp_path, "[{odd: 0.5}]"))
    same, other = make(tmp_path, "[{odd: {gives: 0.5, threshold: 0.9}}]"), make(tmp_path, "[{odd: 0.6}]")

    assert can_reuse(ReuseMode.REGATE, same, dataclasses.replace(known, case_fingerprint=same.fingerprint))
    assert not can_reuse(ReuseMode.REGATE, other, known)
    assert can_reuse(ReuseMode.REJUDGE, other, known)


def test_a_reused_result_names_its_run_and_spends_nothing() -> None:
    scores = (Score("rubric", 1.0, True, cost=0.25, calls=2, spent=0.25), Score("exact", 1.0, True))
    judging = JudgeSpending(1, 0.5, 0.5)
    trials = (Trial(1, Response("x", cost=0.5), scores, 1.0, True), Trial(2, judging=judging))
    result = dataclasses.replace(_bare_result(), trials=trials)

    reused = as_reused(result, "run-1")

    assert reused.reused_from == "run-1"
    assert (reused.cost, reused.spent) == (1.25, 0.0)
    assert reused.trials[0].scores[0].cached == 2
    assert reused.trials[0].scores[1] == scores[1]


@pytest.mark.parametrize("trials", [1, 2])
def test_a_baseline_stands_for_an_unchanged_case(tmp_path: Path, trials: int) -> None:
    planned = make(tmp_path, "[{contains: {value: '1', threshold: 0.5}}]", head=f"trials: {trials}")
    known = run(tmp_path, planned)
    (before,) = baseline_cases([known])

    result = result_of_baseline(planned, before, RenderedPrompt(()))

    same = ("name", "case_id", "model", "case_fingerprint", "fingerprint", "score", "passed", "group", "weight", "cost")
    assert [getattr(result, name) for name in same] == [getattr(known, name) for name in same]
    assert [trial.score for trial in result.trials] == [trial.score for trial in known.trials]
    assert result.output == "answer 1"
    assert [(score.judge, score.value, score.passed) for score in result.scores] == [
        (score.judge, score.value, score.passed) for score in known.scores
    ]
    assert (result.reused_from, result.spent) == (OF_BASELINE, 0.0)
    assert baseline_cases([result]) == (before,)


def _bare_result() -> CaseResult:
    return CaseResult("f", "n", "n", Location("f", 1), "m", "", "c", "f")


TWO_JUDGES = "[{contains: '1'}, {odd: 0.5}]"


def of_level_1(planned: PlannedCase, keep: str = "contains") -> PlannedCase:
    """Return the case as a run plans it that leaves a judge out."""
    low = dataclasses.replace(planned.plan, level=1)
    judges = tuple(judge for judge in planned.judges if judge.spec.name == keep)
    return dataclasses.replace(planned, judges=judges, written=planned.judges, plan=low)


def test_what_all_judges_said_stands_for_what_some_of_them_say(tmp_path: Path) -> None:
    whole = make(tmp_path, TWO_JUDGES)
    known = run(tmp_path, whole)
    (before,) = baseline_cases([known])
    low = of_level_1(whole)
    assert known.prompt is not None

    found = same_as_before(low, before, known.prompt)
    result = with_judges_of_now(low, known, known.prompt)

    assert found is not None
    assert (found.scores, found.score, found.trial_scores) == ({"contains": 0.5}, 0.5, ())
    assert found.case_fingerprint == result.case_fingerprint == low.fingerprint
    assert found.fingerprint == result.fingerprint == low.full_fingerprint(known.prompt)
    assert [[score.judge for score in trial.scores] for trial in result.trials] == [["contains"], ["contains"]]
    assert (result.score, [trial.score for trial in result.trials]) == (0.5, [1.0, 0.0])
    assert result.spent == 0


def test_a_case_is_not_the_same_where_what_is_kept_does_not_tell(tmp_path: Path) -> None:
    whole = make(tmp_path, TWO_JUDGES)
    known = run(tmp_path, whole)
    (before,) = baseline_cases([known])
    assert known.prompt is not None
    asked = known.prompt
    of_trials = make(tmp_path, TWO_JUDGES, head="trials: 2\nreducer: majority")
    (of_majority,) = baseline_cases([run(tmp_path, of_trials)])

    assert same_as_before(whole, before, asked) is before
    assert same_as_before(whole, before, RenderedPrompt(())) is None
    assert same_as_before(of_level_1(whole), before, RenderedPrompt(())) is None
    assert same_as_before(of_level_1(whole), dataclasses.replace(before, case_fingerprint="edited"), asked) is None
    assert same_as_before(of_level_1(whole), dataclasses.replace(before, scores={"odd": 1.0}), asked) is None
    assert same_as_before(of_level_1(of_trials), of_majority, asked) is None
