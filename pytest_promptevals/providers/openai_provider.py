"""OpenAI, and every server that speaks its API: Ollama, vLLM, llama.cpp, LM Studio and so on.

A server is reached as a named provider::

    providers:
      local: {type: openai, base_url: "http://localhost:11434/v1"}
    model: local/llama3.2

It needs no key unless ``api_key_env`` names the environment variable that holds one. ``api: responses`` calls the
Responses API instead of chat completions, as does the type ``openai-responses``. Both make vectors of texts, too.
"""

from __future__ import annotations

import os
from typing import Final

from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.api_calls import ApiCalls, Connect
from pytest_promptevals.providers.api_provider import ApiProvider, make_connect
from pytest_promptevals.providers.chat_wire import chat_format
from pytest_promptevals.providers.embeddings import EmbeddingCalls
from pytest_promptevals.providers.embeddings_wire import EMBEDDINGS_PATH
from pytest_promptevals.providers.endpoint import Endpoint, read_endpoint
from pytest_promptevals.providers.families import OPENAI, OPENAI_APIS
from pytest_promptevals.providers.headers import basic_authorization, merge_headers
from pytest_promptevals.providers.options import read_choice, read_text_option
from pytest_promptevals.providers.responses_wire import RESPONSES_FORMAT
from pytest_promptevals.providers.wire import WireFormat
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response

FAMILY: Final = OPENAI

_ACCOUNT_OPTIONS: Final = {"OpenAI-Organization": "organization", "OpenAI-Project": "project"}


class OpenAIProvider(ApiProvider):
    """Calls the models of one server that speaks OpenAI's API, those that make vectors of texts included.

    Args:
        connect: makes what sends the requests, before the first one.
        connect_embeddings: the same for texts whose vectors are asked for.
        endpoint: where they go.
        wire: the wire format of the answers.
        context: what the provider is made from.
    """

    def __init__(
        self,
        connect: Connect,
        connect_embeddings: Connect,
        endpoint: Endpoint,
        wire: WireFormat,
        context: ProviderContext,
    ) -> None:
        super().__init__(connect, endpoint, wire, context)
        self._embeddings = EmbeddingCalls(ApiCalls(connect_embeddings, endpoint, context))

    async def embed(self, request: Request) -> Response:
        """Return the vector of a text, sent together with others that are asked for. Raises ``ProviderError``."""
        return await self._embeddings.embed(request)

    async def close(self) -> None:
        """Close the connections; more than once does no harm."""
        await self._embeddings.close()
        await super().close()


def create_chat_provider(context: ProviderContext) -> OpenAIProvider:
    """Return a provider that calls chat completions, unless the option ``api`` says otherwise."""
    return _create(context, default_api="chat")


def create_responses_provider(context: ProviderContext) -> OpenAIProvider:
    """Return a provider that calls the Responses API, unless the option ``api`` says otherwise."""
    return _create(context, default_api="responses")


def _create(context: ProviderContext, default_api: str) -> OpenAIProvider:
    endpoint = read_endpoint(context.config, FAMILY)
    api = read_choice(context.config, "api", OPENAI_APIS) or default_api
    wire = RESPONSES_FORMAT if api == "responses" else chat_format(is_official=endpoint.address.is_official)
    headers = _headers(context, endpoint)
    connect, connect_embeddings = (
        make_connect(context, FAMILY, endpoint, path, headers) for path in (wire.path, EMBEDDINGS_PATH)
    )
    return OpenAIProvider(connect, connect_embeddings, endpoint, wire, context)


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
