"""What decides the answers of a built-in provider, beside the model, the messages and the parameters.

It is part of the key of the response cache, so a cached run asks for it and for nothing else: no key is needed here,
and neither an HTTP client nor an SDK is imported.
"""

from __future__ import annotations

from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.endpoint import Address, read_address
from pytest_promptevals.providers.families import ANTHROPIC, OPENAI, OPENAI_APIS
from pytest_promptevals.providers.options import read_choice
from pytest_promptevals.records.json_types import Json


def identify_chat(context: ProviderContext) -> Json:
    """Return address and API of the provider ``openai``. Raises ``ProviderConfigError`` for a bad option."""
    return _identify_openai(context, default_api="chat")


def identify_responses(context: ProviderContext) -> Json:
    """Return address and API of the provider ``openai-responses``. Raises ``ProviderConfigError`` for a bad option."""
    return _identify_openai(context, default_api="responses")


def identify_anthropic(context: ProviderContext) -> Json:
    """Return the address of the provider ``anthropic``. Raises ``ProviderConfigError`` for a bad option."""
    return {"base_url": _normalize(read_address(context.config, ANTHROPIC))}


def identify_nothing(context: ProviderContext) -> Json:  # noqa: ARG001 - every provider is asked alike
    """Return ``None``: the answers are not kept, for they cost nothing, or come from code that may change."""
    return None


def _identify_openai(context: ProviderContext, default_api: str) -> Json:
    api = read_choice(context.config, "api", OPENAI_APIS) or default_api
    return {"base_url": _normalize(read_address(context.config, OPENAI)), "api": api}


def _normalize(address: Address) -> str:
    """Return the address without password and query, in the one spelling that all equal ones share."""
    shown = address.shown
    host = address.parts.netloc
    return shown.replace(host, host.lower(), 1)
