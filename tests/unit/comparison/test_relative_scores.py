from __future__ import annotations

import dataclasses

import pytest

from pytest_promptevals.comparison.pairing import compute_deltas
from pytest_promptevals.comparison.relative import against_itself
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.results import CHILDREN, RELATIVE, CaseResult, Score, Trial
from tests.support.sample_results import make_case, make_result


def judged(pairwise: float, exact: float | None = None, weight: float = 1.0) -> CaseResult:
    """A result that one judge compared with the baseline's."""
    scores = [Score("pairwise", pairwise, pairwise >= 0.5, 0.5, weight, details={RELATIVE: True})]
    if exact is not None:
        scores.append(Score("exact", exact, exact >= 0.5, 0.5))
    score = sum(one.weight * one.value for one in scores) / sum(one.weight for one in scores)
    return make_result("a", score, scores=tuple(scores), trials=(Trial(1, None, tuple(scores), score, True),))


def before(score: float, **scores: float) -> BaselineCase:
    return make_case("a", score, scores=scores)


def test_a_response_as_good_as_one_that_once_won_is_no_drop() -> None:
    (delta,) = compute_deltas([judged(0.5)], [before(1.0, pairwise=1.0)], {"a"})

    assert (delta.before, delta.after, delta.drop) == (0.5, 0.5, 0.0)


def test_a_response_that_loses_to_one_that_once_lost_is_a_drop() -> None:
    (delta,) = compute_deltas([judged(0.0)], [before(0.0, pairwise=0.0)], {"a"})

    assert delta.drop == 0.5


def test_the_other_judges_keep_what_they_said() -> None:
    base = against_itself(judged(0.5, exact=1.0, weight=3.0), before(0.75, pairwise=1.0, exact=0.0))

    assert base is not None
    assert base.score == pytest.approx(0.375)
    assert base.scores == {"pairwise": 0.5, "exact": 0.0}


@pytest.mark.parametrize(
    "base",
    [before(1.0, pairwise=0.2), before(1.0, other=1.0)],
    ids=["the score is no mean of the judges'", "the judge is new"],
)
def test_a_score_that_is_not_made_of_these_judges_stays(base: BaselineCase) -> None:
    assert against_itself(judged(0.5), base) is base


def test_judges_of_weight_0_change_nothing() -> None:
    base = before(1.0, pairwise=1.0)
    scores = (Score("pairwise", 0.5, True, 0.5, 0.0, details={RELATIVE: True}),)
    result = make_result("a", 1.0, scores=scores, trials=(Trial(1, None, scores, 1.0, True),))

    assert against_itself(result, base) is base


def test_without_such_a_judge_the_baseline_stays() -> None:
    base = make_case("a", 1.0)

    assert against_itself(make_result("a", 0.5), base) is base
    assert against_itself(judged(0.5), None) is None


@pytest.mark.parametrize(("threshold", "passes"), [(0.5, True), (0.7, False)])
def test_the_baseline_passes_if_a_tie_does(threshold: float, passes: bool) -> None:
    scores = (Score("pairwise", 0.0, False, threshold, details={RELATIVE: True}),)
    result = make_result("a", 0.0, scores=scores, trials=(Trial(1, None, scores, 0.0, False),))

    base = against_itself(result, dataclasses.replace(before(1.0, pairwise=1.0), passed=not passes))

    assert base is not None
    assert base.passed is passes


def test_where_a_judge_has_no_threshold_the_baseline_passes_as_it_did() -> None:
    scores = (Score("not pairwise", 0.5, False, None, details={RELATIVE: True}),)
    result = make_result("a", 0.5, scores=scores, trials=(Trial(1, None, scores, 0.5, False),))

    for passed in (True, False):
        base = against_itself(result, make_case("a", 0.0, passed=passed, scores={"not pairwise": 0.0}))
        assert base is not None
        assert (base.passed, base.score) == (passed, 0.5)


def grouped(value: float, pairwise: float, exact: float | None = None) -> CaseResult:
    """A result of a group that holds a judge which compared with the baseline's."""
    children: dict[str, Json] = {"pairwise": {"score": pairwise, "details": {RELATIVE: True}}}
    if exact is not None:
        children["exact"] = {"score": exact}
    scores = (Score("group", value, value >= 0.5, 0.5, details={CHILDREN: children}),)
    return make_result("a", value, scores=scores, trials=(Trial(1, None, scores, value, True),))


@pytest.mark.parametrize(
    ("now", "once", "counts"),
    [
        (grouped(0.5, 0.5), 1.0, 0.5),
        (grouped(0.0, 0.0), 0.0, 0.5),
        (grouped(0.5, 0.5, exact=1.0), 1.0, 0.5),
        (grouped(0.0, 0.5, exact=0.0), 0.5, 0.5),
        (grouped(0.0, 0.0, exact=1.0), 0.25, 0.25),
        (grouped(0.5, 0.5, exact=0.0), 1.0, 0.5),
        (grouped(1.0, 0.0, exact=1.0), 0.0, 0.5),
        (grouped(0.9, 0.5, exact=0.9), 1.0, 0.9),
        (grouped(0.3, 0.5, exact=1.0), 0.7, 0.7),
    ],
    ids=[
        "alone, and had won",
        "alone, and had lost",
        "all_of that had won",
        "all_of whose other judge fell",
        "all_of that was lower than a tie",
        "any_of that had won",
        "any_of that had lost",
        "any_of that another judge held up",
        "the opposite of a group",
    ],
)
def test_a_group_counts_as_its_judges_would_beside_the_same_response(
    now: CaseResult, once: float, counts: float
) -> None:
    base = against_itself(now, before(once, group=once))

    assert base is not None
    assert base.scores == {"group": pytest.approx(counts)}
