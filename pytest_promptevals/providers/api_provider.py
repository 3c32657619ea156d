"""What the providers of HTTP APIs share."""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
from collections.abc import Mapping
from typing import Final

from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.api_calls import ApiCalls, Connect
from pytest_promptevals.providers.endpoint import Endpoint
from pytest_promptevals.providers.families import ApiFamily
from pytest_promptevals.providers.headers import merge_headers, names_in_environment
from pytest_promptevals.providers.lean_transport import open_lean
from pytest_promptevals.providers.sdk_transport import open_sdk
from pytest_promptevals.providers.transport import Route, choose_transport
from pytest_promptevals.providers.wire import WireFormat
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response

_PACKAGE: Final = "pytest-promptevals"


class ApiProvider:
    """Calls the models of one server.

    Args:
        connect: makes what sends the requests, before the first one.
        endpoint: where they go.
        wire: the API's wire format.
        context: what the provider is made from.
    """

    def __init__(self, connect: Connect, endpoint: Endpoint, wire: WireFormat, context: ProviderContext) -> None:
        self._calls = ApiCalls(connect, endpoint, context)
        self._wire = wire

    async def complete(self, request: Request) -> Response:
        """Make one call, never retried here. Raises ``ProviderError``."""
        body = self._wire.build_body(request)
        response, latency = await self._calls.make(body, request.model, self._wire.read_body)
        return dataclasses.replace(response, latency=latency)

    async def close(self) -> None:
        """Close the connections; more than once does no harm."""
        await self._calls.close()


def make_connect(
    context: ProviderContext, family: ApiFamily, endpoint: Endpoint, path: str, headers: Mapping[str, str]
) -> Connect:
    """Return what connects to a path of an API, with these headers, over the transport that the user chose."""
    all_headers = merge_headers({"User-Agent": _user_agent()}, headers, spelling=family.sdk_headers)
    sent = {name.lower() for name in all_headers}
    sdk_headers = (*family.sdk_headers, *names_in_environment(family.headers_variable))
    route = Route(
        base_url=endpoint.shown_url,
        path=path,
        url=endpoint.address.join(path),
        headers=all_headers,
        unwanted_headers=tuple(name for name in sdk_headers if name.lower() not in sent),
        connections=context.concurrency,
    )
    is_lean = choose_transport(context.config, route.url) == "lean"
    return functools.partial(open_lean, route) if is_lean else functools.partial(open_sdk, family.sdk, route)


def _user_agent() -> str:
    try:
        version = importlib.metadata.version(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"  # imported from a folder that was never installed
    return f"{_PACKAGE}/{version}"
