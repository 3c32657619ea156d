"""How many cells of a terminal texts take."""

from __future__ import annotations

import pytest

from pytest_promptevals.reports.cells import break_word, count_cells, cut_long, pad_cells, shorten_left, shorten_right


@pytest.mark.parametrize(
    ("text", "cells"),
    [("abc", 3), ("", 0), ("日本", 4), ("한국", 4), ("Ａ", 2), ("e\u0301", 1), ("é", 1), ("▁█", 2), ("😀", 2)],  # noqa: RUF001 - of full width
)
def test_letters_take_one_cell_two_or_none(text: str, cells: int) -> None:
    assert count_cells(text) == cells


def test_what_no_terminal_can_show_counts_by_its_characters() -> None:
    assert count_cells("日\x00") == 2


def test_a_text_is_filled_up_with_spaces_behind_it_or_before_it() -> None:
    assert pad_cells("日本", 6) == "日本  "
    assert pad_cells("日本", -6) == "  日本"
    assert pad_cells("too long", 3) == "too long"


def test_a_text_is_shortened_to_cells_at_either_end() -> None:
    assert shorten_left("evals/日本語.eval.yaml", 16) == "...語.eval.yaml"
    assert shorten_right("日本語のデータ", 9) == "日本語..."
    assert shorten_left("short", 5) == shorten_right("short", 5) == "short"
    assert shorten_right("e\u0301" * 5, 5) == "e\u0301" * 5


@pytest.mark.parametrize("width", [1, 2, 5, 7])
def test_a_word_is_broken_into_parts_that_fit_and_nothing_is_lost(width: int) -> None:
    word = "abc日本語e\u0301x" * 3

    parts = list(break_word(word, width))

    assert "".join(parts) == word
    assert all(count_cells(part) <= max(width, 2) for part in parts)
    assert not any(part.startswith("\u0301") for part in parts)


def test_of_an_endless_text_the_begin_is_shown_and_the_rest_counted() -> None:
    assert cut_long("x" * 1_000_000) == "x" * 5000 + "... (995,000 more characters)"
    assert cut_long("x" * 5000) == "x" * 5000
