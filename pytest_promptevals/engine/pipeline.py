"""The one way to a model: every call, a judge's included, goes through here.

Limits, retries, cache and budget belong between ``Pipeline.call`` and the provider, and nowhere else.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from pathlib import Path
from typing import TypeAlias

from pytest_promptevals.errors import PromptEvalsError, ProviderConfigError, ProviderError, ProviderTimeoutError
from pytest_promptevals.functions import contain
from pytest_promptevals.hookspecs import Provider, ProviderContext, ProviderFactory
from pytest_promptevals.records.cases import ProviderConfig
from pytest_promptevals.records.codec import to_plain
from pytest_promptevals.records.fingerprints import content_hash
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response

_Key: TypeAlias = tuple[int, str, float, tuple[Path, ...]]


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a call goes; equal ones share a provider and its connections."""

    factory: ProviderFactory
    """What makes the provider."""
    config: ProviderConfig
    """Its name and options."""
    timeout: float
    """Seconds that one call may take."""
    search_path: tuple[Path, ...] = ()
    """Folders in which the user's files and functions are looked up, nearest first."""


class Pipeline:
    """Makes calls, at most ``concurrency`` of them at once.

    Args:
        rootdir: root of the project.
        concurrency: largest number of calls under way at once.
    """

    def __init__(self, rootdir: Path, concurrency: int) -> None:
        self._rootdir = rootdir
        self._concurrency = concurrency
        self._slots = asyncio.Semaphore(concurrency)
        self._providers: dict[_Key, asyncio.Task[Provider]] = {}
        # What a key names by its identity is kept, so that nothing else can take its place in memory.
        self._kept: list[Endpoint] = []
        self._hashes: dict[int, tuple[ProviderConfig, str]] = {}

    async def call(self, endpoint: Endpoint, request: Request) -> Response:
        """Make one call. Raises ``ProviderError``."""
        provider = await self._provider(endpoint)
        config, seconds = endpoint.config, endpoint.timeout
        async with self._slots:
            try:
                async with asyncio.timeout(seconds):
                    response = await _complete(provider, request)
            except TimeoutError as error:
                raise ProviderTimeoutError(
                    f"{config.name}/{request.model}: no answer within {seconds:g} s. Raise 'timeout' in the eval "
                    f"file, or --evals-timeout, if the model needs longer.",
                    retryable=True,
                ) from error
            except PromptEvalsError:
                raise
            except Exception as error:
                # A provider of a third party may raise anything; the case is an error, the run goes on.
                raise ProviderError(f"provider {config.name!r} raised {type(error).__name__}: {error}") from error
        return _without_surrogates(response)

    async def close(self) -> None:
        """Close all providers; an error of one does not keep the others open."""
        made = await asyncio.gather(*self._providers.values(), return_exceptions=True)
        self._providers.clear()
        providers = [provider for provider in made if not isinstance(provider, BaseException)]
        await asyncio.gather(*(provider.close() for provider in providers), return_exceptions=True)

    async def _provider(self, endpoint: Endpoint) -> Provider:
        key = (id(endpoint.factory), self._hash(endpoint.config), endpoint.timeout, endpoint.search_path)
        making = self._providers.get(key)
        if making is None:
            context = ProviderContext(
                endpoint.config, self._rootdir, endpoint.search_path, self._concurrency, endpoint.timeout
            )
            making = asyncio.create_task(_make(endpoint.factory, context))
            self._providers[key] = making
            self._kept.append(endpoint)
        if making.done():
            return making.result()
        # One call that is given up must not cancel what the others wait for.
        return await asyncio.shield(making)

    def _hash(self, config: ProviderConfig) -> str:
        # A config holds mappings, which cannot be keys; eval files below one evals.yaml have equal ones.
        known = self._hashes.get(id(config))
        if known is None:
            known = (config, content_hash(to_plain(config)))
            self._hashes[id(config)] = known
        return known[1]


async def _make(factory: ProviderFactory, context: ProviderContext) -> Provider:
    try:
        if (load := getattr(factory, "load", None)) is not None:
            # The calls under way go on, and their latency stays true, while an SDK is imported.
            await asyncio.to_thread(load)
        return await contain(_build(factory, context))
    except PromptEvalsError:
        raise
    except Exception as error:
        name = context.config.name
        raise ProviderConfigError(f"provider {name!r} cannot be made: {type(error).__name__}: {error}") from error


async def _build(factory: ProviderFactory, context: ProviderContext) -> Provider:
    return factory(context)


async def _complete(provider: Provider, request: Request) -> Response:
    answer: object = provider.complete(request)
    if not inspect.isawaitable(answer):
        raise ProviderError(f"{type(provider).__name__}.complete is no coroutine function: make it 'async def'")
    response = await contain(answer)
    if not isinstance(response, Response):
        raise ProviderError(f"{type(provider).__name__}.complete returned {response!r}, not a Response")
    return response


def _without_surrogates(response: Response) -> Response:
    """Replace lone surrogates, which neither files nor databases nor terminals can hold."""
    try:
        response.text.encode("utf-8")
    except UnicodeEncodeError:
        return dataclasses.replace(response, text=response.text.encode("utf-8", "replace").decode("utf-8"))
    return response
