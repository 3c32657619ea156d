from __future__ import annotations

import pytest

from pytest_promptevals.engine.splitting import deal, split_blocks, split_groups, split_number


@pytest.mark.parametrize(
    ("total", "parts", "expected"), [(64, 4, [16, 16, 16, 16]), (7, 3, [3, 2, 2]), (1, 3, [1, 0, 0]), (0, 2, [0, 0])]
)
def test_a_number_is_split_without_a_rest(total: int, parts: int, expected: list[int]) -> None:
    assert split_number(total, parts) == expected


def test_blocks_are_neighbours() -> None:
    assert split_blocks("abcdefg", 3) == [["a", "b", "c"], ["d", "e"], ["f", "g"]]


def test_dealt_lists_begin_with_the_first() -> None:
    assert deal("abcdefg", 3) == [["a", "d", "g"], ["b", "e"], ["c", "f"]]


def test_groups_stay_whole_and_the_shares_even() -> None:
    items = ["b1", "a1", "a2", "c1", "a3", "c2", "b2", "a4"]

    assert split_groups(items, lambda item: item[0], 2) == [["a1", "a2", "a3", "a4"], ["b1", "c1", "c2", "b2"]]
    assert split_groups(["a1", "a2"], lambda item: item[0], 2) == [["a1", "a2"], []]
