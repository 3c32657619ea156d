"""Several grades to one."""

from __future__ import annotations

import math
import statistics

import pytest

from pytest_promptevals.judges.model.voting import (
    Aggregate,
    aggregate_values,
    agreement,
    combine_samples,
    combine_votes,
    judge_noise,
    lacks_votes,
    merge_details,
    round_value,
)
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.results import Grade


def graded(value: float, scale: Json = None, passed: bool | None = None) -> Grade:
    return Grade(value, passed=passed, details=None if scale is None else {"scale": scale})


@pytest.mark.parametrize(
    ("how", "values", "expected"),
    [
        ("mean", [0.0, 0.25, 1.0, 1.0], 0.5625),
        ("mean", [0.7, 0.7, 0.7], 0.7),
        ("mean", [1.0, 1.0, 1.0], 1.0),
        ("median", [0.0, 0.25, 1.0], 0.25),
        ("median", [0.0, 0.25, 0.75, 1.0], 0.5),
        ("min", [0.5, 0.25, 1.0], 0.25),
        ("majority", [1.0, 0.0, 1.0], 1.0),
        ("majority", [1.0, 0.0, 0.0], 0.0),
        ("majority", [1.0, 0.0], 0.0),
        ("majority", [1.0, 0.75, 0.25, 0.0], 0.25),
        ("majority", [0.4], 0.4),
    ],
)
def test_votes_are_aggregated(how: Aggregate, values: list[float], expected: float) -> None:
    assert aggregate_values(values, how) == expected
    assert aggregate_values(values[::-1], how) == expected


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize(
    "values", [(0.2, 0.4, 0.6, 0.8), (0.2, 0.4, 0.6), (0.0, 1.0), (1.0, 1.0, 0.0), (0.5, 0.5, 0.7, 0.1, 0.9)]
)
def test_a_majority_passes_a_threshold_just_when_more_than_half_of_the_votes_do(
    values: tuple[float, ...], threshold: float
) -> None:
    most_pass = 2 * sum(value >= threshold for value in values) > len(values)
    assert (aggregate_values(values, "majority") >= threshold) is most_pass


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize(
    ("values", "seats"), [((1.0, 0.4), 3), ((1.0, 0.8, 0.2), 4), ((1.0, 0.8, 0.2), 5), ((0.6, 0.6, 0.6, 0.1), 5)]
)
def test_a_model_without_a_vote_counts_against_a_majority(
    values: tuple[float, ...], seats: int, threshold: float
) -> None:
    most_pass = 2 * sum(value >= threshold for value in values) > seats
    assert (aggregate_values(values, "majority", seats) >= threshold) is most_pass


@pytest.mark.parametrize(
    ("how", "given", "lacks"),
    [
        ("min", 4, False),
        ("min", 3, True),
        ("majority", 3, False),
        ("majority", 2, True),
        ("mean", 1, False),
        ("median", 1, False),
    ],
)
def test_of_four_models_so_many_must_give_a_grade(how: Aggregate, given: int, lacks: bool) -> None:
    assert lacks_votes(how, given, 4) is lacks


def test_the_dust_of_floats_is_rounded_away() -> None:
    assert round_value(0.1 + 0.2) == 0.3
    assert round_value(0.7 * 0.1 + 0.7 * 0.2 + 0.7 * 0.7) == 0.7
    assert (round_value(-1e-15), round_value(1 + 1e-9)) == (0.0, 1.0)
    assert round_value(1 / 3) == pytest.approx(1 / 3, abs=1e-12)


def test_the_noise_is_the_standard_deviation_of_the_samples() -> None:
    assert judge_noise([[0.5, 0.75, 1.0]]) == 0.25
    assert judge_noise([[0.5, 0.5]]) == 0.0


def test_the_noise_of_a_panel_is_pooled_about_the_mean_of_each_model() -> None:
    assert judge_noise([[0.0, 0.0], [1.0, 1.0]]) == 0.0
    # Two samples weigh half as much as three.
    expected = math.sqrt((statistics.variance([0.0, 0.5]) + 2 * statistics.variance([0.5, 0.75, 1.0])) / 3)
    assert judge_noise([[0.0, 0.5], [0.5, 0.75, 1.0], [0.9]]) == pytest.approx(expected)


@pytest.mark.parametrize("samples", [[], [[0.5]], [[0.5], [1.0]]])
def test_without_two_samples_of_one_model_no_noise_is_known(samples: list[list[float]]) -> None:
    assert judge_noise(samples) is None


def test_the_agreement_is_the_share_of_pairs_that_agree() -> None:
    assert agreement([graded(0.5), graded(0.5), graded(1.0)]) == pytest.approx(1 / 3)
    assert agreement([graded(0.5), graded(0.5)]) == 1.0
    assert agreement([graded(0.5)]) is None


@pytest.mark.parametrize(
    ("scale", "apart", "does_agree"),
    [
        ([1, 5], 0.25, True),
        ([1, 5], 0.26, False),
        ([0, 10], 0.1, True),
        ([0, 10], 0.2, False),
        ([0, 1], 0.25, True),
        ([0, 1], 0.5, False),
        (None, 0.1, True),
        (None, 0.11, False),
        ([5, 1], 0.1, True),
        ([5, 1], 0.2, False),
        (["a", "b"], 0.2, False),
        ([1], 0.2, False),
        ("1 to 5", 0.2, False),
    ],
)
def test_values_agree_if_they_are_no_more_than_a_step_of_the_scale_apart(
    scale: Json, apart: float, does_agree: bool
) -> None:
    assert agreement([graded(0.3, scale), graded(0.3 + apart, scale)]) == does_agree


def test_models_that_say_whether_it_passes_agree_if_they_say_the_same() -> None:
    assert agreement([graded(0.1, passed=True), graded(0.9, passed=True)]) == 1.0
    assert agreement([graded(0.5, passed=True), graded(0.5, passed=False)]) == 0.0
    assert agreement([graded(0.5, passed=True), graded(0.5)]) == 1.0


def test_samples_give_their_mean_with_the_words_of_the_one_next_to_it() -> None:
    grade = combine_samples([Grade(0.25, "bad"), Grade(0.75, "fair"), Grade(1.0, "good")])
    assert grade.value == pytest.approx(2 / 3)
    assert (grade.explanation, grade.passed) == ("fair", None)


def test_one_sample_stays_as_it_is() -> None:
    grade = Grade(0.25, "bad", details={"model": "a/m"})
    assert combine_samples([grade]) is grade


@pytest.mark.parametrize(
    ("how", "passed", "expected"),
    [
        ("mean", (True, True, False), True),
        ("mean", (True, False), False),
        ("majority", (True, False, False), False),
        ("min", (True, True, False), False),
        ("min", (True, True), True),
        ("mean", (True, True, None), None),
    ],
)
def test_models_that_say_whether_it_passes_decide_together(
    how: Aggregate, passed: tuple[bool | None, ...], expected: bool | None
) -> None:
    votes = {f"a/{number}": graded(0.5, passed=one) for number, one in enumerate(passed)}
    assert combine_votes(votes, how).passed is expected


@pytest.mark.parametrize(("how", "expected"), [("majority", False), ("mean", True)])
def test_a_model_that_says_nothing_counts_against_a_majority_that_decides(how: Aggregate, expected: bool) -> None:
    votes = {name: graded(0.5, passed=passed) for name, passed in (("a", True), ("b", True), ("c", False))}
    assert combine_votes(votes, how, 4).passed is expected


def test_a_majority_says_how_many_count_against_it() -> None:
    votes = {"a/x": Grade(1.0), "b/y": Grade(0.5, "vague")}
    grade = combine_votes(votes, "majority", 3)
    assert grade.value == 0.5
    assert grade.explanation == (
        "majority of a/x 1, b/y 0.5 and 1 of 3 without a grade, which counts against it (0% of the pairs agree); "
        "b/y: vague"
    )
    for whole in (combine_votes(votes, "majority", 2), combine_votes(votes, "mean", 3)):
        assert "without a grade" not in whole.explanation


def test_a_panel_says_who_gave_what_and_how_far_they_agree() -> None:
    votes = {"a/x": Grade(1.0, "fine"), "b/y": Grade(0.5, "vague"), "c/z": Grade(1.0)}
    grade = combine_votes(votes, "median")
    assert grade.value == 1.0
    assert grade.explanation == "median of a/x 1, b/y 0.5, c/z 1 (33% of the pairs agree); b/y: vague"
    assert grade.details == {
        "votes": {"a/x": 1.0, "b/y": 0.5, "c/z": 1.0},
        "aggregate": "median",
        "agreement": 0.333333,
    }


def test_one_vote_that_is_left_has_nobody_to_agree_with() -> None:
    grade = combine_votes({"a/x": Grade(0.5)}, "mean")
    assert grade.explanation == "mean of a/x 0.5"
    assert grade.details == {"votes": {"a/x": 0.5}, "aggregate": "mean"}


def test_details_keep_what_is_equal_and_the_means_of_numbers() -> None:
    several: list[dict[str, Json]] = [
        {
            "rubric": "tone",
            "model": "a/x",
            "dimensions": {"warm": 4, "clear": 5},
            "bias": True,
            "scale": [1, 5],
            "n": 1,
        },
        {"rubric": "tone", "model": "b/y", "dimensions": {"warm": 2, "clear": 5}, "bias": False, "scale": [1, 5]},
    ]
    assert merge_details([Grade(0.5, details=details) for details in several]) == {
        "rubric": "tone",
        "dimensions": {"warm": 3.0, "clear": 5},
        "bias": 0.5,
        "scale": [1, 5],
    }


def test_details_that_one_lacks_are_left_out() -> None:
    assert merge_details([Grade(0.5, details={"a": 1}), Grade(0.5)]) == {}
