from __future__ import annotations

import operator

from pytest_promptevals.judges.pairing import pair_items


def test_equal_items_are_paired_once() -> None:
    assert pair_items(["a", "b", "b"], ["b", "a", "c"], operator.eq) == {0: 1, 1: 0}


def test_the_item_of_the_same_place_comes_first() -> None:
    assert pair_items(["a", "a"], ["a", "a"], operator.eq) == {0: 0, 1: 1}


def test_more_wanted_than_found_items_are_left_alone() -> None:
    assert pair_items(["b", "a"], ["a"], operator.eq) == {1: 0}
    assert pair_items(["a"], [], operator.eq) == {}


def test_partners_move_along_a_chain_to_make_room() -> None:
    accepted = {0: {0, 1}, 1: {0, 2}, 2: {0}}
    pairs = pair_items([0, 1, 2], [0, 1, 2], lambda one, other: other in accepted[one])
    assert pairs == {0: 1, 1: 2, 2: 0}


def test_a_long_chain_is_followed_to_its_end() -> None:
    size = 50
    wanted, found = [*range(size), -1], range(size + 1)
    pairs = pair_items(wanted, found, lambda one, other: other in ((one, one + 1) if one >= 0 else (0,)))
    assert pairs == {**{index: index + 1 for index in range(size)}, size: 0}
