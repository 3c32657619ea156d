"""What the tests of both budgets, of one process and of several, share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pytest_promptevals.engine.budget import SpendingLimit
from pytest_promptevals.errors import CallNotMadeError

ADVICE = " Raise --evals-max-cost, or set max_tokens under 'parameters', which bounds what a call may cost."
"""How a refusal ends."""


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test that awaits, for at most 20 s."""

    async def main() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(main())


async def refusal_of(budget: SpendingLimit, bound: float) -> str:
    """Return what a call that the budget does not allow is told."""
    with pytest.raises(CallNotMadeError) as caught:
        await budget.reserve(bound)
    assert caught.value.reason == "budget"
    return str(caught.value)
