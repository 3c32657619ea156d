"""The one way to a model: every call, a judge's included, goes through here.

Limits, retries, cache and budget belong between ``Pipeline.call`` and the provider, and nowhere else.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from pathlib import Path

from pytest_promptevals.errors import PromptEvalsError, ProviderConfigError, ProviderError, ProviderTimeoutError
from pytest_promptevals.hookspecs import Provider, ProviderContext, ProviderFactory
from pytest_promptevals.records.cases import ProviderConfig
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response


class Pipeline:
    """Makes calls, at most ``concurrency`` of them at once.

    Args:
        factories: what makes providers, by their registered name.
        rootdir: root of the project.
        concurrency: largest number of calls under way at once.
    """

    def __init__(self, factories: Mapping[str, ProviderFactory], rootdir: Path, concurrency: int) -> None:
        self._factories = factories
        self._rootdir = rootdir
        self._concurrency = concurrency
        self._slots = asyncio.Semaphore(concurrency)
        self._providers: dict[int, tuple[ProviderConfig, Provider]] = {}

    async def call(
        self, config: ProviderConfig, request: Request, *, seconds: float, search_path: tuple[Path, ...]
    ) -> Response:
        """Make one call that may take ``seconds``. Raises ``ProviderError``."""
        provider = self._provider(config, seconds, search_path)
        async with self._slots:
            try:
                async with asyncio.timeout(seconds):
                    response = await provider.complete(request)
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
        providers = [provider for _, provider in self._providers.values()]
        self._providers.clear()
        await asyncio.gather(*(provider.close() for provider in providers), return_exceptions=True)

    def _provider(self, config: ProviderConfig, seconds: float, search_path: tuple[Path, ...]) -> Provider:
        # Keyed by identity: eval files share the configs of one evals.yaml only if they are equal.
        known = self._providers.get(id(config))
        if known is not None:
            return known[1]
        for other, provider in self._providers.values():
            if other == config:
                self._providers[id(config)] = (config, provider)
                return provider
        context = ProviderContext(config, self._rootdir, search_path, self._concurrency, seconds)
        try:
            provider = self._factories[config.type](context)
        except ProviderError:
            raise
        except Exception as error:
            raise ProviderConfigError(
                f"provider {config.name!r} cannot be made: {type(error).__name__}: {error}"
            ) from error
        self._providers[id(config)] = (config, provider)
        return provider


def _without_surrogates(response: Response) -> Response:
    """Replace lone surrogates, which neither files nor databases nor terminals can hold."""
    try:
        response.text.encode("utf-8")
    except UnicodeEncodeError:
        return dataclasses.replace(response, text=response.text.encode("utf-8", "replace").decode("utf-8"))
    return response
