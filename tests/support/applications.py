"""Applications that the ``python`` provider calls in tests."""

from __future__ import annotations

import asyncio
import time

SLOW = "slowly"


def answer(messages: list[dict[str, str]]) -> str:
    """Repeat the last message, slowly if it says so."""
    text = messages[-1]["content"]
    if SLOW in text:
        time.sleep(0.3)
    return text


async def answer_async(messages: list[dict[str, str]]) -> str:
    """Repeat the last message, slowly if it says so."""
    text = messages[-1]["content"]
    if SLOW in text:
        await asyncio.sleep(0.3)
    return text


def fail(prompt: str) -> str:
    """Fail as applications do."""
    raise LookupError(f"no answer to {prompt!r}")
