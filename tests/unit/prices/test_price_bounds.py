"""The most that a call can cost."""

from __future__ import annotations

import pytest

from pytest_promptevals.prices.bounds import DEFAULT_ANSWER_LIMIT, call_bound, count_answers, read_answer_limit
from pytest_promptevals.prices.costs import cost_of
from pytest_promptevals.prices.stepped import SteppedPrice
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Usage

M = 1_000_000
INPUT_ONLY = Price(input=M)
"""One dollar for each token of the prompt."""
OUTPUT_ONLY = Price(output=M)


def request(text: str = "", parameters: JsonObject | None = None, messages: int = 1) -> Request:
    return Request("m", tuple(Message("user", text) for _ in range(messages)), parameters or {})


def prompt_tokens(text: str = "", parameters: JsonObject | None = None, messages: int = 1) -> float:
    return call_bound(request(text, parameters, messages), INPUT_ONLY)


def answer_tokens(parameters: JsonObject, price: Price = OUTPUT_ONLY, answer_limit: int | None = None) -> float:
    return call_bound(request("", parameters), price, answer_limit)


def test_a_prompt_has_no_more_tokens_than_bytes_and_some_for_each_message() -> None:
    assert prompt_tokens() == 64 + 16 + len("user")
    assert prompt_tokens("x" * 1000) == prompt_tokens() + 1000
    assert prompt_tokens("漢" * 1000) == prompt_tokens() + 3000
    assert prompt_tokens("😀" * 1000) == prompt_tokens() + 4000
    assert prompt_tokens("\ud800") == prompt_tokens() + 3
    assert prompt_tokens("x", messages=3) == 64 + 3 * (16 + len("user") + 1)


def test_parameters_count_with_all_their_bytes_and_tools_with_what_the_api_adds() -> None:
    assert prompt_tokens(parameters={"a": "x" * 100}) == prompt_tokens() + len('{"a": ""}') + 100
    assert prompt_tokens(parameters={"a": "é"}) == prompt_tokens() + len('{"a": ""}') + 2
    assert prompt_tokens(parameters={"tools": []}) == prompt_tokens() + len('{"tools": []}') + 1000


@pytest.mark.parametrize(
    "price",
    [
        Price(M),
        Price(1, cached_input=M),
        Price(1, cache_write=M),
        Price(M, cached_input=1, cache_write=2),
        SteppedPrice(1, above=10, long=Price(1, cache_write=M)),
        SteppedPrice(M, above=10, long=Price(1)),
    ],
)
def test_all_tokens_of_the_prompt_are_taken_at_the_dearest_rate(price: Price) -> None:
    assert call_bound(request(), price) == pytest.approx(prompt_tokens())


def test_a_prompt_that_cannot_be_long_is_not_priced_as_one() -> None:
    assert call_bound(request(), SteppedPrice(1, above=10_000, long=Price(M))) == prompt_tokens() / M


@pytest.mark.parametrize(
    ("parameters", "tokens"),
    [
        ({"max_tokens": 300}, 300),
        ({"max_completion_tokens": 300}, 300),
        ({"max_output_tokens": 300}, 300),
        ({"max_tokens": 300, "max_completion_tokens": 400}, 400),
        ({"max_tokens": 300, "n": 3}, 900),
        ({"max_tokens": 300, "n": None}, 300),
        ({"max_tokens": 300, "n": 0}, 300),
        ({"max_tokens": 300, "n": True}, 300),
        ({"max_tokens": "300"}, 4096),
        ({"max_tokens": -1}, 4096),
        ({"max_tokens": True}, 4096),
        ({}, 4096),
        ({"n": 2}, 8192),
    ],
)
def test_an_answer_is_as_long_as_the_parameters_let_it_be(parameters: JsonObject, tokens: int) -> None:
    assert answer_tokens(parameters, Price(output=M, max_output=4096)) == tokens


def test_the_limit_of_the_parameters_goes_before_that_of_the_provider_the_model_and_the_default() -> None:
    price = Price(output=M, max_output=4096)
    assert answer_tokens({"max_tokens": 300}, price, answer_limit=1000) == 300
    assert answer_tokens({}, price, answer_limit=1000) == 1000
    assert answer_tokens({}, price) == 4096
    assert answer_tokens({}) == DEFAULT_ANSWER_LIMIT == 128_000


def test_what_a_call_costs_by_itself_is_part_of_it() -> None:
    assert call_bound(request(), Price(call=0.25)) == 0.25


def test_parameters_that_are_no_json_do_not_break_it() -> None:
    assert call_bound(request(parameters={"max_tokens": 1, "a": object()}), OUTPUT_ONLY) == 1  # type: ignore[dict-item]  # what a user's code may pass


@pytest.mark.parametrize("cached", [None, 0, 40, 100])
@pytest.mark.parametrize("written", [None, 0, 60])
def test_no_usage_within_the_limits_costs_more(cached: int | None, written: int | None) -> None:
    price = SteppedPrice(10, 50, 1, 12.5, call=0.1, above=90, long=Price(20, 75, 2, 25, call=0.1))
    asked = request("x" * 100, {"max_tokens": 7})
    for tokens in (1, 89, 90, 91, 100):
        usage = Usage(tokens, 7, min(cached or 0, tokens), min(written or 0, max(tokens - (cached or 0), 0)))
        cost = cost_of(usage, price)
        assert cost is not None
        assert cost <= call_bound(asked, price)


def test_limits_and_answers_can_be_read_by_themselves() -> None:
    assert read_answer_limit({"max_tokens": 3}) == 3
    assert read_answer_limit({}) is None
    assert count_answers({"n": 4}) == 4
    assert count_answers({}) == 1
