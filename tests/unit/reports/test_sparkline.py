from __future__ import annotations

import pytest

from pytest_promptevals.reports.sparkline import sparkline


def test_the_lowest_value_is_at_the_bottom_and_the_highest_at_the_top() -> None:
    assert sparkline([0.0, 0.5, 1.0, 0.25], 10) == "▁▅█▃"


def test_a_value_that_is_not_known_is_a_gap() -> None:
    assert sparkline([1.0, None, 2.0], 10) == "▁ █"
    assert sparkline([None, None], 10) == "  "


def test_equal_values_are_in_the_middle() -> None:
    assert sparkline([3.0, 3.0], 10) == "▄▄"


def test_many_values_share_a_place_as_their_mean() -> None:
    assert sparkline([0.0, 2.0, 3.0, 5.0, 10.0, 8.0, None, None], 4) == "▁▄█ "


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "no such encoding"])
def test_an_encoding_without_blocks_has_signs_of_ascii(encoding: str) -> None:
    assert sparkline([0.0, 0.5, 1.0], 10, encoding) == "_=#"
    assert sparkline([0.0, 1.0], 10, "cp437") == "_#"
