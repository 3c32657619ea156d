"""Anthropic, and servers that speak its Messages API."""

from __future__ import annotations

from typing import Final

from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.api_provider import ApiProvider, make_connect
from pytest_promptevals.providers.endpoint import Endpoint, read_endpoint
from pytest_promptevals.providers.families import ANTHROPIC
from pytest_promptevals.providers.headers import basic_authorization, merge_headers
from pytest_promptevals.providers.messages_wire import MESSAGES_FORMAT

FAMILY: Final = ANTHROPIC

_VERSION: Final = "2023-06-01"


def create_provider(context: ProviderContext) -> ApiProvider:
    """Return a provider that calls the Messages API."""
    endpoint = read_endpoint(context.config, FAMILY)
    connect = make_connect(context, FAMILY, endpoint, MESSAGES_FORMAT.path, _headers(endpoint))
    return ApiProvider(connect, endpoint, MESSAGES_FORMAT, context)


def _headers(endpoint: Endpoint) -> dict[str, str]:
    """Return the headers of a call. The key goes into ``x-api-key``, as the API documents it.

    The SDK looks for credentials in several environment variables and profiles, and sends what it finds as
    ``Authorization``. Nothing goes out there that the user did not write into the address or under ``headers``.
    """
    others = {name: value for name, value in endpoint.environment_headers.items() if name.lower() != "authorization"}
    authorization = basic_authorization(endpoint.address.url)
    return merge_headers(
        {"anthropic-version": _VERSION},
        others,
        {"X-Api-Key": endpoint.key} if endpoint.key else {},
        {"Authorization": authorization} if authorization else {},
        endpoint.headers,
    )
