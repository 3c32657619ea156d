from __future__ import annotations

import pytest

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.judges.build import JudgeParameterError
from pytest_promptevals.judges.numbers import NumericParameters
from pytest_promptevals.records.json_types import Json
from tests.unit.judges.grading import WHERE, explain, passes


def find(text: str, **parameters: Json) -> list[str]:
    given = NumericParameters.model_validate(parameters)
    return [str(given.decimal_of(number)) for number in given.find_numbers(text)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It is 42.", ["42"]),
        ("**42**", ["42"]),
        ("6 * 7 = 42", ["6", "7", "42"]),
        ("-5, \u22125 or +5", ["-5", "-5", "5"]),
        ("x=-3", ["-3"]),
        ("3-5", ["3", "5"]),
        ("(4)-2", ["4", "2"]),
        (".5 and 0.25", ["0.5", "0.25"]),
        ("1,234.50", ["1234.50"]),
        ("1'234 1\u2019234 1_234 1\u00a0234 1\u2009234 1\u202f234", ["1234"] * 6),
        ("1,234,567", ["1234567"]),
        ("1,234'567", ["1234", "567"]),
        ("1,2,3", ["1", "2", "3"]),
        ("1,2345", ["1", "2345"]),
        ("12 345", ["12", "345"]),
        ("$5, -$5, €\u00a05, $-5, £1,000", ["5", "-5", "5", "-5", "1000"]),
        ("5kg, 2nd, 45 %", ["5", "2", "45"]),
        ("1e3, 1.5E-3, 2e+2", ["1E+3", "0.0015", "2E+2"]),
        ("٤٢", ["42"]),
        ("2026-01-02", ["2026", "1", "2"]),
        ("A-17, COVID-19, H2O, v2, _3", []),
        ("1.2.3 and 10.0.0.1", []),
        ("seven", []),
        ("", []),
    ],
)
def test_numbers_are_found_in_text(text: str, numbers: list[str]) -> None:
    assert find(text) == numbers


def test_the_comma_may_be_the_decimal_mark() -> None:
    assert find("1.234,50 und 1,5", decimal=",") == ["1234.50", "1.5"]


def test_percent_may_mean_a_fraction() -> None:
    assert find("45 %, 4.5%, 45", percent="fraction") == ["0.45", "0.045", "45"]


def test_numbers_are_compared_and_not_their_spelling() -> None:
    assert passes("numeric", 1234.5, output="It is $1,234.50.")
    assert passes("numeric", output="42.0", expected=42)
    assert not passes("numeric", 42, output="43")


def test_long_numbers_are_compared_to_the_last_digit() -> None:
    assert not passes("numeric", 2**60 + 1, output=str(2**60))


def test_the_wanted_number_may_be_a_text_with_just_one() -> None:
    assert passes("numeric", output="So it is 72.", expected="#### 72")
    assert passes("numeric", "45%", output="0.45", percent="fraction")


def test_any_of_several_numbers_is_right() -> None:
    assert passes("numeric", [1, 2], output="2")
    assert not passes("numeric", [1, 2], output="3")


@pytest.mark.parametrize(("output", "passed"), [("1.0", True), ("1.2", True), ("1.21", False), ("0.99", False)])
def test_the_tolerance_belongs_to_the_range(output: str, passed: bool) -> None:
    assert passes("numeric", 1.1, output=output, tolerance=0.1) is passed


@pytest.mark.parametrize(("output", "passed"), [("-98", True), ("-102", True), ("-97.9", False), ("98", False)])
def test_the_relative_tolerance_is_a_share_of_the_value(output: str, passed: bool) -> None:
    assert passes("numeric", -100, output=output, relative_tolerance=0.02) is passed


def test_the_larger_tolerance_counts() -> None:
    assert passes("numeric", 100, output="103", tolerance=5, relative_tolerance=0.01)
    assert passes("numeric", 100, output="103", tolerance=1, relative_tolerance=0.05)


def test_the_last_number_counts_unless_told_otherwise() -> None:
    assert passes("numeric", 3, output="1, 2 and 3")
    assert passes("numeric", 1, output="1, 2 and 3", which="first")
    assert not passes("numeric", 2, output="1, 2 and 3")
    assert not passes("numeric", 3, output="1, 2 and 3", which="only")
    assert passes("numeric", 3, output="just 3", which="only")


def test_numbers_too_large_for_arithmetic_are_simply_wrong() -> None:
    assert not passes("numeric", 5, output="9" * 1_000_000, tolerance=1, relative_tolerance=0.1)
    assert not passes("numeric", 5, output=f"{'9' * 1_000_000} %", percent="fraction", relative_tolerance=0.1)


def test_the_explanation_names_both_numbers() -> None:
    assert explain("numeric", 42, output="41") == "expected 42, but the number in the output is 41"
    assert explain("numeric", [1, 2], output="3 or 4", tolerance=0.5, relative_tolerance=0.1) == (
        "expected one of 1, 2 ± 0.5 or 10 %, but the last of 2 numbers in the output is 4"
    )
    assert explain("numeric", 42, output="It is 42 %.") == "42 % is right"


def test_the_explanation_says_that_there_is_no_number() -> None:
    assert explain("numeric", 42, output="many") == 'expected 42, but no number found in the output "many"'


def test_the_explanation_says_that_there_are_several_numbers() -> None:
    assert explain("numeric", 42, output="42 or 43", which="only") == (
        "expected 42 as the only number, but the output holds 2: 42, 43"
    )


@pytest.mark.parametrize("value", [True, "none", "1 or 2", {"a": 1}, [None], float("inf"), [1, "x"]])
def test_a_value_that_is_no_number_is_refused(value: Json) -> None:
    with pytest.raises(JudgeParameterError, match="`value` must be a number, or a text that holds just one, not "):
        passes("numeric", value, output="1")


def test_an_expected_text_that_is_no_number_is_an_error() -> None:
    with pytest.raises(JudgeError) as caught:
        passes("numeric", output="1", expected="one or two")
    assert str(caught.value) == (
        f"{WHERE}: judge 'numeric': `expected` must be a number, or a text that holds just one, not \"one or two\""
    )
    with pytest.raises(JudgeParameterError, match="`value` must not be an empty list"):
        passes("numeric", [], output="1")
