"""OpenAI, and every server that speaks its API: Ollama, vLLM, llama.cpp, LM Studio and so on.

A server is reached as a named provider::

    providers:
      local: {type: openai, base_url: "http://localhost:11434/v1"}
    model: local/llama3.2

It needs no key unless ``api_key_env`` names the environment variable that holds one. ``api: responses`` calls the
Responses API instead of chat completions, as does the type ``openai-responses``.
"""

from __future__ import annotations

from typing import Final

from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.api_provider import ApiProvider, make_http_client
from pytest_promptevals.providers.chat_wire import chat_format
from pytest_promptevals.providers.endpoint import ApiFamily, Endpoint, read_endpoint
from pytest_promptevals.providers.options import read_choice, read_text_option
from pytest_promptevals.providers.responses_wire import RESPONSES_FORMAT

FAMILY: Final = ApiFamily(
    default_url="https://api.openai.com/v1",
    key_variable="OPENAI_API_KEY",
    url_variable="OPENAI_BASE_URL",
    headers_variable="OPENAI_CUSTOM_HEADERS",
    options=("base_url", "api_key_env", "headers", "api", "organization", "project"),
)

_APIS: Final = ("chat", "responses")


def create_chat_provider(context: ProviderContext) -> ApiProvider:
    """Return a provider that calls chat completions, unless the option ``api`` says otherwise."""
    return _create(context, default_api="chat")


def create_responses_provider(context: ProviderContext) -> ApiProvider:
    """Return a provider that calls the Responses API, unless the option ``api`` says otherwise."""
    return _create(context, default_api="responses")


def _create(context: ProviderContext, default_api: str) -> ApiProvider:
    endpoint = read_endpoint(context.config, FAMILY)
    api = read_choice(context.config, "api", _APIS) or default_api
    headers = _headers(context, endpoint)

    import openai  # noqa: PLC0415 - takes a second, and only where a model of it is called

    client = openai.AsyncOpenAI(
        api_key=endpoint.key or "none",
        base_url=endpoint.base_url,
        timeout=context.timeout,
        max_retries=0,
        http_client=make_http_client(openai, context),
    )
    wire = RESPONSES_FORMAT if api == "responses" else chat_format(is_official=endpoint.is_official)
    return ApiProvider(openai, client, endpoint=endpoint, headers=headers, wire=wire, timeout=context.timeout)


def _headers(context: ProviderContext, endpoint: Endpoint) -> dict[str, str | None]:
    """Return the headers of a call; the accounts that the environment names are none of a given server's business."""
    headers: dict[str, str | None] = {}
    if endpoint.key is None:
        headers["Authorization"] = None
    for name, header in (("organization", "OpenAI-Organization"), ("project", "OpenAI-Project")):
        value = read_text_option(context.config, name)
        if value is not None or endpoint.is_given:
            headers[header] = value
    return endpoint.add_headers(headers)
