"""The prices of an eval file."""

from __future__ import annotations

import pytest

from pytest_promptevals.prices.lists import PriceList
from pytest_promptevals.prices.parameters import read_tier
from pytest_promptevals.prices.table import find_price
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.prices import Price


def find(prices: PriceList, label: str = "openai/gpt-5-mini", parameters: JsonObject | None = None) -> Price | None:
    provider, _, model = label.partition("/")
    kind = "openai" if provider == "local" else provider
    return prices.find(label, kind, is_official=provider != "local", model=model, parameters=parameters or {})


def test_the_users_price_goes_before_the_table() -> None:
    own = Price(1, 2)
    assert find(PriceList({"openai/gpt-5-mini": own})) == own
    assert find(PriceList({"openai/gpt-5-nano": own})) == find_price("openai", True, "gpt-5-mini")


def test_the_users_price_holds_whatever_the_parameters() -> None:
    own = Price(1, 2)
    assert find(PriceList({"openai/gpt-5-mini": own}), parameters={"service_tier": "flex"}) == own


def test_a_model_of_an_own_server_has_the_users_price_or_none() -> None:
    assert find(PriceList({}), "local/gpt-5-mini") is None
    assert find(PriceList({"local/gpt-5-mini": Price()}), "local/gpt-5-mini") == Price()


def test_scripted_models_are_free_whatever_the_parameters() -> None:
    assert find(PriceList({}), "scripted/echo", {"service_tier": "odd"}) == Price()


def test_a_tier_has_its_own_price() -> None:
    flex = find(PriceList({}), parameters={"service_tier": "flex"})
    assert flex is not None
    assert flex.input == 0.125


@pytest.mark.parametrize(
    ("parameters", "tier"),
    [
        ({}, "standard"),
        ({"temperature": 0, "max_tokens": 300, "stop": ["x"]}, "standard"),
        ({"service_tier": None}, "standard"),
        ({"service_tier": "auto"}, "standard"),
        ({"service_tier": "default"}, "standard"),
        ({"service_tier": "standard_only"}, "standard"),
        ({"service_tier": "flex"}, "flex"),
        ({"service_tier": "priority"}, "fast"),
        ({"service_tier": "fast"}, "fast"),
        ({"speed": "standard", "inference_geo": "global", "modalities": ["text"]}, "standard"),
        ({"speed": None, "web_search_options": None}, "standard"),
        ({"tools": [{"type": "function", "function": {"name": "web_search"}}]}, "standard"),
        (
            {"tools": [{"type": "function", "parameters": {"properties": {"type": {"type": "mcp"}, "ttl": {}}}}]},
            "standard",
        ),
        ({"tools": [{"name": "f", "input_schema": {"ttl": 3}}]}, "standard"),
        ({"response_format": {"json_schema": {"schema": {"type": "shell"}}}}, "standard"),
        ({"cache_control": {"type": "ephemeral", "ttl": "5m"}}, "standard"),
        ({"prompt_cache_options": {"ttl": "30m"}}, "standard"),
    ],
)
def test_the_tier_is_what_the_parameters_ask_for(parameters: JsonObject, tier: str) -> None:
    assert read_tier(parameters) == tier


@pytest.mark.parametrize(
    "parameters",
    [
        {"service_tier": "ultrafast"},
        {"service_tier": 3},
        {"service_tier": ["flex"]},
        {"speed": "fast"},
        {"inference_geo": "us"},
        {"modalities": ["text", "audio"]},
        {"web_search_options": {}},
        {"mcp_servers": []},
        {"tools": [{"type": "function"}, {"type": "web_search_20260209"}]},
        {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
        {"tools": [{"type": "mcp"}]},
        {"tools": [{"type": "function", "cache_control": {"ttl": "1h"}}]},
        {"cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"prompt_cache_options": {"ttl": "12h"}},
        {"a": {"b": [{"c": {"type": "file_search"}}]}},
    ],
)
def test_what_costs_otherwise_than_by_the_table_is_unknown(parameters: JsonObject) -> None:
    assert read_tier(parameters) is None
    assert find(PriceList({}), parameters=parameters) is None
