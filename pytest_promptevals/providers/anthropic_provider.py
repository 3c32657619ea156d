"""Anthropic, and servers that speak its Messages API."""

from __future__ import annotations

from typing import Final

from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.api_provider import ApiProvider, make_http_client
from pytest_promptevals.providers.endpoint import ApiFamily, read_endpoint
from pytest_promptevals.providers.messages_wire import MESSAGES_FORMAT

FAMILY: Final = ApiFamily(
    default_url="https://api.anthropic.com",
    key_variable="ANTHROPIC_API_KEY",
    url_variable="ANTHROPIC_BASE_URL",
    headers_variable="ANTHROPIC_CUSTOM_HEADERS",
    options=("base_url", "api_key_env", "headers"),
)


def create_provider(context: ProviderContext) -> ApiProvider:
    """Return a provider that calls the Messages API.

    The key goes into ``x-api-key``, as the API documents it. The SDK would look for credentials in several environment
    variables and profiles and send what it finds as ``Authorization``: it is told to send none.
    """
    endpoint = read_endpoint(context.config, FAMILY)
    headers = endpoint.add_headers({"Authorization": None, "X-Api-Key": endpoint.key})

    import anthropic  # noqa: PLC0415 - takes seconds, and only where a model of it is called

    client = anthropic.AsyncAnthropic(
        api_key=endpoint.key or "none",
        base_url=endpoint.base_url,
        timeout=context.timeout,
        max_retries=0,
        http_client=make_http_client(anthropic, context),
    )
    return ApiProvider(
        anthropic, client, endpoint=endpoint, headers=headers, wire=MESSAGES_FORMAT, timeout=context.timeout
    )
