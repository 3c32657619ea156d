from __future__ import annotations

import gc
from typing import cast

import pytest

from pytest_promptevals.pytest_glue.garbage import settled
from pytest_promptevals.pytest_glue.nodes import EvalItem


def test_among_eval_items_alone_the_collector_leaves_what_is_there_alone() -> None:
    items = [EvalItem.__new__(EvalItem)]
    before = gc.get_threshold()

    with settled(items):
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() == (*before[:2], 100)
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before


def test_the_collector_is_as_it_was_after_an_error() -> None:
    with pytest.raises(KeyError), settled([EvalItem.__new__(EvalItem)]):
        raise KeyError

    assert gc.get_freeze_count() == 0


def test_beside_tests_of_the_users_own_the_collector_is_left_as_it_is() -> None:
    items = [EvalItem.__new__(EvalItem), cast("pytest.Item", object())]

    with settled(items):
        assert gc.get_freeze_count() == 0
