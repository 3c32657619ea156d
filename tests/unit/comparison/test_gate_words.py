from __future__ import annotations

import pytest

from pytest_promptevals.comparison.gate_words import chance_text, percent


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (1.0, "nearly all runs"),
        (0.95, "nearly all runs"),
        (0.94, "9 of 10 runs"),
        (0.5, "1 of 2 runs"),
        (0.4, "2 of 5 runs"),
        (0.25, "1 of 4 runs"),
        (0.9499, "9 of 10 runs"),
        (0.3, "3 of 10 runs"),
        (0.1, "1 of 10 runs"),
        (0.0949, "1 of 10 runs"),
        (1 - 0.95, "1 of 20 runs"),
        (0.0501, "1 of 19 runs"),
        (1 / 33.3, "1 of 33 runs"),
        (0.004, "1 of 250 runs"),
        (1 / 4567, "1 of 4,500 runs"),
        (0.0001, "1 of 10,000 runs"),
        (0.00009, "fewer than 1 of 10,000 runs"),
        (1e-300, "fewer than 1 of 10,000 runs"),
    ],
)
def test_chances_are_counted_in_runs(p: float, words: str) -> None:
    assert chance_text(p) == words


@pytest.mark.parametrize(("share", "words"), [(0.2, "20 %"), (0.123, "12.3 %"), (1.0, "100 %"), (0.0, "0 %")])
def test_shares_are_percentages(share: float, words: str) -> None:
    assert percent(share) == words
