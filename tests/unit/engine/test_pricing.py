"""What calls to an endpoint cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.engine.endpoint import Endpoint
from pytest_promptevals.engine.identifying import identify
from pytest_promptevals.engine.planning import plan_dataset
from pytest_promptevals.engine.pricing import ANSWER_LIMITS, find_price, unpriced_models
from pytest_promptevals.engine.registry import builtin_registry
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.records.cases import ProviderConfig
from pytest_promptevals.records.prices import Price
from pytest_promptevals.settings import Settings
from tests.unit.engine.plans import OddJudge, OddParameters, plan

PROVIDERS = builtin_registry().providers
OWN = Price(input=9.0)
PROXY: dict[str, Any] = {"base_url": "http://proxy.example/v1"}


def builtin_endpoint(
    provider: str, name: str = "", *, prices: dict[str, Price] | None = None, **options: Any
) -> Endpoint:
    """An endpoint of a provider that comes with the package."""
    config = ProviderConfig(name or provider, provider, options)
    return Endpoint(PROVIDERS[provider], config, 5, (), prices or {})


def price_of(to: Endpoint, model: str, parameters: dict[str, Any] | None = None) -> Price | None:
    """The price as the pipeline finds it."""
    return find_price(to, identify(to, ProviderContext(to.config, Path())), model, parameters or {})


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "gpt-5-mini"), ("openai-responses", "gpt-5-mini"), ("anthropic", "claude-sonnet-4-5")],
)
def test_the_table_holds_for_the_official_addresses_alone(provider: str, model: str) -> None:
    assert price_of(builtin_endpoint(provider), model) is not None
    assert price_of(builtin_endpoint(provider, "named"), model) is not None
    assert price_of(builtin_endpoint(provider, **PROXY), model) is None


def test_the_users_own_price_goes_before_the_table() -> None:
    prices = {"openai/gpt-5-mini": OWN, "proxy/gpt-5-mini": Price()}

    assert price_of(builtin_endpoint("openai", prices=prices), "gpt-5-mini") == OWN
    assert price_of(builtin_endpoint("openai", prices=prices), "gpt-5-nano") != OWN
    assert price_of(builtin_endpoint("openai", "proxy", prices=prices, **PROXY), "gpt-5-mini") == Price()


def test_a_tier_has_a_price_of_its_own() -> None:
    standard = price_of(builtin_endpoint("openai"), "gpt-5-mini")
    flex = price_of(builtin_endpoint("openai"), "gpt-5-mini", {"service_tier": "flex"})

    assert standard is not None
    assert flex is not None
    assert flex.input < standard.input


def test_what_is_recorded_or_scripted_costs_nothing_and_what_nobody_knows_is_unknown() -> None:
    assert price_of(builtin_endpoint("recorded"), "") == Price()
    assert price_of(builtin_endpoint("scripted"), "echo") == Price()
    assert price_of(builtin_endpoint("python"), "app:answer") is None


def test_only_anthropic_asks_for_a_limit_where_the_user_says_nothing() -> None:
    assert list(ANSWER_LIMITS) == ["anthropic"]


def test_models_without_a_price_are_each_named_once(tmp_path: Path) -> None:
    planned = plan(
        tmp_path,
        "model: [counting/m, counting/n, scripted/echo, counting/free]\njudges: [exact]\n"
        "prices: {counting/free: free}\n"
        "cases: [{id: a, input: x, expected: x}, {id: b, input: y, expected: y}, {id: c, output: x, expected: x}]",
    )

    assert unpriced_models(planned, tmp_path) == ["counting/m", "counting/n"]


def test_the_models_of_judges_and_their_fallbacks_count_where_those_say_which_they_are(tmp_path: Path) -> None:
    class Asking(OddJudge):
        name: ClassVar[str] = "asking"
        Parameters: ClassVar[type[BaseModel]] = OddParameters
        models = ("counting/judge", "scripted/x")
        fallback_models = ("counting/spare",)

    builtin = builtin_registry()
    registry = builtin.with_more({"asking": Asking}, {"counting": builtin.providers["python"]})
    path = tmp_path / "a.eval.yaml"
    path.write_text(
        "model: scripted/echo\njudges: [{any_of: [asking, exact]}]\ncases: [{id: a, input: x, expected: x}]\n",
        encoding="utf-8",
    )
    planned = plan_dataset(load_dataset(path, tmp_path), registry, tmp_path, Settings())

    assert unpriced_models(planned, tmp_path) == ["counting/judge", "counting/spare"]
