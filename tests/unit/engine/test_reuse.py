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
    ReuseMode,
    as_reused,
    can_decide,
    can_reuse,
    regate_case,
    rejudge_case,
    result_of_baseline,
    same_as_before,
    unchanged_result,
)
from pytest_promptevals.engine.runner import run_case
from pytest_promptevals.history.baselines import baseline_cases
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import RenderedPrompt, Response
from pytest_promptevals.records.results import OF_BASELINE, CaseResult, ErrorRecord, JudgeSpending, Score, Trial
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


def test_a_reused_result_spends_nothing() -> None:
    scores = (Score("rubric", 1.0, True, cost=0.25, calls=2, spent=0.25), Score("exact", 1.0, True))
    judging = JudgeSpending(1, 0.5, 0.5)
    trials = (Trial(1, Response("x", cost=0.5), scores, 1.0, True), Trial(2, judging=judging))
    result = dataclasses.replace(_bare_result(), trials=trials)

    reused = as_reused(result)

    assert (reused.cost, reused.spent) == (1.25, 0.0)
    assert reused.trials[0].scores[0].cached == 2
    assert reused.trials[0].scores[1] == scores[1]


@pytest.mark.parametrize("trials", [1, 2])
def test_a_baseline_stands_for_an_unchanged_case(tmp_path: Path, trials: int) -> None:
    planned = make(tmp_path, "[{contains: {value: '1', threshold: 0.5}}]", head=f"trials: {trials}")
    known = run(tmp_path, planned)
    (before,) = baseline_cases([known])

    result = result_of_baseline(planned, before, RenderedPrompt(()))

    assert result is not None
    same = ("name", "case_id", "model", "case_fingerprint", "fingerprint", "score", "passed", "group", "weight", "cost")
    assert [getattr(result, name) for name in same] == [getattr(known, name) for name in same]
    assert [trial.score for trial in result.trials] == [trial.score for trial in known.trials]
    assert result.output == "answer 1"
    assert [(score.judge, score.value, score.passed) for score in result.scores] == [
        (score.judge, score.value, score.passed) for score in known.scores
    ]
    assert (result.reused_from, result.spent) == (OF_BASELINE, 0.0)
    assert baseline_cases([result]) == (before,)


FUZZY = "{fuzzy: {value: answer x, threshold: 0.5}}"
STRICT = "{fuzzy: {value: answer x, threshold: 0.95}}"
GROUPS = [
    (f"{{all_of: [{FUZZY}, {{contains: answer}}]}}", f"{{all_of: [{STRICT}, {{contains: answer}}]}}"),
    (f"{{any_of: [{FUZZY}, {{contains: nosuch}}]}}", f"{{any_of: [{STRICT}, {{contains: nosuch}}]}}"),
    (
        f"{{all_of: [{{any_of: [{FUZZY}]}}, {{contains: answer}}]}}",
        f"{{all_of: [{{any_of: {{judges: [{FUZZY}], threshold: 0.95}}}}, {{contains: answer}}]}}",
    ),
    (f"{{not: {STRICT}}}", f"{{not: {FUZZY}}}"),
    (f"{{not: {{all_of: [{STRICT}, {{contains: answer}}]}}}}", f"{{not: {{all_of: [{FUZZY}, {{contains: answer}}]}}}}"),
]


@pytest.mark.parametrize("trials", [1, 2])
@pytest.mark.parametrize(("passing", "failing"), GROUPS, ids=["all_of", "any_of", "nested", "not", "not all_of"])
def test_thresholds_inside_decide_known_scores(tmp_path: Path, passing: str, failing: str, trials: int) -> None:
    head = f"trials: {trials}"
    high, low = make(tmp_path, f"[{failing}]", head=head), make(tmp_path, f"[{passing}]", head=head)
    known, known_to_fail = run(tmp_path, low), run(tmp_path, high)

    assert (known.passed, known_to_fail.passed) == (True, False)
    assert can_reuse(ReuseMode.REGATE, high, known)
    assert regate_case(high, known).passed is False
    assert regate_case(low, known_to_fail).passed is True
    assert regate_case(low, known).passed is True


def without_members(result: CaseResult) -> CaseResult:
    """Return the result as versions kept it that did not keep the scores of a group's judges."""
    trials = tuple(
        dataclasses.replace(trial, scores=tuple(dataclasses.replace(score, details=None) for score in trial.scores))
        for trial in result.trials
    )
    return dataclasses.replace(result, trials=trials)


@pytest.mark.parametrize(
    ("judges", "is_known"),
    [
        ("{all_of: [{contains: answer}, {regex: x}]}", True),
        ("{all_of: [{contains: answer}, {any_of: [{regex: x}]}]}", True),
        ("{any_of: {judges: [{contains: answer}, {odd: 0.5}], threshold: 0.5}}", True),
        ("{any_of: {judges: [{contains: answer}, {odd: {gives: 0.5, threshold: 0.2}}], required: false}}", True),
        ("{all_of: [{contains: answer}, {odd: {gives: 0.5, threshold: 0.2}}]}", False),
        ("{all_of: [{contains: answer}, {not: {contains: x}}]}", False),
    ],
    ids=["one threshold", "one threshold, nested", "one of its own", "not required", "several", "a not among them"],
)
def test_a_group_decides_anew_by_its_own_score_where_that_tells(tmp_path: Path, judges: str, is_known: bool) -> None:
    text = f"[exact, {judges}]".replace("exact", "{contains: {value: a, name: first}}")
    planned = make(tmp_path, text, head="trials: 1")
    known = run(tmp_path, planned)
    (before,) = baseline_cases([known])

    assert can_decide(planned, known)
    assert can_decide(planned, without_members(known)) is is_known
    assert (result_of_baseline(planned, before, RenderedPrompt(())) is not None) is is_known


def test_members_that_are_not_all_kept_are_as_good_as_none(tmp_path: Path) -> None:
    planned = make(tmp_path, f"[{GROUPS[0][0]}]", head="trials: 1")
    known = run(tmp_path, planned)
    (trial,) = known.trials
    several: list[dict[str, Json]] = [
        {"fuzzy": {"score": 0.6}},
        {"fuzzy": 1, "contains": 1},
        {"fuzzy": {"score": "x"}, "contains": {"score": 1}},
    ]
    for kept in several:
        (score,) = trial.scores
        scores = (dataclasses.replace(score, details={"judges": kept}),)
        damaged = dataclasses.replace(known, trials=(dataclasses.replace(trial, scores=scores),))

        assert not can_decide(planned, damaged)
        assert regate_case(planned, damaged).passed is known.passed


def test_what_a_judge_of_ones_own_decided_below_a_not_stays_decided(tmp_path: Path) -> None:
    planned = make(tmp_path, "[{not: {odd: {gives: 0.6, threshold: 0.5}}}]", head="trials: 1")
    known = run(tmp_path, planned)
    (trial,) = known.trials
    scores = tuple(dataclasses.replace(score, passed=True) for score in trial.scores)
    otherwise = dataclasses.replace(known, trials=(dataclasses.replace(trial, scores=scores),))

    assert can_decide(planned, known)
    assert not can_decide(planned, otherwise)


def test_trials_whose_scores_are_not_kept_decide_nothing(tmp_path: Path) -> None:
    planned = make(tmp_path, "[{contains: '1'}]")
    (before,) = baseline_cases([run(tmp_path, planned)])
    of_baseline = result_of_baseline(planned, before, RenderedPrompt(()))

    assert of_baseline is not None
    assert not can_decide(planned, of_baseline)
    assert unchanged_result(planned, of_baseline, RenderedPrompt(()), "run-1") is None


def test_an_error_needs_no_deciding(tmp_path: Path) -> None:
    planned = make(tmp_path, "[{contains: '1'}]")
    known = dataclasses.replace(run(tmp_path, planned), trials=(Trial(1),), error=ErrorRecord("judge", "broken"))

    assert can_decide(planned, known)


PASSES = "{contains: answer}"


@pytest.mark.parametrize(
    ("head", "judges", "now", "passed"),
    [
        ("trials: 2", PASSES, PASSES, True),
        ("trials: 2", "{contains: '1'}", "{contains: {value: '1', threshold: 0.5}}", True),
        ("trials: 2", "{contains: {value: '1', threshold: 0.5}}", "{contains: '1'}", False),
        ("trials: 2", "{not: {contains: x}}", "{not: {contains: x}}", None),
        ("trials: 2\nreducer: min", "{not: {contains: x}}", "{not: {contains: x}}", True),
        ("trials: 2\nreducer: min", "{not: {contains: '1'}}", "{not: {contains: '1'}}", False),
        ("trials: 2\nreducer: max", "{not: {contains: '1'}}", "{not: {contains: '1'}}", True),
        ("trials: 2\nreducer: majority", "{contains: '1'}", "{contains: '1'}", False),
        ("trials: 2\nreducer: pass@2", "{not: {contains: '1'}}", "{not: {contains: '1'}}", True),
        ("trials: 1", "{odd: {gives: 0.6, threshold: 0.5}}", "{odd: {gives: 0.6, threshold: 0.5}}", True),
        ("trials: 1", "{odd: {gives: 0.6, threshold: 0.5}}", "{odd: {gives: 0.6, threshold: 0.7}}", None),
        ("trials: 1", "{odd: {gives: 0.6, threshold: 0.7}}", "{odd: {gives: 0.6, threshold: 0.5}}", None),
    ],
)
def test_a_baseline_is_decided_by_the_thresholds_of_now_where_it_tells(
    tmp_path: Path, head: str, judges: str, now: str, passed: bool | None
) -> None:
    planned = make(tmp_path, f"[{now}]", head=head)
    (before,) = baseline_cases([run(tmp_path, make(tmp_path, f"[{judges}]", head=head))])

    result = result_of_baseline(planned, before, RenderedPrompt(()))

    assert (None if result is None else result.passed) is passed
    assert result is None or baseline_cases([result])[0].trial_scores == before.trial_scores


@pytest.mark.parametrize(("threshold", "passed"), [(0.5, True), (0.7, False)])
def test_the_threshold_of_the_file_decides_what_a_baseline_keeps(
    tmp_path: Path, threshold: float, passed: bool
) -> None:
    judges = "[{fuzzy: {value: 'answer x', threshold: 0.1}}, {contains: {value: q, required: false}}]"
    (before,) = baseline_cases([run(tmp_path, make(tmp_path, judges, head="trials: 1"))])
    planned = make(tmp_path, judges, head=f"trials: 1\nthreshold: {threshold}")

    result = result_of_baseline(planned, dataclasses.replace(before, score=0.6), RenderedPrompt(()))

    assert result is not None
    assert result.passed is passed
    assert [score.passed for score in result.scores] == [True, False]


def test_a_baseline_that_lacks_the_score_of_a_judge_does_not_tell(tmp_path: Path) -> None:
    planned = make(tmp_path, "[{contains: '1'}]", head="trials: 1")
    (before,) = baseline_cases([run(tmp_path, planned)])

    assert result_of_baseline(planned, dataclasses.replace(before, scores={}), RenderedPrompt(())) is None


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
    result = unchanged_result(low, known, known.prompt, "run-1")

    assert found is not None
    assert result is not None
    assert result.reused_from == "run-1"
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
