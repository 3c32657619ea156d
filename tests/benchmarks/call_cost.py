"""What one model call costs in CPU time, in the ways there are to make it.

Each way is a process of its own that makes the same calls on the same loopback server, so many at once, in a bare
asyncio loop. The first call, with the imports before it, is shown apart::

    python tests/benchmarks/call_cost.py --calls 10000 --concurrency 200 --latency 0.2 --rounds 3
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import tabulate

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

from tests.support.server_fixture import ModelServer

Call: TypeAlias = Callable[[str], Awaitable[str | None]]
"""Asks for a text to be repeated, and returns it."""

MODEL: Final = "echo-model"


@asynccontextmanager
async def openai_typed(url: str, concurrency: int) -> AsyncIterator[Call]:
    """Call the typed method of the OpenAI SDK on its default client."""
    from openai import AsyncOpenAI  # noqa: PLC0415 - its time is part of what is measured

    async with AsyncOpenAI(api_key="none", base_url=f"{url}/open/v1", max_retries=0) as client:

        async def call(text: str) -> str | None:
            messages: Any = [{"role": "user", "content": text}]
            answer = await client.chat.completions.create(model=MODEL, messages=messages)
            return answer.choices[0].message.content

        yield call


@asynccontextmanager
async def anthropic_typed(url: str, concurrency: int) -> AsyncIterator[Call]:
    """Call the typed method of the Anthropic SDK on its default client."""
    from anthropic import AsyncAnthropic  # noqa: PLC0415 - its time is part of what is measured

    async with AsyncAnthropic(api_key="none", base_url=f"{url}/open", max_retries=0) as client:

        async def call(text: str) -> str | None:
            messages: Any = [{"role": "user", "content": text}]
            answer: Any = await client.messages.create(model=MODEL, max_tokens=4096, messages=messages)
            text_of_answer: str = answer.content[0].text
            return text_of_answer

        yield call


@asynccontextmanager
async def aiohttp_alone(url: str, concurrency: int) -> AsyncIterator[Call]:
    """Call through an aiohttp session as its documentation shows it, with nothing around it."""
    import aiohttp  # noqa: PLC0415 - its time is part of what is measured

    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def call(text: str) -> str | None:
            body = {"model": MODEL, "messages": [{"role": "user", "content": text}]}
            async with session.post(f"{url}/open/v1/chat/completions", json=body) as answer:
                said: str = (await answer.json())["choices"][0]["message"]["content"]
            return said

        yield call


def provider_of(kind: str, transport: str) -> Callable[[str, int], Any]:
    """Return a way that calls through one of our providers, with checks, limits and errors."""

    @asynccontextmanager
    async def way(url: str, concurrency: int) -> AsyncIterator[Call]:
        from pytest_promptevals.hookspecs import ProviderContext  # noqa: PLC0415 - their time is measured
        from pytest_promptevals.providers.builtin import pytest_promptevals_providers  # noqa: PLC0415 - their time is measured
        from pytest_promptevals.records.cases import ProviderConfig  # noqa: PLC0415 - their time is measured
        from pytest_promptevals.records.requests import Request  # noqa: PLC0415 - their time is measured
        from pytest_promptevals.records.responses import Message  # noqa: PLC0415 - their time is measured

        path = "/open" if kind == "anthropic" else "/open/v1"
        config = ProviderConfig("local", kind, {"base_url": url + path, "transport": transport})
        provider = pytest_promptevals_providers()[kind](ProviderContext(config, Path(), concurrency=concurrency))

        async def call(text: str) -> str | None:
            return (await provider.complete(Request(MODEL, (Message("user", text),)))).text

        yield call
        await provider.close()

    return way


WAYS: Final = {
    "openai: its SDK, typed method": openai_typed,
    "openai: provider over the SDK": provider_of("openai", "sdk"),
    "openai: provider over aiohttp": provider_of("openai", "lean"),
    "openai: aiohttp alone": aiohttp_alone,
    "anthropic: its SDK, typed method": anthropic_typed,
    "anthropic: provider over the SDK": provider_of("anthropic", "sdk"),
    "anthropic: provider over aiohttp": provider_of("anthropic", "lean"),
}


async def measure(way: Any, url: str, count: int, concurrency: int) -> dict[str, float]:
    """Return the CPU seconds until the first answer, and CPU and wall time of the calls after it."""
    async with way(url, concurrency) as call:
        await call("first")
        first = time.process_time()
        started = time.perf_counter()
        numbers = iter(range(count))

        async def work() -> None:
            for number in numbers:
                if await call(f"question {number}") != f"question {number}":
                    raise SystemExit("a wrong answer")

        await asyncio.gather(*(work() for _ in range(concurrency)))
        wall, cpu = time.perf_counter() - started, time.process_time() - first
    return {"first": first, "call": cpu / count, "wall": wall}


def run_way(name: str, url: str, options: argparse.Namespace) -> dict[str, float]:
    """Measure one way in a process of its own."""
    command = [sys.executable, __file__, "--way", name, "--url", url]
    command += ["--calls", str(options.calls), "--concurrency", str(options.concurrency)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def print_table(measured: dict[str, list[dict[str, float]]]) -> None:
    """Print the medians of all rounds, and how they compare with the SDK's typed method."""
    rows = []
    medians = {
        name: {key: statistics.median(figures[key] for figures in rounds) for key in rounds[0]}
        for name, rounds in measured.items()
    }
    for name, figures in medians.items():
        base = next(medians[other] for other in medians if other.partition(":")[0] == name.partition(":")[0])
        ratio = figures["call"] / base["call"]
        rows.append([name, figures["first"], figures["call"] * 1000, ratio, figures["wall"]])
    headers = ["way", "CPU s until the first answer", "CPU ms a call", "ratio", "wall s"]
    print(tabulate.tabulate(rows, headers, floatfmt=".2f", tablefmt="github"))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=200)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds the server takes for an answer")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; the table shows medians")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        figures = asyncio.run(measure(WAYS[options.way], options.url, options.calls, options.concurrency))
        print(json.dumps(figures))
        return 0
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    with ModelServer() as server:
        server.control(latency=options.latency)
        for _ in range(options.rounds):
            for name, rounds in measured.items():
                rounds.append(run_way(name, server.url, options))
    print_table(measured)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
