from __future__ import annotations

import pytest

from pytest_promptevals.reports.cells import count_cells
from pytest_promptevals.reports.side_by_side import side_by_side, wrap_cells


def test_two_texts_stand_beside_each_other() -> None:
    assert side_by_side("one two three", "four", 19) == ["one two  | four", "three    |"]


@pytest.mark.parametrize("width", [7, 20, 76])
@pytest.mark.parametrize(
    "text", ["word " * 30, "x" * 90, "日本語のテキスト" * 9, "e\u0301" * 60, "a\tb\nc\r\nd", "\x1b[31mred\u202e"]
)
def test_no_row_is_wider_than_it_may_be(text: str, width: int) -> None:
    rows = side_by_side(text, text, width)

    assert max(map(count_cells, rows)) <= width
    assert all("\x1b" not in row for row in rows)


def test_what_is_too_long_is_cut_with_dots_on_the_side_where_it_is() -> None:
    assert side_by_side("a\nb\nc\nd", "x", 9, most_rows=3) == ["a   | x", "b   |", "... |"]
    assert side_by_side("a\nb\nc", "x\ny\nz", 9, most_rows=2) == ["a   | x", "... | ..."]
    assert side_by_side("a\nb", "x", 9, most_rows=2) == ["a   | x", "b   |"]


def test_letters_of_two_cells_count_as_two() -> None:
    assert count_cells("日本") == 4
    assert count_cells("e\u0301") == 1
    assert wrap_cells("a\tb", 10) == ["a   b"]
    assert wrap_cells("日本語", 4) == ["日本", "語"]
    assert side_by_side("日本", "x", 13) == ["日本  | x"]


def test_an_empty_text_is_an_empty_row() -> None:
    assert wrap_cells("", 10) == [""]
    assert wrap_cells("a\n\nb", 10) == ["a", "", "b"]
