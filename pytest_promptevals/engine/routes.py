"""From endpoints to providers: each made once, at its first call, with the limits of its server."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeAlias

from pytest_promptevals.engine.ceiling import Ceiling
from pytest_promptevals.engine.endpoint import Endpoint
from pytest_promptevals.engine.identifying import cache_identity, identify
from pytest_promptevals.engine.limiter import Limiter
from pytest_promptevals.errors import (
    CallNotMadeError,
    PromptEvalsError,
    ProviderConfigError,
    ProviderConnectionError,
    ProviderError,
    ProviderStatusError,
)
from pytest_promptevals.functions import contain
from pytest_promptevals.hookspecs import Provider, ProviderContext, ProviderFactory
from pytest_promptevals.records.cases import ProviderConfig
from pytest_promptevals.records.codec import to_plain
from pytest_promptevals.records.fingerprints import content_hash
from pytest_promptevals.records.limits import RateLimits

CLOSE_SECONDS: Final = 0.5
"""Longest time that providers may take to close: a user who pressed Ctrl-C waits for it."""
_Key: TypeAlias = tuple[int, str, float, tuple[Path, ...]]


class Route:
    """The way to one provider."""

    def __init__(self, endpoint: Endpoint, context: ProviderContext, limits: _Limits) -> None:
        self.config = endpoint.config
        self.described: Final = identify(endpoint, context)
        """What it says of itself, such as the base URL; ``None`` if nothing."""
        self.identity: Final = cache_identity(endpoint, context)
        """What stands for it in the keys of the response cache; ``None`` if its answers may not be kept."""
        self._factory = endpoint.factory
        self._context = context
        self._limits = limits
        # Another key is another account, with limits of its own.
        account = {"server": self.described, "key": self.config.options.get("api_key_env")}
        self._server = f"{self.config.type} {json.dumps(account, sort_keys=True)}"
        if self.described is None:
            self._server += f" {self.config.name}"
        self._making: asyncio.Task[Provider] | None = None

    async def provider(self) -> Provider:
        """Return the provider, made at the first call. Raises ``ProviderConfigError``."""
        if self._making is None:
            self._making = asyncio.create_task(_make(self._factory, self._context))
        if self._making.done():
            return self._making.result()
        # One call that is given up must not cancel what the others wait for.
        return await asyncio.shield(self._making)

    def limiter(self, model: str) -> Limiter:
        """Return what limits the calls of one model."""
        return self._limits.of(self._server, self.config, model)

    def check_open(self) -> None:
        """Raise the error that all further calls to that server would end with, if that is known."""
        error = self._limits.closed.get(self._server)
        if error is not None:
            # The same error, over and over: without this it would keep alive all that it was raised through.
            raise error.with_traceback(None)

    def note_answer(self) -> None:
        """Remember that the server can be reached."""
        self._limits.reached.add(self._server)

    def note_failure(self, error: ProviderError) -> None:
        """Make no more calls to a server that grants none any more, refused the key, or was never reached.

        That is said once, not found out anew for each of a thousand cases.
        """
        closed = self._limits.closed
        if error.is_exhausted:
            text = f"not run: {self.config.name} grants no more calls: {error}"
            closed.setdefault(self._server, CallNotMadeError(text, reason="quota"))
        elif isinstance(error, ProviderStatusError) and error.status == HTTPStatus.UNAUTHORIZED:
            closed.setdefault(self._server, CallNotMadeError(f"not run: {error}", reason="refused"))
        elif isinstance(error, ProviderConnectionError) and not error.was_sent:
            if self._server not in self._limits.reached:
                closed.setdefault(self._server, CallNotMadeError(f"not run: {error}", reason="unreachable"))
        elif not isinstance(error, CallNotMadeError | ProviderConfigError):
            self.note_answer()

    async def close(self) -> None:
        """Close the provider, if it was made."""
        if self._making is None:
            return
        with contextlib.suppress(Exception):
            provider = await self._making
            await contain(provider.close())


class Routes:
    """All routes of a pipeline; equal endpoints share one.

    Args:
        rootdir: root of the project.
        concurrency: largest number of calls under way at once.
    """

    def __init__(self, rootdir: Path, concurrency: int) -> None:
        self._rootdir = rootdir
        self._concurrency = concurrency
        self._limits = _Limits(Ceiling(concurrency))
        self._routes: dict[_Key, Route] = {}
        # What is looked up by its identity is kept, so that nothing else can take its place in memory.
        self._known: dict[int, tuple[Endpoint, Route]] = {}

    def of(self, endpoint: Endpoint) -> Route:
        """Return the route to an endpoint."""
        known = self._known.get(id(endpoint))
        if known is None:
            known = (endpoint, self._share(endpoint))
            self._known[id(endpoint)] = known
        return known[1]

    @property
    def running(self) -> int:
        """Calls under way."""
        return self._limits.ceiling.running

    @property
    def limit(self) -> int:
        """Calls that may be under way at once."""
        limiters = self._limits.limiters.values()
        return min(self._concurrency, sum(limiter.limit for limiter in limiters)) if limiters else self._concurrency

    async def close(self) -> None:
        """Close all providers, within ``CLOSE_SECONDS``; an error of one does not keep the others open."""
        routes = list(self._routes.values())
        self._routes.clear()
        self._known.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.gather(*(route.close() for route in routes))

    def _share(self, endpoint: Endpoint) -> Route:
        config = content_hash(to_plain(endpoint.config))
        key = (id(endpoint.factory), config, endpoint.timeout, endpoint.search_path)
        if key not in self._routes:
            context = ProviderContext(
                endpoint.config,
                self._rootdir,
                endpoint.search_path,
                self._concurrency,
                endpoint.timeout,
                self._report_to(endpoint),
            )
            self._routes[key] = Route(endpoint, context, self._limits)
        return self._routes[key]

    def _report_to(self, endpoint: Endpoint) -> Callable[[str, RateLimits], None]:
        def report(model: str, limits: RateLimits) -> None:
            self.of(endpoint).limiter(model).note(limits)

        return report


class _Limits:
    """What is known of servers: limiters by model, which of them were reached, and which give no more answers."""

    def __init__(self, ceiling: Ceiling) -> None:
        self.ceiling = ceiling
        self.limiters: dict[tuple[str, str], Limiter] = {}
        self.closed: dict[str, ProviderError] = {}
        self.reached: set[str] = set()

    def of(self, server: str, config: ProviderConfig, model: str) -> Limiter:
        limiter = self.limiters.get((server, model))
        if limiter is None:
            limiter = Limiter(
                self.ceiling.size,
                shared=self.ceiling,
                requests_per_minute=config.requests_per_minute,
                tokens_per_minute=config.tokens_per_minute,
            )
            self.limiters[server, model] = limiter
        return limiter


async def _make(factory: ProviderFactory, context: ProviderContext) -> Provider:
    try:
        if (load := getattr(factory, "load", None)) is not None:
            # The calls under way go on, and their latency stays true, while an SDK is imported.
            await contain(asyncio.to_thread(load))
        return await contain(_build(factory, context))
    except PromptEvalsError:
        raise
    except Exception as error:
        name = context.config.name
        raise ProviderConfigError(f"provider {name!r} cannot be made: {type(error).__name__}: {error}") from error


async def _build(factory: ProviderFactory, context: ProviderContext) -> Provider:
    return factory(context)
