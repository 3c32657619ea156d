"""Calls of one path of an HTTP API: each with its time, its limits and its failures."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Final, TypeAlias, TypeVar

from pytest_promptevals.errors import ProviderError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.answers import Answer, parse_body
from pytest_promptevals.providers.endpoint import Endpoint
from pytest_promptevals.providers.failures import explain_answer, explain_failure
from pytest_promptevals.providers.rate_limits import read_rate_limits
from pytest_promptevals.providers.transport import Transport
from pytest_promptevals.providers.wire import JsonBody, UnreadableAnswerError

Read = TypeVar("Read")

Connect: TypeAlias = Callable[[], Coroutine[None, None, Transport]]
"""Makes what sends the requests."""

_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class ApiCalls:
    """Sends requests to one path of one server.

    Args:
        connect: makes what sends them, before the first one.
        endpoint: where they go.
        context: what the provider is made from.
    """

    def __init__(self, connect: Connect, endpoint: Endpoint, context: ProviderContext) -> None:
        self._connect = connect
        self._endpoint = endpoint
        self._timeout = context.timeout
        self._report_limits = context.report_limits
        # Whoever waits for a connection waits here, before the clock runs.
        self._slots = asyncio.Semaphore(context.concurrency)
        self._connecting: asyncio.Task[Transport] | None = None
        self._is_closed = False

    async def make(self, body: JsonBody, model: str, read: Callable[[JsonBody], Read]) -> tuple[Read, float]:
        """Make one call, never retried here. Raises ``ProviderError``.

        Args:
            body: what is sent.
            model: name of the model that is called.
            read: makes something of the answer's JSON. Raises ``UnreadableAnswerError``.

        Returns:
            What was read, and the seconds from sending the request to having the answer.
        """
        try:
            answer, latency = await self._send(body)
        except Exception as error:  # noqa: BLE001 - whatever a library raises ends as one clear sentence
            raise explain_failure(error, self._endpoint, self._timeout) from None
        limits = read_rate_limits(answer.headers)
        if limits is not None:
            self._report_limits(model, limits)
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise explain_answer(answer, self._endpoint, model)
        try:
            return read(parse_body(answer.content)), latency
        except UnreadableAnswerError as error:
            raise explain_failure(error, self._endpoint, self._timeout) from None

    async def _send(self, body: JsonBody) -> tuple[Answer, float]:
        payload = _encode(body).encode()
        transport = await self._connected()
        async with self._slots:
            started = time.perf_counter()
            async with asyncio.timeout(self._timeout):
                answer = await transport.send(payload)
            return answer, time.perf_counter() - started

    async def close(self) -> None:
        """Close the connections; more than once does no harm."""
        self._is_closed = True
        if self._connecting is None:
            return
        (transport,) = await asyncio.gather(self._connecting, return_exceptions=True)
        if not isinstance(transport, BaseException):
            await transport.close()

    async def _connected(self) -> Transport:
        if self._is_closed:
            raise ProviderError(f"{self._endpoint.provider} was closed and can make no more calls")
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
        if not self._connecting.done():
            # One call that is given up must not cancel what the others wait for.
            await asyncio.shield(self._connecting)
        return self._connecting.result()
