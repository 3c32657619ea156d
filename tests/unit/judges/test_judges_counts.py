from __future__ import annotations

import pytest

from pytest_promptevals.judges.build import JudgeParameterError
from tests.unit.judges.grading import explain, passes


def test_words_are_what_stands_between_white_space() -> None:
    assert passes("word_count", output=" one\ntwo, three\t", min=3, max=3)


@pytest.mark.parametrize(("output", "passed"), [("a", False), ("a b", True), ("a b c", True), ("a b c d", False)])
def test_both_bounds_belong_to_the_range(output: str, passed: bool) -> None:
    assert passes("word_count", output=output, min=2, max=3) is passed


def test_one_bound_is_enough() -> None:
    assert passes("length", output="", max=0)
    assert passes("length", output="a" * 10, min=10)
    assert not passes("length", output="a" * 9, min=10)


def test_length_counts_code_points_and_white_space() -> None:
    assert passes("length", output=" é😀\n", min=4, max=4)


def test_the_count_and_the_bound_are_named() -> None:
    assert explain("word_count", output="one", min=2) == (
        "the output has 1 word, the smallest number that passes is 2"
    )  # fmt: skip
    assert explain("length", output="a" * 1234, max=1000) == (
        "the output has 1,234 characters, the largest number that passes is 1,000"
    )
    assert explain("word_count", output="", max=2) == "the output has 0 words"


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({}, "give `min`, `max` or both"),
        ({"min": 5, "max": 3}, "`min` is 5, which is more than `max`, 3; swap or correct them"),
        ({"min": -1}, "min: must be at least 0, not -1"),
        ({"max": 2.5}, "max: must be a whole number, not 2.5"),
        ({"max": True}, "max: must be a whole number, not true"),
        ({"max": "many"}, 'max: must be a whole number, not "many"'),
    ],
)
def test_bounds_that_make_no_sense_are_refused(bounds: dict[str, int], message: str) -> None:
    with pytest.raises(JudgeParameterError) as caught:
        passes("length", output="", **bounds)
    assert str(caught.value) == f"judge 'length': {message}"


def test_a_template_may_give_a_number_as_text() -> None:
    assert passes("length", output="abc", min="3", max="3")
