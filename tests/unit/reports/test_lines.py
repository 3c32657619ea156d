"""Texts in lines of a terminal."""

from __future__ import annotations

import textwrap

from hypothesis import example, given
from hypothesis import strategies as st

from pytest_promptevals.reports.cells import count_cells
from pytest_promptevals.reports.lines import Line, _fill_cells, fill_lines

WIDE = "評価データの平均は基準より大きく下がりましたが偶然かもしれません"


@given(st.text("ab \n\t-", max_size=40), st.integers(4, 20), st.sampled_from(["", "  "]))
@example(" a b", 4, "  ")
def test_lines_of_narrow_letters_are_broken_as_textwrap_breaks_them(text: str, width: int, indent: str) -> None:
    expected = textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)

    assert list(_fill_cells(text, width, indent)) == fill_lines(text, width, indent) == expected


def test_words_of_wide_letters_are_broken_where_the_line_is_full() -> None:
    rows = fill_lines(f"evals/a.eval.yaml: {WIDE}", 30)

    assert all(count_cells(row) <= 30 for row in rows)
    assert "".join(rows).replace("  ", "") == f"evals/a.eval.yaml:{WIDE}"


def test_a_path_is_left_whole_so_that_it_can_be_copied() -> None:
    path = "evals/größe/" + "x" * 40

    assert fill_lines(f"written to {path}", 20) == ["written to", f"  {path}"]


def test_control_characters_of_a_line_are_escapes() -> None:
    assert Line("a\x1b[31mb\nc\td\u202e").text == r"a\x1b[31mb\nc\td\u202e"
    assert fill_lines("a\x1b[31mb\nc", 80) == [r"a\x1b[31mb c"]


def test_an_endless_line_is_cut() -> None:
    assert Line("x" * 10_000).text.endswith("... (5,000 more characters)")
    assert len(fill_lines("x " * 1_000_000, 80)) < 70
