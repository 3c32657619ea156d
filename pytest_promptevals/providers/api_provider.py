"""What the providers of HTTP APIs share: a call through an SDK's client, with its time, its limit and its failures."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import time
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.endpoint import Endpoint
from pytest_promptevals.providers.failures import explain_failure, parse_body
from pytest_promptevals.providers.wire import WireFormat
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response


class ApiProvider:
    """Calls the models of one server through the official SDK's async client.

    The client's ``post`` is used, not the typed method of each API: those know the parameters and models of the day
    their version was made, and raise for others.

    Args:
        sdk: the package ``openai`` or ``anthropic``.
        client: its async client.
        endpoint: where the client calls.
        headers: sent with every call; ``None`` takes out one that the SDK would send by itself.
        wire: the API's wire format.
        timeout: seconds that one call may take in all.
    """

    def __init__(
        self,
        sdk: ModuleType,
        client: Any,
        *,
        endpoint: Endpoint,
        headers: Mapping[str, str | None],
        wire: WireFormat,
        timeout: float,
    ) -> None:
        self._sdk = sdk
        self._client = client
        self._endpoint = endpoint
        self._wire = wire
        self._timeout = timeout
        self._answer_type = _http_library(sdk).Response
        self._options = {"headers": {name: sdk.Omit() if value is None else value for name, value in headers.items()}}

    async def complete(self, request: Request) -> Response:
        """Make one call, never retried here. Raises ``ProviderError``."""
        body = self._wire.build_body(request)
        try:
            started = time.perf_counter()
            # The HTTP library's timeout is one of each read, and a server may send byte by byte.
            async with asyncio.timeout(self._timeout):
                answer = await self._client.post(
                    self._wire.path, body=body, cast_to=self._answer_type, options=self._options
                )
            latency = time.perf_counter() - started
            response = self._wire.read_body(parse_body(answer.content))
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises ends as one clear sentence
            raise explain_failure(error, self._sdk, self._endpoint, request.model, self._timeout) from None
        return dataclasses.replace(response, latency=latency)

    async def close(self) -> None:
        """Close the connections; more than once does no harm."""
        await self._client.close()


def make_http_client(sdk: ModuleType, context: ProviderContext) -> Any:
    """Return an HTTP client for an SDK with a pool for as many calls as may be under way at once.

    Redirects are not followed: a POST would become a GET, and a key would go to another host.
    """
    limits = _http_library(sdk).Limits(
        max_connections=context.concurrency, max_keepalive_connections=context.concurrency
    )
    return sdk.DefaultAsyncHttpxClient(limits=limits, timeout=context.timeout, follow_redirects=False)


def _http_library(sdk: ModuleType) -> Any:
    """Return what the SDK stands on: httpx, or httpx2 since its newer versions."""
    return sys.modules[sdk.DefaultAsyncHttpxClient.__base__.__module__.partition(".")[0]]
