"""What a baseline says of a case of which only a part of the judges ran now."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pytest_promptevals.comparison.pairing import compute_deltas
from pytest_promptevals.comparison.partial import baseline_for
from pytest_promptevals.records.comparisons import BaselineCase, Change
from pytest_promptevals.records.partial import partial_fingerprint
from pytest_promptevals.records.results import CaseResult, Score
from tests.support.sample_results import make_case, make_result

WHOLE = make_result("a", 0.5).case_fingerprint
PARTIAL = partial_fingerprint(WHOLE, 1, "mean")


def partial_result(*scores: Score, fingerprint: str = PARTIAL) -> CaseResult:
    return dataclasses.replace(make_result("a", 0.5), scores=scores, case_fingerprint=fingerprint)


def base(score: float = 0.4, **fields: Any) -> BaselineCase:
    case = make_case("a", score)
    return dataclasses.replace(
        case, **{"scores": {"exact": 1.0, "fuzzy": 0.5, "rubric": 0.1}, "passed": False, **fields}
    )


EXACT = Score("exact", 1.0, passed=True, threshold=1.0)
FUZZY = Score("fuzzy", 0.5, passed=True, threshold=0.5, weight=3.0)


def test_the_score_is_that_of_the_judges_that_ran_now() -> None:
    found = baseline_for(partial_result(EXACT, FUZZY), base())

    assert found is not None
    assert (found.score, found.case_fingerprint) == (0.625, PARTIAL)
    assert found.scores == {"exact": 1.0, "fuzzy": 0.5}


@pytest.mark.parametrize(
    ("scores", "before", "expected"),
    [
        ((EXACT,), False, True),
        ((dataclasses.replace(FUZZY, threshold=0.6),), False, False),
        ((dataclasses.replace(FUZZY, threshold=0.6),), True, True),
        ((dataclasses.replace(FUZZY, threshold=0.6, required=False), EXACT), False, True),
        ((dataclasses.replace(EXACT, threshold=None),), False, False),
    ],
    ids=["reached", "missed", "all passed", "not required", "unknown"],
)
def test_it_passed_if_all_judges_passed_it_or_those_scores_reach_the_thresholds(
    scores: tuple[Score, ...], before: bool, expected: bool
) -> None:
    found = baseline_for(partial_result(*scores), base(passed=before))

    assert found is not None
    assert found.passed is expected


def test_a_result_of_all_judges_is_compared_as_it_is() -> None:
    case = base()

    assert baseline_for(make_result("a", 0.5), case) is case
    assert baseline_for(make_result("a", 0.5), None) is None


def test_a_baseline_of_the_same_judges_is_taken_as_it_is() -> None:
    case = base(case_fingerprint=PARTIAL)

    assert baseline_for(partial_result(EXACT), case) is case


@pytest.mark.parametrize(
    "case",
    [base(case_fingerprint="another"), base(scores={"rubric": 0.1})],
    ids=["edited", "a judge that it has no score of"],
)
def test_what_was_edited_since_stays_edited(case: BaselineCase) -> None:
    (delta,) = compute_deltas([partial_result(EXACT)], [case], {"a"})

    assert delta.change is Change.EDITED


def test_judges_without_weight_have_no_score_together() -> None:
    case = base()

    assert baseline_for(partial_result(dataclasses.replace(EXACT, weight=0.0)), case) is case


def test_trials_that_pass_are_new_to_a_baseline_of_all_judges() -> None:
    fingerprint = partial_fingerprint(WHOLE, 1, "pass@2")

    (delta,) = compute_deltas([partial_result(EXACT, fingerprint=fingerprint)], [base()], {"a"})

    assert delta.change is Change.NEW


def test_the_same_scores_are_no_change() -> None:
    result = dataclasses.replace(partial_result(EXACT, FUZZY), score=0.625)

    (delta,) = compute_deltas([result], [base()], {"a"})

    assert (delta.change, delta.before, delta.after) == (Change.SAME, 0.625, 0.625)
