"""OpenAI, and every server that speaks its API: Ollama, vLLM, llama.cpp, LM Studio and so on.

A server is reached as a named provider::

    providers:
      local: {type: openai, base_url: "http://localhost:11434/v1"}
    model: local/llama3.2

It needs no key unless ``api_key_env`` names the environment variable that holds one. ``api: responses`` calls the
Responses API instead of chat completions, as does the type ``openai-responses``.
"""

from __future__ import annotations

import os
from typing import Final

from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.api_provider import ApiProvider, make_provider
from pytest_promptevals.providers.chat_wire import chat_format
from pytest_promptevals.providers.endpoint import Endpoint, read_endpoint
from pytest_promptevals.providers.families import OPENAI, OPENAI_APIS
from pytest_promptevals.providers.headers import basic_authorization, merge_headers
from pytest_promptevals.providers.options import read_choice, read_text_option
from pytest_promptevals.providers.responses_wire import RESPONSES_FORMAT

FAMILY: Final = OPENAI

_ACCOUNT_OPTIONS: Final = {"OpenAI-Organization": "organization", "OpenAI-Project": "project"}


def create_chat_provider(context: ProviderContext) -> ApiProvider:
    """Return a provider that calls chat completions, unless the option ``api`` says otherwise."""
    return _create(context, default_api="chat")


def create_responses_provider(context: ProviderContext) -> ApiProvider:
    """Return a provider that calls the Responses API, unless the option ``api`` says otherwise."""
    return _create(context, default_api="responses")


def _create(context: ProviderContext, default_api: str) -> ApiProvider:
    endpoint = read_endpoint(context.config, FAMILY)
    api = read_choice(context.config, "api", OPENAI_APIS) or default_api
    wire = RESPONSES_FORMAT if api == "responses" else chat_format(is_official=endpoint.address.is_official)
    return make_provider(context, FAMILY, endpoint, wire, _headers(context, endpoint))


def _headers(context: ProviderContext, endpoint: Endpoint) -> dict[str, str]:
    """Return the headers of a call; the accounts that the environment names are none of a given server's business."""
    authorization = basic_authorization(endpoint.address.url) or (endpoint.key and f"Bearer {endpoint.key}")
    accounts: dict[str, str] = {}
    if not endpoint.address.is_given:
        accounts = {header: os.environ.get(name, "").strip() for header, name in FAMILY.account_variables.items()}
    options = {header: read_text_option(context.config, name) for header, name in _ACCOUNT_OPTIONS.items()}
    return merge_headers(
        {"Authorization": authorization} if authorization else {},
        {header: value for header, value in accounts.items() if value},
        endpoint.environment_headers,
        {header: value for header, value in options.items() if value},
        endpoint.headers,
    )
