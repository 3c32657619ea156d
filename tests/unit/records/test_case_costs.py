"""What a case cost, and what of it this run paid."""

from __future__ import annotations

import pytest

from pytest_promptevals.records.progress import Progress
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import CaseResult, Score, Trial
from tests.support.sample_results import make_result

FREE = Score("exact", 1.0, passed=True)


def asked(cost: float | None, spent: float | None) -> Score:
    """The score of a judge that called a model."""
    return Score("rubric", 1.0, passed=True, cost=cost, calls=1, spent=spent)


def result_of(*trials: tuple[Response | None, tuple[Score, ...]]) -> CaseResult:
    return make_result(
        trials=tuple(Trial(number, response, scores) for number, (response, scores) in enumerate(trials, start=1))
    )


@pytest.mark.parametrize(
    ("trials", "cost", "spent"),
    [
        ([(Response("x", cost=0.25), (FREE,))], 0.25, 0.25),
        ([(Response("x", cost=0.25, cached=True), (FREE,))], 0.25, 0.0),
        ([(Response("x", cost=0.25), ()), (Response("x", cost=0.5, cached=True), ())], 0.75, 0.25),
        ([(Response("x", cost=0.25), (asked(0.5, 0.5), FREE))], 0.75, 0.75),
        ([(Response("x", cost=0.25), (asked(0.5, 0.125),))], 0.75, 0.375),
        ([(Response("x", cost=0.25, cached=True), (asked(0.5, 0.5),))], 0.75, 0.5),
        ([(Response("x"), ())], None, None),
        ([(Response("x", cached=True), ())], None, 0.0),
        ([(Response("x", cost=0.25), (asked(None, None),))], None, None),
        ([(Response("x", cost=0.25), ()), (Response("x"), ())], None, None),
        ([(Response("x", cost=0.25), (Score("own", 1.0, passed=True, cost=0.5, spent=0.5),))], 0.75, 0.75),
        ([(None, ())], None, None),
        ([], None, None),
        ([(None, ()), (Response("x", cost=0.25), ())], 0.25, 0.25),
    ],
)
def test_a_case_costs_what_its_responses_and_judges_do(
    trials: list[tuple[Response | None, tuple[Score, ...]]], cost: float | None, spent: float | None
) -> None:
    result = result_of(*trials)

    assert (result.cost, result.spent) == (cost, spent)


def test_progress_of_processes_adds_up_and_is_paused_if_one_is() -> None:
    one = Progress(10, 4, 3, 7, 2, 0.25, 1, 8, is_paused=True)
    other = Progress(5, 1, 2, 3, 1, 0.5, 0, 4)

    assert one.plus(other) == other.plus(one) == Progress(15, 5, 5, 10, 3, 0.75, 1, 12, is_paused=True)
    assert not other.plus(other).is_paused
