"""Where a call goes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pytest_promptevals.hookspecs import ProviderFactory
from pytest_promptevals.records.cases import ProviderConfig
from pytest_promptevals.records.prices import Price

RECORDED: Final = "recorded"
"""Provider of the cases that carry their own ``output``."""
TESTED: Final = "test"
"""Stands for the provider where a test function makes the outputs itself."""


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
    prices: Mapping[str, Price] = dataclasses.field(default_factory=dict)
    """The user's own prices, by ``provider/model``."""
    file: str = ""
    """The eval file whose calls go there; its recordings are looked up first."""
