"""Providers, a cache and a budget of the tests' own, to put around a pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from pytest_promptevals.cache.responses import CacheRequest, ResponseCache
from pytest_promptevals.engine.budget import Reservation
from pytest_promptevals.engine.endpoint import Endpoint
from pytest_promptevals.engine.pipeline import Pipeline, Services
from pytest_promptevals.engine.retrying import RetryPolicy
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.records.cases import ProviderConfig
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Message, Response, Usage

QUARTER = {"mine/m": Price(call=0.25)}
"""US dollars for each call."""
USAGE = Usage(10, 5)


class Server:
    """Makes providers that all answer alike, and keeps what they were asked.

    Args:
        identity: what it says of itself.
        answer: gives the response to a request, or raises; an awaitable is awaited.
    """

    def __init__(self, identity: Json = None, answer: Callable[[Request], object] | None = None) -> None:
        self.identity = identity
        self.asked: list[str] = []
        self.contexts: list[ProviderContext] = []
        self.closed = 0
        self._answer = answer or (lambda request: request.messages[-1].content)

    def identify(self, context: ProviderContext) -> Json:
        return self.identity

    def __call__(self, context: ProviderContext) -> Server:
        self.contexts.append(context)
        return self

    async def complete(self, request: Request) -> Response:
        self.asked.append(request.messages[-1].content)
        answer = self._answer(request)
        if isinstance(answer, Awaitable):
            answer = await answer
        return answer if isinstance(answer, Response) else Response(str(answer), usage=USAGE)

    async def close(self) -> None:
        self.closed += 1


def endpoint(
    server: Any,
    name: str = "mine",
    type: str = "mine",  # noqa: A002 - the key in an eval file
    *,
    prices: dict[str, Price] | None = None,
    file: str = "a.eval.yaml",
    timeout: float = 5.0,
    **config: Any,
) -> Endpoint:
    """An endpoint of such a server."""
    return Endpoint(server, ProviderConfig(name, type, **config), timeout, (), prices or {}, file)


def request(text: str = "hi", model: str = "m", **parameters: Json) -> Request:
    """A request of one message."""
    return Request(model, (Message("user", text),), parameters)


def pipeline(concurrency: int = 4, *, retries: int = 0, max_wait: float = 600.0, **services: Any) -> Pipeline:
    """A pipeline with those services."""
    return Pipeline(Path("root"), concurrency, Services(policy=RetryPolicy(retries, max_wait), **services))


class Notebook:
    """A cache and a budget that write down what they are asked for, and how many calls are under way then."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.pipeline: Pipeline | None = None
        self.opened = 0
        self.files: list[str] = []
        self.notices = ("the cache is full",)

    def write(self, text: str) -> None:
        assert self.pipeline is not None
        self.lines.append(f"{text}, {self.pipeline.progress(total=0, done=0).running} running")

    def open(self) -> ResponseCache:
        self.opened += 1
        return cast("ResponseCache", self)

    async def fetch(self, wanted: CacheRequest, call: Callable[[], Awaitable[Response]]) -> Response:
        self.files.append(wanted.file)
        self.write("look up")
        response = await call()
        self.write(f"store {response.cost}")
        return response

    async def close(self) -> None:
        self.lines.append("flush")


class Purse:
    """A budget without a limit that writes down what it is told."""

    def __init__(self, notebook: Notebook | None = None) -> None:
        self.reserved: list[float] = []
        self.settled: list[float | None] = []
        self.is_closed = False
        self._notebook = notebook

    @property
    def spent(self) -> float:
        return sum(cost or 0.0 for cost in self.settled)

    async def reserve(self, bound: float) -> Reservation:
        await asyncio.sleep(0)
        if self._notebook is not None:
            self._notebook.write("reserve")
        self.reserved.append(bound)
        return Reservation(bound)

    def settle(self, reservation: Reservation, cost: float | None) -> None:
        self.settled.append(cost)
        if self._notebook is not None:
            self._notebook.write(f"settle {cost}")

    def close(self) -> None:
        self.is_closed = True
