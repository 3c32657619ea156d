"""The lines about judges that take an answer for its place."""

from __future__ import annotations

import pytest

from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.json_types import Json, JsonObject
from pytest_promptevals.records.results import CaseResult, Score, Trial
from pytest_promptevals.reports.position_bias import position_bias_lines


def pair(first: float = 0, second: float = 0, pairs: float = 1) -> JsonObject:
    return {"pairs": pairs, "preferred_first": first, "preferred_second": second}


def result(*trials: JsonObject | None, judge: str = "pairwise") -> CaseResult:
    scores = [Score(judge, 0.5, passed=True, details=details) for details in trials]
    return CaseResult(
        file="a.eval.yaml",
        name="a",
        case_id="a",
        location=Location("a.eval.yaml", 1),
        model="m",
        prompt_name="",
        case_fingerprint="",
        fingerprint="",
        trials=tuple(Trial(number, scores=(score,)) for number, score in enumerate(scores, start=1)),
    )


def test_each_judge_whose_verdicts_turned_has_a_line() -> None:
    results = [
        *[result(pair(first=1)) for _ in range(10)],
        result(pair(first=1), pair(second=1), pair(), judge="style"),
        result(pair(), judge="fair"),
        result(pair(second=1), judge="last"),
    ]

    assert position_bias_lines(results) == [
        "judge pairwise: preferred whichever came first in 10 of 10 pairs",
        "judge style: preferred whichever came first in 1 and second in 1 of 3 pairs",
        "judge last: preferred whichever came second in 1 of 1 pair",
    ]


def test_what_was_not_compared_is_no_pair() -> None:
    results = [
        result(pair(first=1)),
        result({"winner": "tie", "orders": []}),
        result(None),
        result({"pairs": "odd", "preferred_first": 1}),
    ]

    assert position_bias_lines(results) == ["judge pairwise: preferred whichever came first in 1 of 1 pair"]


def test_a_judge_inside_of_groups_is_counted_under_its_own_name() -> None:
    inner: JsonObject = {"judges": {"pairwise": {"score": 0.5, "passed": True, "details": dict(pair(first=1))}}}
    outer: JsonObject = {"judges": {"any_of": {"score": 0.5, "details": dict(inner)}, "exact": {"score": 1.0}}}

    assert position_bias_lines([result(outer, judge="all_of"), result(inner, judge="all_of")]) == [
        "judge all_of/any_of/pairwise: preferred whichever came first in 1 of 1 pair",
        "judge all_of/pairwise: preferred whichever came first in 1 of 1 pair",
    ]


@pytest.mark.parametrize("odd", [None, [], {"pairwise": None}, {"pairwise": {"details": {}}}])
def test_details_of_a_users_own_judge_are_no_groups(odd: Json) -> None:
    assert position_bias_lines([result({"judges": odd, **pair(first=1)}, judge="own")]) == [
        "judge own: preferred whichever came first in 1 of 1 pair"
    ]


def test_of_samples_the_means_count() -> None:
    assert position_bias_lines([result(pair(first=0.333333)), result(pair(first=1))]) == [
        "judge pairwise: preferred whichever came first in 1.3 of 2 pairs"
    ]


def test_where_no_verdict_turned_nothing_is_said() -> None:
    assert position_bias_lines([result(pair())]) == []
