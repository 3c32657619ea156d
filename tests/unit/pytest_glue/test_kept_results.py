"""What a session keeps of its results, and what it adds up from them."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_promptevals.history.baselines import keep_output
from pytest_promptevals.pytest_glue.kept import Totals, without_texts
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.responses import Message, RenderedPrompt, Response, Usage
from pytest_promptevals.records.results import CaseResult, ErrorRecord, JudgeSpending, Score, Trial
from pytest_promptevals.records.runs import Run, RunKind
from tests.support.sample_results import make_full_result, make_result

RUN = Run("r", "2026-11-21T00:00:00+00:00")
ASKED = Score("rubric", 0.5, passed=True, explanation="why", cost=0.25, calls=2, spent=0.125, cached=1)
OWN = Score("own", 0.5, passed=True, cost=0.5, spent=0.5)
FREE = Score("exact", 1.0, passed=True, explanation="equal")


def result_of(*trials: tuple[Response | None, tuple[Score, ...]], model: str = "openai/gpt-5-mini") -> CaseResult:
    """A result of those responses and scores."""
    made = tuple(Trial(number, response, scores) for number, (response, scores) in enumerate(trials, start=1))
    return make_result(model=model, trials=made)


def totals_of(*results: CaseResult) -> Totals:
    totals = Totals()
    for result in results:
        totals.add(result)
    return totals


def test_texts_are_let_go_and_numbers_kept() -> None:
    result = dataclasses.replace(
        result_of(
            (Response("long", usage=Usage(1, 2), latency=0.5, cost=0.25, model="m", cached=True), (ASKED, FREE, OWN)),
            (None, ()),
        ),
        scores=(FREE,),
        prompt=RenderedPrompt((Message("user", "x"),)),
        expected="x",
        tags=("smoke",),
    )

    kept = without_texts(result, keep_output=False)

    numbers = tuple(dataclasses.replace(score, explanation="") for score in (ASKED, OWN))
    assert kept.trials == (Trial(1, Response("", latency=0.5, cost=0.25, cached=True), numbers), Trial(2))
    assert kept.scores == (dataclasses.replace(FREE, explanation=""),)
    assert (kept.prompt, kept.expected, kept.tags) == (None, None, ())
    assert (kept.cost, kept.spent, kept.latency) == (result.cost, result.spent, result.latency)
    assert (kept.output_length, result.output_length) == (4.0, 4.0)
    assert (kept.score, kept.passed, kept.fingerprint, kept.name) == (1.0, True, result.fingerprint, result.name)


def test_the_first_output_stays_where_a_baseline_is_saved_as_short_as_that_keeps_it() -> None:
    long = "word " * 10_000
    kept = without_texts(result_of((Response(long), ()), (Response(long), ())), keep_output=True)

    assert kept.output == keep_output(long, is_whole=False)
    assert kept.output != long
    assert [trial.response.text == "" for trial in kept.trials if trial.response] == [False, True]


def test_the_first_output_stays_whole_where_a_judge_compares_with_it() -> None:
    long = "word " * 10_000
    kept = without_texts(result_of((Response(long), ())), keep_output=True, is_whole=True)

    assert kept.output == long


def test_what_each_trial_scored_is_kept() -> None:
    trials = (Trial(1, Response("x"), (), 0.25, passed=False), Trial(2, Response("x"), (), 1.0, passed=True))
    kept = without_texts(dataclasses.replace(result_of((Response("x"), ())), trials=trials), keep_output=False)

    assert kept.trial_scores == (0.25, 1.0)
    assert [trial.passed for trial in kept.trials] == [False, True]


def test_a_score_without_a_text_is_kept_as_it_is() -> None:
    score = dataclasses.replace(FREE, explanation="")

    (kept,) = without_texts(make_result(scores=(score,)), keep_output=False).scores

    assert kept is score


def test_what_a_judge_knows_in_numbers_is_kept_and_what_its_model_wrote_is_let_go() -> None:
    wrote = "It names the day. " * 10
    details: JsonObject = {
        "judge_noise": 0.25,
        "votes": {"a/m": 0.5},
        "samples": [0.5, 1.0],
        "reasoning": wrote,
        "orders": [{"winner": "tie", "reasoning": wrote}, wrote, "short"],
    }
    score = dataclasses.replace(ASKED, details=details)

    (trial,) = without_texts(result_of((None, (score,))), keep_output=False).trials

    assert trial.scores[0].details == {
        "judge_noise": 0.25,
        "votes": {"a/m": 0.5},
        "samples": [0.5, 1.0],
        "orders": [{"winner": "tie"}, "short"],
    }
    assert trial.scores[0].explanation == ""


def test_calls_and_costs_of_responses_and_judges_are_added_up() -> None:
    totals = totals_of(
        result_of((Response("x", cost=0.25), (ASKED, FREE)), (Response("x", cost=1.0, cached=True), (OWN,))),
        result_of((Response("x", cost=2.0), ())),
    )

    assert (totals.calls, totals.cached, totals.unpriced) == (5, 2, 0)
    assert (totals.cost, totals.spent, totals.judged) == (4.0, 2.875, 0.75)
    run = totals.put_into(RUN)
    assert (run.calls, run.cached, run.cost, run.spent) == (5, 2, 4.0, 2.875)


def test_a_merged_run_has_the_numbers_of_its_shares() -> None:
    merged = dataclasses.replace(RUN, calls=7, cached=2, cost=None, spent=0.5)

    assert totals_of(result_of((Response("x", cost=1.0), ()))).put_into(merged) == merged


def test_what_judges_spent_on_no_score_is_added_up_too() -> None:
    failed = Trial(
        1, Response("x", cost=0.25), error=ErrorRecord("judge", "why"), judging=JudgeSpending(2, 0.5, 0.125, 1)
    )
    result = make_result(trials=(failed,))

    totals = totals_of(result)

    assert (totals.calls, totals.cost, totals.spent, totals.unpriced) == (3, 0.75, 0.375, 0)
    assert (totals.cached, totals.judged) == (1, 0.5)
    assert totals_of(without_texts(result, keep_output=False)) == totals


@pytest.mark.parametrize(
    "unknown",
    [
        result_of((Response("x"), ())),
        result_of((Response("x", cost=1.0), ()), (Response("x"), ())),
        result_of((Response("x", cost=1.0), (Score("rubric", 1.0, passed=True, calls=1),))),
    ],
    ids=["response", "one trial", "judge"],
)
def test_a_cost_that_is_unknown_in_part_is_unknown_in_all(unknown: CaseResult) -> None:
    totals = totals_of(result_of((Response("x", cost=1.0), ())), unknown)

    assert totals.unpriced == 1
    run = totals.put_into(RUN)
    assert (run.cost, run.spent) == (None, None)


def test_a_result_without_a_response_counts_for_nothing() -> None:
    assert totals_of(make_result(score=None)) == Totals()


@pytest.mark.parametrize(
    ("kind", "reused_from", "numbers"),
    [
        (RunKind.RUN, None, (3, 2, 0.75, 0.125)),
        (RunKind.RUN, "r0", (0, 0, 0.0, 0.0)),
        (RunKind.REGATE, None, (0, 0, 0.0, 0.0)),
        (RunKind.REJUDGE, None, (2, 1, 0.25, 0.125)),
    ],
)
def test_what_another_run_asked_for_is_no_call_of_this_one(
    kind: RunKind, reused_from: str | None, numbers: tuple[float, ...]
) -> None:
    result = result_of((Response("x", cost=0.5, cached=True), (ASKED,)))
    totals = Totals(kind)

    totals.add(dataclasses.replace(result, reused_from=reused_from))

    assert (totals.calls, totals.cached, totals.cost, totals.spent) == numbers


@pytest.mark.parametrize("model", ["recorded", "test"])
def test_outputs_that_nobody_called_for_are_no_calls_but_their_judges_are(model: str) -> None:
    totals = totals_of(
        result_of((Response("x"), (FREE,)), model=model),
        result_of((Response("x"), (ASKED,)), model=model),
        result_of((Response("x", cost=1.0), ()), model=model),
    )

    assert (totals.calls, totals.unpriced, totals.cost, totals.spent) == (3, 0, 1.25, 1.125)


def test_a_case_that_is_run_again_counts_once_but_for_what_it_paid() -> None:
    first = result_of((Response("x", cost=0.25), (ASKED,)))
    again = result_of((Response("x", cost=0.25, cached=True), (dataclasses.replace(ASKED, spent=0.0, cached=2),)))
    totals = totals_of(first)

    totals.add(again, instead_of=without_texts(first, keep_output=False))

    assert (totals.calls, totals.cached, totals.cost, totals.spent) == (3, 3, 0.5, 0.375)
    assert totals.judged == 0.25


def test_an_error_that_is_run_again_takes_its_unknown_cost_with_it() -> None:
    unknown = result_of((Response("x"), ()))
    totals = totals_of(unknown)

    totals.add(result_of((Response("x", cost=0.25), ())), instead_of=unknown)

    assert (totals.calls, totals.unpriced, totals.cost) == (1, 0, 0.25)


def test_what_is_kept_counts_as_the_whole_does() -> None:
    full = make_full_result()

    assert totals_of(without_texts(full, keep_output=True)) == totals_of(full)


def test_further_trials_take_the_place_of_the_result_and_nothing_is_counted_twice() -> None:
    first = result_of((Response("a", cost=0.25), (ASKED,)))
    more = result_of((Response("a", cost=0.25), (ASKED,)), (Response("b", cost=0.5), ()))
    totals = totals_of(first)

    totals.extend(more, first, lost=0.125)

    assert totals.calls == 4
    assert totals.cost == 1.0
    assert totals.spent == 0.25 + 0.125 + 0.5 + 0.125
