"""Money as text."""

from __future__ import annotations

import pytest

from pytest_promptevals.prices.dollars import format_dollars


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "unknown"),
        (float("nan"), "unknown"),
        (0, "$0.00"),
        (0.0, "$0.00"),
        (1.234, "$1.23"),
        (1234567.891, "$1,234,567.89"),
        (1, "$1.00"),
        (0.5, "$0.50"),
        (0.4980, "$0.498"),
        (0.05, "$0.05"),
        (0.0213, "$0.0213"),
        (0.02134, "$0.0213"),
        (0.000123, "$0.000123"),
        (0.000001, "$0.000001"),
        (0.0000009, "<$0.000001"),
        (0.9999, "$1.00"),
        (0.999, "$0.999"),
        (-0.02, "-$0.02"),
    ],
)
def test_small_amounts_stay_readable_and_unknown_ones_unknown(amount: float | None, text: str) -> None:
    assert format_dollars(amount) == text
