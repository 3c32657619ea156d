"""What calls to an endpoint cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from pytest_promptevals.engine.endpoint import Endpoint
from pytest_promptevals.engine.identifying import describe
from pytest_promptevals.engine.judging import flatten
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.prices.lists import PriceList
from pytest_promptevals.providers.messages_wire import DEFAULT_MAX_TOKENS
from pytest_promptevals.records.json_types import Json, JsonObject
from pytest_promptevals.records.prices import Price

_OFFICIAL: Final = frozenset({"https://api.openai.com/v1", "https://api.anthropic.com"})
"""Base URLs that the price table is about."""

ANSWER_LIMITS: Final = {"anthropic": DEFAULT_MAX_TOKENS}
"""Most tokens of an answer that a provider of that type asks for where the user says nothing."""


def find_price(endpoint: Endpoint, identity: Json, model: str, parameters: JsonObject) -> Price | None:
    """Return what a model costs at an endpoint of that identity, ``None`` if that is unknown."""
    is_official = isinstance(identity, dict) and identity.get("base_url") in _OFFICIAL
    return PriceList(endpoint.prices).find(
        f"{endpoint.config.name}/{model}",
        endpoint.config.type,
        is_official=is_official,
        model=model,
        parameters=parameters,
    )


def unpriced_models(cases: Iterable[PlannedCase], rootdir: Path) -> list[str]:
    """Return the models of those cases, and of their judges where those say, whose price is unknown.

    They are written ``provider/model``.
    """
    seen: set[tuple[int, str]] = set()
    unpriced: dict[str, None] = {}
    for planned in cases:
        for endpoint, model, parameters in _asked(planned):
            if (id(endpoint), model) in seen:
                continue
            seen.add((id(endpoint), model))
            identity, _ = describe(endpoint, ProviderContext(endpoint.config, rootdir, endpoint.search_path))
            if find_price(endpoint, identity, model, parameters) is None:
                unpriced[f"{endpoint.config.name}/{model}"] = None
    return list(unpriced)


def _asked(planned: PlannedCase) -> Iterator[tuple[Endpoint, str, JsonObject]]:
    yield planned.endpoint, planned.target.model, planned.plan.dataset.parameters
    for judge in flatten(planned.judges):
        for label in (*getattr(judge.judge, "models", ()), *getattr(judge.judge, "fallback_models", ())):
            name, _, model = label.partition("/")
            if name in planned.plan.endpoints:
                yield planned.plan.endpoints[name], model, {}
