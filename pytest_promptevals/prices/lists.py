"""The prices of one eval file: the user's own, then the table's."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_promptevals.prices.parameters import read_tier
from pytest_promptevals.prices.table import find_tier_price
from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.prices import Price


class PriceList:
    """Knows what models cost.

    Args:
        overrides: the user's own prices by ``provider/model``. They go before the table, whatever the parameters.
    """

    def __init__(self, overrides: Mapping[str, Price]) -> None:
        self._overrides = overrides

    def find(
        self, label: str, provider_type: str, *, is_official: bool, model: str, parameters: JsonObject
    ) -> Price | None:
        """Return the price of a call; ``None`` if it is not known.

        ``label`` is ``provider/model``, ``model`` the name that is sent, and ``is_official`` says whether it is sent to
        the company that made the provider's API.
        """
        if (price := self._overrides.get(label)) is not None:
            return price
        return find_tier_price(provider_type, model, read_tier(parameters), is_official=is_official)
