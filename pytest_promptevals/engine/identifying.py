"""What decides the answers of an endpoint beside the request itself."""

from __future__ import annotations

import contextlib
import json

from pytest_promptevals.engine.endpoint import Endpoint
from pytest_promptevals.errors import PromptEvalsError, ProviderConfigError
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.records.json_types import Json


def identify(endpoint: Endpoint, context: ProviderContext) -> Json:
    """Return what a provider's ``identify`` says, or ``None`` if it says nothing.

    What is wrong with its options is said when the provider is made. Raises ``ProviderConfigError`` if ``identify``
    itself is broken: without it, what is paid would not be kept.
    """
    ask = getattr(endpoint.factory, "identify", None)
    identity: Json = None
    if ask is None:
        return identity
    try:
        with contextlib.suppress(PromptEvalsError):
            identity = ask(context)
        json.dumps(identity, allow_nan=False)
    except Exception as error:
        # That of a third party may raise, and return, anything.
        raise ProviderConfigError(
            f"provider {endpoint.config.name!r} does not say what decides its answers: its 'identify' must return "
            f"plain JSON data or None ({type(error).__name__}: {error})"
        ) from error
    return identity


def cache_identity(endpoint: Endpoint, context: ProviderContext) -> Json:
    """Return what stands for an endpoint in the keys of the response cache; ``None`` keeps no response of it.

    Raises ``ProviderConfigError`` as ``identify`` does.
    """
    config = endpoint.config
    if config.cache is False:
        return None
    identity = identify(endpoint, context)
    if identity is None and config.cache:
        return {"options": dict(config.options)}
    return identity


def describe(endpoint: Endpoint, context: ProviderContext) -> tuple[Json, Json]:
    """Return what ``identify`` and ``cache_identity`` say, ``None`` for both where a call would say what is wrong."""
    try:
        return identify(endpoint, context), cache_identity(endpoint, context)
    except ProviderConfigError:
        return None, None
