"""What decides the answers of an endpoint beside the request itself."""

from __future__ import annotations

import contextlib

from pytest_promptevals.engine.endpoint import Endpoint
from pytest_promptevals.errors import PromptEvalsError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.records.json_types import Json


def identify(endpoint: Endpoint, context: ProviderContext) -> Json:
    """Return what a provider's ``identify`` says, or ``None`` if it says nothing.

    What is wrong with its options is said when the provider is made.
    """
    ask = getattr(endpoint.factory, "identify", None)
    identity: Json = None
    if ask is not None:
        with contextlib.suppress(PromptEvalsError):
            identity = ask(context)
    return identity


def cache_identity(endpoint: Endpoint, context: ProviderContext) -> Json:
    """Return what stands for an endpoint in the keys of the response cache; ``None`` keeps no response of it."""
    config = endpoint.config
    if config.cache is False:
        return None
    identity = identify(endpoint, context)
    if identity is None and config.cache:
        return {"options": dict(config.options)}
    return identity
