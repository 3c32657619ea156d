"""Calls through the official SDKs, for what they alone can do: proxies of the environment, and their own settings."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from types import ModuleType
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from pytest_promptevals.providers.answers import Answer
from pytest_promptevals.providers.connections import ConnectionFailure, FailureKind, unreachable
from pytest_promptevals.providers.transport import Route

_CLIENTS: Final = {"openai": "AsyncOpenAI", "anthropic": "AsyncAnthropic"}
_NO_CONNECTION: Final = frozenset({"ConnectError", "UnsupportedProtocol", "ProxyError"})
_CLOSING_WORDS: Final = ("disconnect", "closed")


class SdkTransport:
    """Sends requests through the async client of an SDK.

    The client's ``post`` is used, not the typed method of each API: those know the parameters and models of the day
    their version was made, and raise for others.

    Args:
        sdk: the package ``openai`` or ``anthropic``.
        client: its async client.
        route: where to, and with what.
    """

    def __init__(self, sdk: Any, client: Any, route: Route) -> None:
        self._sdk = sdk
        self._client = client
        self._path = route.path
        self._answer_type = _http_library(sdk).Response
        unwanted = {name: sdk.Omit() for name in route.unwanted_headers}
        self._options = {"headers": {**unwanted, **route.headers}}

    async def send(self, payload: bytes) -> Answer:
        """Send one request. Raises ``ConnectionFailure``."""
        body = json.loads(payload)
        try:
            answer = await self._client.post(self._path, body=body, cast_to=self._answer_type, options=self._options)
        except self._sdk.APIStatusError as error:
            answer = error.response
        except self._sdk.APIConnectionError as error:
            raise _translate(error.__cause__ or error) from error
        return Answer(answer.status_code, answer.reason_phrase, answer.headers, answer.content)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


async def open_sdk(package: str, route: Route) -> SdkTransport:
    """Return a transport for the route, when the SDK is imported: that takes seconds, in a thread."""
    sdk = await asyncio.to_thread(importlib.import_module, package)
    limits = _http_library(sdk).Limits(max_connections=route.connections, max_keepalive_connections=route.connections)
    client = getattr(sdk, _CLIENTS[package])(
        api_key="none",
        base_url=route.base_url,
        default_query=dict(parse_qsl(urlsplit(route.url).query)),
        timeout=None,
        max_retries=0,
        # A redirected POST would become a GET, and a key would go to another host.
        http_client=sdk.DefaultAsyncHttpxClient(limits=limits, timeout=None, follow_redirects=False),
    )
    return SdkTransport(sdk, client, route)


def _translate(error: BaseException) -> ConnectionFailure:
    """Read an exception of httpx, or of httpx2, by its name: which of them there is, the SDK alone knows."""
    name = type(error).__name__
    if name in _NO_CONNECTION:
        return unreachable(error)
    is_closed = any(word in str(error).lower() for word in _CLOSING_WORDS)
    if name == "RemoteProtocolError" and not is_closed:
        return ConnectionFailure(FailureKind.GARBLED)
    return ConnectionFailure(FailureKind.UNPACKABLE if name == "DecodingError" else FailureKind.DROPPED)


def _http_library(sdk: ModuleType) -> Any:
    """Return what the SDK stands on: httpx, or httpx2 since its newer versions."""
    return sys.modules[sdk.DefaultAsyncHttpxClient.__base__.__module__.partition(".")[0]]
