"""What a call cost."""

from __future__ import annotations

import pytest

from pytest_promptevals.prices.costs import cost_of
from pytest_promptevals.prices.stepped import SteppedPrice, price_steps
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.responses import Usage

FULL = Price(input=10, output=50, cached_input=1, cache_write=12.5)
BARE = Price(input=10, output=50)
STEPPED = SteppedPrice(
    input=10, output=50, cached_input=1, above=1000, long=Price(input=20, output=75, cached_input=2, call=3)
)
M = 1_000_000


@pytest.mark.parametrize(
    ("usage", "price", "cost"),
    [
        (Usage(100, 20), FULL, 100 * 10 + 20 * 50),
        (Usage(0, 0), FULL, 0),
        (Usage(100, 20, cached_tokens=40), FULL, 60 * 10 + 40 * 1 + 20 * 50),
        (Usage(100, 20, cached_tokens=100), FULL, 100 * 1 + 20 * 50),
        (Usage(100, 20, cache_write_tokens=30), FULL, 70 * 10 + 30 * 12.5 + 20 * 50),
        (Usage(100, 20, cached_tokens=40, cache_write_tokens=30), FULL, 30 * 10 + 40 * 1 + 30 * 12.5 + 20 * 50),
        (Usage(100, 20, cached_tokens=40, cache_write_tokens=60), FULL, 40 * 1 + 60 * 12.5 + 20 * 50),
        (Usage(100, 20, cached_tokens=40, cache_write_tokens=30), BARE, 100 * 10 + 20 * 50),
        (Usage(100, 20, reasoning_tokens=15), FULL, 100 * 10 + 20 * 50),
        (Usage(100, 20, cached_tokens=0, cache_write_tokens=0, reasoning_tokens=0), FULL, 100 * 10 + 20 * 50),
        # A server that counts cached tokens beside the prompt.
        (Usage(100, 20, cached_tokens=400), FULL, 100 * 10 + 400 * 1 + 20 * 50),
        (Usage(100, 20, cached_tokens=60, cache_write_tokens=60), FULL, 100 * 10 + 60 * 1 + 60 * 12.5 + 20 * 50),
        # Long prompts.
        (Usage(1000, 20, cached_tokens=400), STEPPED, 600 * 10 + 400 * 1 + 20 * 50),
        (Usage(1001, 20, cached_tokens=401), STEPPED, 600 * 20 + 401 * 2 + 20 * 75 + 3 * M),
        # What costs nothing need not be known.
        (Usage(), Price(), 0),
        (Usage(), Price(call=0.5), 0.5 * M),
        (Usage(input_tokens=7), Price(input=1), 7),
        (Usage(output_tokens=7), Price(output=1), 7),
    ],
)
def test_every_token_is_priced_once(usage: Usage, price: Price, cost: float) -> None:
    assert cost_of(usage, price) == pytest.approx(cost / M, rel=1e-12)


def test_a_call_may_cost_something_beside_its_tokens() -> None:
    assert cost_of(Usage(100, 20), Price(1, 2, call=0.01)) == pytest.approx(0.01014)


@pytest.mark.parametrize(
    ("usage", "price"),
    [
        (Usage(), FULL),
        (Usage(output_tokens=20), FULL),
        (Usage(input_tokens=100), FULL),
        (Usage(output_tokens=20), Price(cached_input=1)),
        (Usage(output_tokens=20), Price(cache_write=1)),
        (Usage(cached_tokens=5, output_tokens=20), FULL),
        (Usage(-1, 20), FULL),
        (Usage(100, -1), FULL),
        (Usage(100, 20, cached_tokens=-5), FULL),
        (Usage(100, 20, cache_write_tokens=-5), FULL),
    ],
)
def test_unknown_tokens_make_an_unknown_cost(usage: Usage, price: Price) -> None:
    assert cost_of(usage, price) is None


def test_only_a_prompt_beyond_the_step_has_two_possible_prices() -> None:
    assert price_steps(STEPPED, 1000) == (STEPPED,)
    assert price_steps(STEPPED, 1001) == (STEPPED, STEPPED.long)
    assert price_steps(BARE, 10**9) == (BARE,)
    assert price_steps(SteppedPrice(), 10**9) == (SteppedPrice(),)
