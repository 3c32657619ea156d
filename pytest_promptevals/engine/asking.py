"""What a judge is handed to call models, and what its calls cost."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias, cast

from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.requests import CallKind, Request
from pytest_promptevals.records.responses import Message, Response
from pytest_promptevals.records.results import JudgeSpending

Send: TypeAlias = "Callable[[str, Request], Awaitable[Response]]"
"""``await send("provider/model", request)``: one call of a model. Raises ``ProviderError``."""


class CountedAsk:
    """An ``Ask`` for one judge and one response, which counts the calls.

    A judge that asks the same again wants another answer, so each repetition is a call of its own, and is replayed as
    such. A text has one vector: to ask for it again is no other call.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._times: Counter[str] = Counter()
        self._responses: list[Response] = []

    async def __call__(self, model: str, messages: Sequence[Message], parameters: Mapping[str, object]) -> Response:
        """Call the model. Raises ``ProviderError``."""
        return await self.send(model, _request(model, messages, parameters, "chat"))

    async def embed(self, model: str, text: str, parameters: Mapping[str, object]) -> Response:
        """Return a response with the vector of a text. Raises ``ProviderError``."""
        return await self.send(model, _request(model, (Message("user", text),), parameters, "embedding"))

    async def send(self, model: str, request: Request) -> Response:
        """Send a request. Raises ``ProviderError``.

        A judge within a group sends its own; the group counts the calls of all its judges anew.
        """
        if request.kind == "chat":
            same = f"{model} {request.messages!r} {json.dumps(request.parameters, sort_keys=True, default=repr)}"
            self._times[same] += 1
            request = dataclasses.replace(request, trial=self._times[same])
        response = await self._send(model, request)
        self._responses.append(response)
        return response

    @property
    def calls(self) -> int:
        """Calls that were answered."""
        return len(self._responses)

    @property
    def cached(self) -> int:
        """Calls that were answered from the cache."""
        return count_cached(self._responses)

    @property
    def cost(self) -> float | None:
        """US dollars of all answers; ``None`` if a part of it is unknown."""
        return cost_of(self._responses)

    @property
    def spent(self) -> float | None:
        """US dollars of the answers that were not read from the cache; ``None`` if a part of it is unknown."""
        return spent_of(self._responses)


class Ledger:
    """Counts the calls of all judges of one response: what they cost is known even if one of them gives no grade."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._responses: list[Response] = []

    async def send(self, model: str, request: Request) -> Response:
        """Send a request. Raises ``ProviderError``."""
        response = await self._send(model, request)
        self._responses.append(response)
        return response

    @property
    def spending(self) -> JudgeSpending | None:
        """What was spent; ``None`` if no call was answered."""
        if not self._responses:
            return None
        return JudgeSpending(
            len(self._responses), cost_of(self._responses), spent_of(self._responses), count_cached(self._responses)
        )


def unhurried(send: Send, limit: asyncio.Timeout) -> Send:
    """Return a ``send`` during whose calls a time limit stands still: each has its own, and may have to queue."""
    loop = asyncio.get_running_loop()
    under_way, left = 0, 0.0

    async def send_unhurried(model: str, request: Request) -> Response:
        nonlocal under_way, left
        if under_way == 0:
            left = (limit.when() or loop.time()) - loop.time()
            _reschedule(limit, None)
        under_way += 1
        try:
            return await send(model, request)
        finally:
            under_way -= 1
            if under_way == 0:
                _reschedule(limit, loop.time() + left)

    return send_unhurried


def _request(model: str, messages: Sequence[Message], parameters: Mapping[str, object], kind: CallKind) -> Request:
    name = model.partition("/")[2]
    return Request(name, tuple(messages), cast("Mapping[str, Json]", parameters), kind=kind)


def _reschedule(limit: asyncio.Timeout, when: float | None) -> None:
    # A judge may leave calls behind that end after it: then its limit is no more.
    with contextlib.suppress(RuntimeError):
        limit.reschedule(when)


def count_cached(responses: Sequence[Response]) -> int:
    """Return how many responses were read from the cache."""
    return sum(response.cached for response in responses)


def cost_of(responses: Sequence[Response]) -> float | None:
    """Return US dollars of responses; ``None`` if a part of it is unknown, or there is none."""
    return sum_known([response.cost for response in responses])


def spent_of(responses: Sequence[Response]) -> float | None:
    """Return US dollars of those responses that were not read from the cache; ``None`` as for ``cost_of``."""
    return sum_known([0.0 if response.cached else response.cost for response in responses])


def sum_known(costs: Sequence[float | None]) -> float | None:
    """Return the sum of costs; ``None`` if one of them is unknown, or there is none."""
    known = [cost for cost in costs if cost is not None]
    return sum(known) if costs and len(known) == len(costs) else None
