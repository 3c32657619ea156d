"""Rows that are no results and no baseline's cases, but have what a comparison reads."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from pytest_promptevals.comparison.compare import compare
from pytest_promptevals.comparison.scored import as_baseline_case
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.partial import partial_fingerprint
from pytest_promptevals.records.results import RELATIVE, CaseResult, ErrorRecord, Score, Trial
from tests.support.sample_results import PLACE, make_case, make_result


class Now(NamedTuple):
    name: str
    case_id: str
    case_fingerprint: str
    model: str
    prompt_name: str
    location: Location | None
    weight: float
    group: str | None
    score: float | None
    passed: bool | None
    error: ErrorRecord | None
    judge_values: dict[str, float]
    trial_count: int
    trial_scores: tuple[float, ...]
    cost: float | None
    latency: float | None
    output_length: float | None
    scores: tuple[Score, ...]
    trials: tuple[Trial, ...]


class Then(NamedTuple):
    name: str
    case_id: str
    case_fingerprint: str
    model: str
    prompt_name: str
    score: float
    passed: bool
    scores: dict[str, float]
    trials: int
    trial_scores: tuple[float, ...]
    cost: float | None
    latency: float | None
    output_length: float | None


def now_row(result: CaseResult) -> Now:
    return Now(**{field: getattr(result, field) for field in Now._fields})


def then_row(case: BaselineCase) -> Then:
    return Then(**{field: getattr(case, field) for field in Then._fields})


def test_rows_are_compared_as_results_are() -> None:
    tried = tuple(Trial(number, None, score=score) for number, score in enumerate((0.4, 0.6), 1))
    results = [make_result("a", 0.5, trials=tried), make_result("b", 0.25), make_result("new", None)]
    baseline = [
        make_case("a", 0.75, trials=2, trial_scores=(0.5, 1.0), cost=0.1),
        make_case("b", 1.0),
        make_case("gone", 0.5, case_fingerprint="g"),
    ]
    names = [result.name for result in results]

    comparison = compare(
        "a", [now_row(one) for one in results], [then_row(one) for one in baseline], collected_names=names
    )

    assert comparison == compare("a", results, baseline, collected_names=names)
    assert comparison.effects


def test_a_row_of_the_baseline_is_seen_as_the_judges_of_now_saw_it() -> None:
    exact, other = (
        Score("exact", 0.2, passed=False, threshold=0.5),
        make_case("a", 0.7, scores={"exact": 0.9, "x": 0.5}),
    )
    result = make_result("a", 0.2, scores=(exact,), case_fingerprint=partial_fingerprint("c" * 16, 1, "mean"))

    (delta,) = compare("a", [now_row(result)], [then_row(other)], collected_names=["a"]).deltas

    assert (delta.before, delta.after, delta.passed_before) == (0.9, 0.2, True)


def test_a_row_of_the_baseline_is_a_tie_with_itself() -> None:
    scores = (Score("pairwise", 0.5, passed=True, threshold=0.5, details={RELATIVE: True}),)
    result = make_result("a", 0.5, scores=scores, trials=(Trial(1, None, scores, 0.5, True),))
    before = make_case("a", 1.0, scores={"pairwise": 1.0})

    (delta,) = compare("a", [now_row(result)], [then_row(before)], collected_names=["a"]).deltas

    assert delta.drop == 0.0


def test_a_row_becomes_a_case_of_a_baseline_where_that_is_needed() -> None:
    case = make_case("a", 0.5, trials=2, trial_scores=(0.0, 1.0), cost=0.1, latency=2.0, output_length=3.0)

    assert as_baseline_case(case) is case
    unknown = dataclasses.replace(case, output="", fingerprint="", prompt_hash="")
    assert as_baseline_case(then_row(case)) == unknown


def test_a_result_says_of_its_trials_what_a_comparison_reads() -> None:
    failed = Trial(3, error=ErrorRecord("judge", "no answer"))
    result = make_result("a", 0.5, trials=(Trial(1, score=0.4), Trial(2, score=0.6), failed), location=PLACE)

    assert (result.trial_count, result.trial_scores) == (3, (0.4, 0.6))
    assert make_result("a", 0.5).trial_scores == ()
    assert make_result("a", 0.5).judge_values == {"exact": 0.5}
