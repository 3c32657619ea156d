from __future__ import annotations

import math

import pytest

from pytest_promptevals.datasets.importers.javascript_numbers import number_text


# What node 20 prints.
@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (42, "42"),
        (-2.0, "-2"),
        (1.5, "1.5"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (-1.25e-9, "-1.25e-9"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (10**21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (12345678901234567890, "12345678901234567000"),
        (9007199254740993, "9007199254740992"),
        (0.1, "0.1"),
        (123456.789, "123456.789"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (10**400, "Infinity"),
    ],
)
def test_a_number_is_printed_as_javascript_does(number: float, text: str) -> None:
    assert number_text(number) == text
