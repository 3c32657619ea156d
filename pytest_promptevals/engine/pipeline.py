"""The one way to a model: every call, a judge's included, goes through here.

A call that is in the cache costs nothing. Else it waits for its turn, is made within the budget, tried again where
that may help, priced, and is on disk before its response is used.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from pytest_promptevals.cache.keys import request_content, request_key
from pytest_promptevals.cache.responses import CacheRequest, ResponseCache
from pytest_promptevals.engine.budget import SpendingLimit
from pytest_promptevals.engine.endpoint import RECORDED, Endpoint
from pytest_promptevals.engine.pricing import ANSWER_LIMITS, find_price
from pytest_promptevals.engine.retrying import RetryPolicy, call_with_retries
from pytest_promptevals.engine.routes import Route, Routes
from pytest_promptevals.errors import (
    CallNotMadeError,
    CodecError,
    PromptEvalsError,
    ProviderConfigError,
    ProviderConnectionError,
    ProviderError,
    ProviderStatusError,
    ProviderTimeoutError,
)
from pytest_promptevals.functions import contain
from pytest_promptevals.hookspecs import Provider
from pytest_promptevals.prices.bounds import call_bound
from pytest_promptevals.prices.costs import cost_of
from pytest_promptevals.records.embeddings import decode_vector
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.progress import Progress
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response

_CHARACTERS_A_TOKEN: Final = 4
_SCRIPTED: Final = "scripted"
"""Type of the provider that calls nobody, so that nothing is to be replayed."""


@dataclasses.dataclass(frozen=True, slots=True)
class Services:
    """What a pipeline works with beside the providers."""

    open_cache: Callable[[], ResponseCache] | None = None
    """Opens the cache of paid responses, at the first call that may be in it; ``None`` keeps none."""
    budget: SpendingLimit | None = None
    """What may be spent; ``None`` is any amount."""
    policy: RetryPolicy = dataclasses.field(default_factory=RetryPolicy)
    """How often, and how long, a failing call is tried again."""
    is_replay: bool = False
    """Whether no model is to be called at all."""
    refusal: str | None = None
    """Why no call may be made that costs anything, if that is known before the first."""


class Pipeline:
    """Makes calls, at most ``concurrency`` of them at once.

    Args:
        rootdir: root of the project.
        concurrency: largest number of calls under way at once.
        services: cache, budget and retries.
    """

    def __init__(self, rootdir: Path, concurrency: int, services: Services | None = None) -> None:
        self._services = services or Services()
        self._routes = Routes(rootdir, concurrency)
        self._prices: dict[tuple[int, str], Price | None] = {}
        self._kept: list[Endpoint] = []
        self._cache: ResponseCache | None = None
        self._go = asyncio.Event()
        self._go.set()
        self._held = 0
        self._calls = 0
        self._cached = 0
        self._spent = 0.0
        self._unpriced = 0

    async def call(self, endpoint: Endpoint, request: Request) -> Response:
        """Return the response to one request, from the cache if it is there. Raises ``ProviderError``."""
        route = self._routes.of(endpoint)
        if endpoint.config.type == RECORDED:
            # It was called for long ago: it needs no turn, and what it cost is known only if it says so.
            return await _answer(endpoint, await route.provider(), request)
        cache = None if route.identity is None else self._open_cache()
        if cache is None:
            return await self._pay(endpoint, route, request)
        content = request_content(endpoint.config.type, route.identity, request)
        wanted = CacheRequest(request_key(content), content, endpoint.file)
        response = await cache.fetch(wanted, lambda: self._pay(endpoint, route, request))
        self._cached += response.cached
        if response.cost is None and (price := self.price_of(endpoint, request)) is not None:
            # It was called before the user gave a price.
            response = dataclasses.replace(response, cost=cost_of(response.usage, price))
        return response

    def pause(self, *, is_paused: bool) -> None:
        """Begin no further call until told to go on."""
        if is_paused:
            self._go.clear()
        else:
            self._go.set()

    def progress(self, *, total: int, done: int) -> Progress:
        """Return how far the work is, of ``total`` cases of which ``done`` have a result."""
        return Progress(
            total=total,
            done=done,
            running=self._routes.running - self._held,
            calls=self._calls,
            cached=self._cached,
            spent=self._spent,
            unpriced=self._unpriced,
            limit=self._routes.limit,
            is_paused=not self._go.is_set(),
        )

    async def close(self) -> None:
        """Close all providers, and see to it that all paid responses are on disk."""
        try:
            # First what is paid for: a provider may take its time, or even block the loop.
            flushed = [] if self._cache is None else [self._cache.close()]
            await asyncio.gather(*flushed, self._routes.close())
        finally:
            if self._services.budget is not None:
                self._services.budget.close()

    @property
    def calls(self) -> int:
        """How many calls were made and answered."""
        return self._calls

    @property
    def notices(self) -> Sequence[str]:
        """What the user should know of the cache, a line each."""
        return () if self._cache is None else self._cache.notices

    def price_of(self, endpoint: Endpoint, request: Request) -> Price | None:
        """Return what a call costs, ``None`` if that is unknown."""
        tier = request.parameters.get("service_tier")
        key = (id(endpoint), f"{request.model} {tier}")
        if key not in self._prices:
            self._kept.append(endpoint)
            self._prices[key] = find_price(
                endpoint, self._routes.of(endpoint).described, request.model, request.parameters
            )
        return self._prices[key]

    def _open_cache(self) -> ResponseCache | None:
        if self._cache is None and self._services.open_cache is not None:
            self._cache = self._services.open_cache()
        return self._cache

    async def _pay(self, endpoint: Endpoint, route: Route, request: Request) -> Response:
        route.check_open()
        price = self.price_of(endpoint, request)
        if self._services.is_replay and endpoint.config.type != _SCRIPTED:
            raise CallNotMadeError(_no_replay(endpoint, request), reason="replay")
        if self._services.refusal is not None and not _is_free(price):
            raise CallNotMadeError(self._services.refusal, reason="budget")
        provider = await route.provider()

        async def attempt() -> Response:
            route.check_open()
            response = await self._within_budget(endpoint, route, provider, request, price)
            route.note_answer()
            return response

        try:
            return await call_with_retries(
                attempt, route.limiter(request.model), self._services.policy, tokens=_count_tokens(request)
            )
        except ProviderError as error:
            route.note_failure(error)
            if not isinstance(error, CallNotMadeError):
                route.check_open()  # those that found out that it is closed say it in the words of all others
            raise

    async def _within_budget(
        self, endpoint: Endpoint, route: Route, provider: Provider, request: Request, price: Price | None
    ) -> Response:
        budget = self._services.budget
        if budget is None:
            await self._gate(route)
            return self._priced(await _answer(endpoint, provider, request), price)
        if price is None:
            raise CallNotMadeError(unknown_price(endpoint.config.name, request.model), reason="budget")
        bound = call_bound(request, price, ANSWER_LIMITS.get(endpoint.config.type))
        reservation = await budget.reserve(bound)
        cost: float | None = 0.0
        try:
            await self._gate(route)
            cost = None
            response = self._priced(await _answer(endpoint, provider, request), price)
            cost = response.cost
        except ProviderError as error:
            cost = 0.0 if _is_unpaid(error) else None
            raise
        finally:
            budget.settle(reservation, cost)
        return response

    async def _gate(self, route: Route) -> None:
        """Wait while the run is paused; meanwhile the server may have been found to give no more answers."""
        if not self._go.is_set():
            self._held += 1
            try:
                await self._go.wait()
            finally:
                self._held -= 1
        route.check_open()

    def _priced(self, response: Response, price: Price | None) -> Response:
        self._calls += 1
        if response.cost is None and price is not None:
            response = dataclasses.replace(response, cost=cost_of(response.usage, price))
        if response.cost is None:
            self._unpriced += 1
        else:
            self._spent += response.cost
        return response


def unknown_price(provider: str, model: str) -> str:
    """Return what to say of a model without a price where there is a budget."""
    label = f"{provider}/{model}"
    return (
        f"not run: the price of {label} is not known, so the budget could not be kept. Write it into the eval file or "
        f"an evals.yaml as 'prices: {{{label}: {{input: 0.25, output: 2.0}}}}', in US dollars for a million tokens, "
        f"or 'free'."
    )


def _is_free(price: Price | None) -> bool:
    return price is not None and not (price.input or price.output or price.call)


def _no_replay(endpoint: Endpoint, request: Request) -> str:
    return (
        f"not run: {endpoint.config.name}/{request.model}: its responses are not kept, so they cannot be replayed. "
        f"Set 'cache: true' for that provider, or leave out --evals-cache=replay."
    )


def _is_unpaid(error: ProviderError) -> bool:
    """Return whether a failed call was certainly not billed: refused, or never sent."""
    if isinstance(error, ProviderConnectionError):
        return not error.was_sent
    return isinstance(error, ProviderStatusError | ProviderConfigError | CallNotMadeError)


def _count_tokens(request: Request) -> int:
    """Return about how many tokens a call takes; only a known limit of tokens makes use of it."""
    return sum(len(message.content) for message in request.messages) // _CHARACTERS_A_TOKEN + 1


async def _answer(endpoint: Endpoint, provider: Provider, request: Request) -> Response:
    config, seconds = endpoint.config, endpoint.timeout
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            response = await _complete(config.name, provider, request)
    except TimeoutError as error:
        if not limit.expired():
            raise ProviderError(f"provider {config.name!r} raised TimeoutError: {error}") from error
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


async def _complete(name: str, provider: Provider, request: Request) -> Response:
    is_embedding = request.kind == "embedding"
    shown = f"{type(provider).__name__}.{'embed' if is_embedding else 'complete'}"
    call = _find_embed(name, provider, request) if is_embedding else provider.complete
    answer: object = call(request)
    if not inspect.isawaitable(answer):
        raise ProviderError(f"{shown} is no coroutine function: make it 'async def'")
    response = await contain(answer)
    if not isinstance(response, Response):
        raise ProviderError(f"{shown} returned {response!r}, not a Response")
    if is_embedding:
        _check_vector(response, shown)
    return response


def _find_embed(name: str, provider: Provider, request: Request) -> Callable[[Request], object]:
    embed: Callable[[Request], object] | None = getattr(provider, "embed", None)
    if embed is None:
        raise ProviderConfigError(
            f"provider {name!r} makes no vectors of texts, so {name}/{request.model} cannot embed one; name a model of "
            "a provider that does, such as openai/text-embedding-3-small"
        )
    return embed


def _check_vector(response: Response, shown: str) -> None:
    try:
        decode_vector(response.embedding)
    except CodecError as error:
        raise ProviderError(f"{shown} returned a Response whose 'embedding' is {error}") from None


def _without_surrogates(response: Response) -> Response:
    """Replace lone surrogates, which neither files nor databases nor terminals can hold."""
    try:
        response.text.encode("utf-8")
    except UnicodeEncodeError:
        return dataclasses.replace(response, text=response.text.encode("utf-8", "replace").decode("utf-8"))
    return response
