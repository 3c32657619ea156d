"""What the providers of HTTP APIs share: a call with its time, its limits and its failures."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import importlib.metadata
import json
import time
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Final

from pytest_promptevals.errors import ProviderError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.answers import Answer, parse_body
from pytest_promptevals.providers.endpoint import Endpoint
from pytest_promptevals.providers.failures import explain_answer, explain_failure
from pytest_promptevals.providers.families import ApiFamily
from pytest_promptevals.providers.headers import merge_headers, names_in_environment
from pytest_promptevals.providers.lean_transport import open_lean
from pytest_promptevals.providers.rate_limits import read_rate_limits
from pytest_promptevals.providers.sdk_transport import open_sdk
from pytest_promptevals.providers.transport import Route, Transport, choose_transport
from pytest_promptevals.providers.wire import JsonBody, UnreadableAnswerError, WireFormat
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response

_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_PACKAGE: Final = "pytest-promptevals"


class ApiProvider:
    """Calls the models of one server.

    Args:
        connect: makes what sends the requests, before the first one.
        endpoint: where they go.
        wire: the API's wire format.
        context: what the provider is made from.
    """

    def __init__(
        self,
        connect: Callable[[], Coroutine[None, None, Transport]],
        endpoint: Endpoint,
        wire: WireFormat,
        context: ProviderContext,
    ) -> None:
        self._connect = connect
        self._endpoint = endpoint
        self._wire = wire
        self._timeout = context.timeout
        self._report_limits = context.report_limits
        # Whoever waits for a connection waits here, before the clock runs.
        self._slots = asyncio.Semaphore(context.concurrency)
        self._connecting: asyncio.Task[Transport] | None = None
        self._is_closed = False

    async def complete(self, request: Request) -> Response:
        """Make one call, never retried here. Raises ``ProviderError``."""
        body = self._wire.build_body(request)
        try:
            answer, latency = await self._call(body)
        except Exception as error:  # noqa: BLE001 - whatever a library raises ends as one clear sentence
            raise explain_failure(error, self._endpoint, self._timeout) from None
        limits = read_rate_limits(answer.headers)
        if limits is not None:
            self._report_limits(request.model, limits)
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise explain_answer(answer, self._endpoint, request.model)
        try:
            response = self._wire.read_body(parse_body(answer.content))
        except UnreadableAnswerError as error:
            raise explain_failure(error, self._endpoint, self._timeout) from None
        return dataclasses.replace(response, latency=latency)

    async def _call(self, body: JsonBody) -> tuple[Answer, float]:
        """Return the answer, and the seconds from sending the request to having it."""
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


def make_provider(
    context: ProviderContext, family: ApiFamily, endpoint: Endpoint, wire: WireFormat, headers: Mapping[str, str]
) -> ApiProvider:
    """Return a provider that calls one API with these headers, over the transport that the user chose."""
    all_headers = merge_headers({"User-Agent": _user_agent()}, headers, spelling=family.sdk_headers)
    sent = {name.lower() for name in all_headers}
    sdk_headers = (*family.sdk_headers, *names_in_environment(family.headers_variable))
    route = Route(
        base_url=endpoint.shown_url,
        path=wire.path,
        url=endpoint.address.join(wire.path),
        headers=all_headers,
        unwanted_headers=tuple(name for name in sdk_headers if name.lower() not in sent),
        connections=context.concurrency,
    )
    is_lean = choose_transport(context.config, route.url) == "lean"
    connect = functools.partial(open_lean, route) if is_lean else functools.partial(open_sdk, family.sdk, route)
    return ApiProvider(connect, endpoint, wire, context)


def _user_agent() -> str:
    try:
        version = importlib.metadata.version(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"  # imported from a folder that was never installed
    return f"{_PACKAGE}/{version}"
