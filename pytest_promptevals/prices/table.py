"""The prices of current models, each with the day and the page on which it was seen: ``prices.json``."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final, cast

from pytest_promptevals.prices.parameters import STANDARD
from pytest_promptevals.prices.stepped import SteppedPrice
from pytest_promptevals.records.prices import Price

TABLE_FILE: Final = "prices.json"
"""Its name in the package ``pytest_promptevals.prices``."""
VENDORS: Final[Mapping[str, str]] = {"openai": "openai", "openai-responses": "openai", "anthropic": "anthropic"}
"""Whose prices hold for the providers of a type."""
FREE: Final = Price()
"""Costs nothing."""

_FREE_TYPES: Final = frozenset({"scripted", "recorded"})
_SNAPSHOT: Final = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})$")
_RATES: Final = ("input", "output", "cached_input", "cache_write")

# A row of the table, as JSON.
_Row = dict[str, Any]


def find_price(provider_type: str, is_official: bool, model: str) -> Price | None:  # noqa: FBT001 - asked in this order
    """Return the standard price of a model; ``None`` if it is not known.

    The table holds for the official addresses only. A snapshot whose name ends in a date, such as
    ``gpt-5-mini-2025-08-07``, costs what the model does, unless it has a row of its own. Scripted and recorded answers
    cost nothing, but for what they say themselves.
    """
    return find_tier_price(provider_type, model, STANDARD, is_official=is_official)


def find_tier_price(provider_type: str, model: str, tier: str | None, *, is_official: bool) -> Price | None:
    """Return the price of a model in a service tier, as ``find_price`` does; ``None`` is a tier of unknown price."""
    if provider_type in _FREE_TYPES:
        return FREE
    vendor = VENDORS.get(provider_type)
    if vendor is None or tier is None or not is_official:
        return None
    return _read_price(vendor, model, tier)


@functools.cache
def load_table() -> Mapping[str, Mapping[str, _Row]]:
    """Return the rows of the table, by vendor and model; read when a price is first asked for."""
    text = resources.files("pytest_promptevals.prices").joinpath(TABLE_FILE).read_text(encoding="utf-8")
    return cast("Mapping[str, Mapping[str, _Row]]", json.loads(text))


@functools.cache
def _read_price(vendor: str, model: str, tier: str) -> Price | None:
    models = load_table()[vendor]
    row = models.get(model) or models.get(_SNAPSHOT.sub("", model))
    if row is None:
        return None
    if tier == STANDARD:
        return _price(row, row.get("max_output"))
    rates = row.get("tiers", {}).get(tier)
    if isinstance(rates, dict):
        return _price(rates, row.get("max_output"))
    return None if rates is None else _scale(_price(row, row.get("max_output")), rates)


def _price(row: _Row, max_output: int | None) -> Price:
    base = Price(**_rates(row), max_output=max_output)
    if "long" not in row:
        return base
    long = Price(**_rates(row["long"]), max_output=max_output)
    return SteppedPrice(**_rates(row), max_output=max_output, above=row["long"]["above"], long=long)


def _rates(row: _Row) -> dict[str, float]:
    return {name: float(row[name]) for name in _RATES if name in row}


def _scale(price: Price, factor: float) -> Price:
    scaled: dict[str, Any] = {
        name: rate * factor for name in _RATES if (rate := cast("float | None", getattr(price, name))) is not None
    }
    if isinstance(price, SteppedPrice):
        scaled["long"] = _scale(price.long, factor)
    return dataclasses.replace(price, **scaled)
