"""The table of prices, and what it says of a model."""

from __future__ import annotations

import datetime as dt
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.prices.stepped import SteppedPrice
from pytest_promptevals.prices.table import FREE, find_price, find_tier_price, load_table
from pytest_promptevals.records.prices import Price

ROWS = [
    pytest.param(vendor, model, row, id=f"{vendor}/{model}")
    for vendor, models in load_table().items()
    for model, row in models.items()
]
PAGES = {"openai": "https://developers.openai.com/api/docs/", "anthropic": "https://platform.claude.com/docs/"}
SEEN_LAST = dt.date(2026, 11, 22)
EMBEDS = "text-embedding-"


@pytest.mark.parametrize(("vendor", "model", "row"), ROWS)
def test_every_price_has_a_day_and_an_official_page(vendor: str, model: str, row: dict[str, Any]) -> None:
    assert row["source"].startswith(PAGES[vendor])
    assert dt.date(2026, 1, 1) <= dt.date.fromisoformat(row["date"]) <= SEEN_LAST
    assert set(row) <= {
        *("input", "output", "cached_input", "cache_write", "max_output", "long", "tiers", "date", "source")
    }


@pytest.mark.parametrize(("vendor", "model", "row"), ROWS)
def test_every_price_is_a_sensible_one(vendor: str, model: str, row: dict[str, Any]) -> None:
    for tier in ("standard", *row.get("tiers", {})):
        price = find_tier_price(vendor, model, tier, is_official=True)
        assert price is not None
        for step in (price, price.long) if isinstance(price, SteppedPrice) else (price,):
            rates = [step.input, step.cached_input or 0.01, step.cache_write or step.input]
            assert all(0 < rate < math.inf for rate in rates)
            assert (step.cached_input or 0) < step.input <= (step.cache_write or math.inf)
            assert step.output == 0 if model.startswith(EMBEDS) else step.input < step.output < math.inf
            assert step.max_output == row.get("max_output")


def test_a_price_is_found_by_provider_type_and_model() -> None:
    assert find_price("openai", True, "gpt-5-mini") == Price(0.25, 2.0, 0.025, max_output=128_000)
    assert find_price("openai-responses", True, "gpt-5-mini") == find_price("openai", True, "gpt-5-mini")
    assert find_price("anthropic", True, "claude-sonnet-5-5") == Price(2, 10, 0.1, 2.5, max_output=128_000)


def test_a_vector_costs_what_its_text_costs() -> None:
    rates = {"text-embedding-3-small": 0.02, "text-embedding-3-large": 0.13, "text-embedding-ada-002": 0.1}
    assert {model: find_price("openai", True, model) for model in rates} == {
        model: Price(rate) for model, rate in rates.items()
    }


def test_a_price_that_rises_with_the_prompt_is_found_as_a_whole() -> None:
    long = Price(0.5, 2.5, 0.05, 0.625, max_output=128_000)
    assert find_price("anthropic", True, "claude-haiku-5-5") == SteppedPrice(
        0.1, 0.5, 0.01, 0.125, max_output=128_000, above=100_000, long=long
    )


@pytest.mark.parametrize(
    ("provider_type", "is_official", "model"),
    [
        ("openai", False, "gpt-5-mini"),
        ("openai", True, "gpt-5-mini-high"),
        ("openai", True, "gpt-5.6-sol"),
        ("openai", True, "ft:gpt-4.1-mini:acme"),
        ("openai", True, "claude-sonnet-5-5"),
        ("anthropic", True, "gpt-5-mini"),
        ("anthropic", False, "claude-sonnet-5-5"),
        ("python", True, "app:answer"),
        ("acme", True, "gpt-5-mini"),
        ("openai", True, ""),
    ],
)
def test_what_is_not_in_the_table_is_unknown(provider_type: str, is_official: bool, model: str) -> None:
    assert find_price(provider_type, is_official, model) is None


@pytest.mark.parametrize(
    ("provider_type", "snapshot", "model"),
    [
        ("openai", "gpt-5-mini-2025-08-07", "gpt-5-mini"),
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("anthropic", "claude-haiku-4-5-20251001", "claude-haiku-4-5"),
    ],
)
def test_a_dated_snapshot_costs_what_its_model_does(provider_type: str, snapshot: str, model: str) -> None:
    assert find_price(provider_type, True, model) is not None
    assert find_price(provider_type, True, snapshot) == find_price(provider_type, True, model)


def test_a_snapshot_with_a_row_of_its_own_has_its_own_price() -> None:
    price = find_price("openai", True, "gpt-4o-2024-05-13")
    assert price is not None
    assert (price.input, price.output, price.cached_input) == (5, 15, None)


@pytest.mark.parametrize("model", ["gpt-5-mini-2025", "gpt-5-mini-08-07", "gpt-5-mini-2025-08-07-x", "gpt-5-mini-1"])
def test_only_a_date_makes_a_snapshot(model: str) -> None:
    assert find_price("openai", True, model) is None


@pytest.mark.parametrize("provider_type", ["scripted", "recorded"])
def test_answers_that_no_model_gives_are_free(provider_type: str) -> None:
    assert find_price(provider_type, False, "any") == FREE == Price()


def test_a_tier_has_its_factor_or_its_own_prices_or_is_unknown() -> None:
    def find(model: str, tier: str | None) -> Price | None:
        return find_tier_price("openai", model, tier, is_official=True)

    assert find("gpt-5-mini", "flex") == Price(0.125, 1.0, 0.0125, max_output=128_000)
    assert find("gpt-4o-mini", "fast") == Price(0.25, 1.0, 0.125, max_output=16_384)
    assert find("gpt-4o-mini", "flex") is None
    assert find("gpt-4o-mini", None) is None
    assert find("gpt-5.5", "fast") is None
    stepped = find("gpt-6-astra", "flex")
    assert isinstance(stepped, SteppedPrice)
    assert (stepped.input, stepped.above, stepped.long.output) == (5, 272_000, 37.5)
    own = find("gpt-5.4", "flex")
    assert isinstance(own, SteppedPrice)
    assert (own.cached_input, own.long.cached_input) == (0.13, 0.25)


def test_importing_the_room_reads_no_table_and_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, pytest_promptevals.prices.lists as l, pytest_promptevals.prices.table as t\n"
        "import pytest_promptevals.prices.bounds\n"
        "print(t.load_table.cache_info().currsize, {'pydantic', 'yaml', 'asyncio', 'openai'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0 set()"
