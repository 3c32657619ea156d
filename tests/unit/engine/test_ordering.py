from __future__ import annotations

import pytest

from pytest_promptevals.engine.ordering import CHUNK, OrderKey, order_cases
from pytest_promptevals.records.facts import CaseFacts
from pytest_promptevals.settings import SETTINGS


def keys(count: int, *, file: str = "a", model: str = "m") -> list[OrderKey]:
    return [OrderKey(f"{file}::{number}", file, model) for number in range(count)]


@pytest.mark.parametrize("strategy", next(setting.choices for setting in SETTINGS if setting.name == "order"))
def test_every_strategy_of_the_setting_keeps_every_case(strategy: str) -> None:
    cases = [*keys(25), *keys(3, file="b", model="n")]

    assert sorted(order_cases(cases, strategy, {})) == list(range(28))
    assert order_cases([], strategy, {}) == []


def test_fifo_leaves_the_order_as_it_is() -> None:
    assert order_cases(keys(3), "fifo", {"a::2": CaseFacts(failed=True)}) == [0, 1, 2]


def test_the_highest_priority_comes_first_and_equal_ones_stay_as_they_were() -> None:
    cases = [OrderKey(str(number), "a", priority=priority) for number, priority in enumerate((0, 5, -1, 5, 0))]

    assert order_cases(cases, "priority", {}) == [1, 3, 0, 4, 2]


def test_what_failed_comes_first_then_what_was_never_run_then_what_passed() -> None:
    facts = {"a::0": CaseFacts(failed=False), "a::2": CaseFacts(failed=True), "a::3": CaseFacts(failed=None)}

    assert order_cases(keys(5), "failed-first", facts) == [2, 1, 3, 4, 0]


def test_the_cheapest_come_first_and_those_of_unknown_cost_last() -> None:
    facts = {"a::1": CaseFacts(cost=0.5), "a::2": CaseFacts(cost=None), "a::3": CaseFacts(cost=0.0)}

    assert order_cases(keys(5), "cheapest-first", facts) == [3, 1, 0, 2, 4]


def test_files_and_models_take_turns_in_chunks() -> None:
    cases = [*keys(2 * CHUNK + 1), *keys(CHUNK + 1, file="b"), *keys(1, file="b", model="n")]
    rows = [(cases[position].file, cases[position].model) for position in order_cases(cases, "chunked", {})]

    first = [("a", "m")] * CHUNK + [("b", "m")] * CHUNK + [("b", "n")]
    assert rows == [*first, *[("a", "m")] * CHUNK, ("b", "m"), ("a", "m")]
