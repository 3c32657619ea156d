"""Prices that rise where the prompt is long."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pytest_promptevals.records.prices import Price

_NEVER: Final = 2**63


@dataclass(frozen=True, slots=True)
class SteppedPrice(Price):
    """A price that is another one, for the whole call, where the prompt is long."""

    above: int = _NEVER
    """Most tokens of a prompt, cached ones included, that this price holds for."""
    long: Price = field(default_factory=Price)
    """What holds for longer ones."""


def price_steps(price: Price, tokens: int) -> tuple[Price, ...]:
    """Return all prices that a call may have whose prompt has up to so many tokens, the one for most of them last."""
    if isinstance(price, SteppedPrice) and tokens > price.above:
        return price, price.long
    return (price,)
