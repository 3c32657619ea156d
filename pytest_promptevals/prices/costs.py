"""What a call cost, by its tokens."""

from __future__ import annotations

from typing import Final

from pytest_promptevals.prices.stepped import price_steps
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.responses import Usage

MILLION: Final = 1_000_000
"""Prices of tokens are for so many of them."""


def cost_of(usage: Usage, price: Price) -> float | None:
    """Return the US dollars of one call; ``None`` if tokens that cost something are unknown.

    Tokens that the provider read from or wrote to its cache are part of the prompt, and those of reasoning are part of
    the answer: neither is counted twice. Where more tokens are said to be cached than the prompt has, the server counts
    them beside the prompt, and so are they here.
    """
    price = price_steps(price, usage.input_tokens or 0)[-1]
    prompt, answer = _prompt_cost(usage, price), _part(usage.output_tokens, price.output)
    if prompt is None or answer is None:
        return None
    return (prompt + answer) / MILLION + price.call


def _prompt_cost(usage: Usage, price: Price) -> float | None:
    read_rate = price.input if price.cached_input is None else price.cached_input
    written_rate = price.input if price.cache_write is None else price.cache_write
    total = usage.input_tokens
    if total is None:
        return None if price.input or read_rate or written_rate else 0.0
    read, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
    if min(total, read, written) < 0:
        return None
    fresh = total - read - written
    return (fresh if fresh >= 0 else total) * price.input + read * read_rate + written * written_rate


def _part(tokens: int | None, rate: float) -> float | None:
    if not rate:
        return 0.0
    return None if tokens is None or tokens < 0 else tokens * rate
