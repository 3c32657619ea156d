"""How a call gets to a server and its answer back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from pytest_promptevals.providers.answers import Answer
from pytest_promptevals.providers.options import read_choice
from pytest_promptevals.providers.proxies import has_proxy
from pytest_promptevals.records.cases import ProviderConfig

TRANSPORTS: Final = ("auto", "lean", "sdk")
"""What the option ``transport`` may be."""


class Transport(Protocol):
    """Sends requests to one address."""

    async def send(self, payload: bytes) -> Answer:
        """Send one request, and return what came back, whatever its status.

        Raises ``ConnectionFailure`` if no whole answer came, or what its library raises for anything else.
        """
        ...

    async def close(self) -> None:
        """Close the connections; more than once does no harm."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """Where requests of one provider go, and what goes with each."""

    base_url: str
    """Address without user, password and query."""
    path: str
    """Path of the API below it."""
    url: str
    """Both together, with the query."""
    headers: Mapping[str, str]
    """All headers that are not those of HTTP itself."""
    unwanted_headers: tuple[str, ...]
    """Names of headers that an SDK would send by itself."""
    connections: int
    """How many there may be at once."""


def choose_transport(config: ProviderConfig, url: str) -> str:
    """Return ``lean`` or ``sdk``: what the user says, else ``lean`` unless the way leads through a proxy."""
    wanted = read_choice(config, "transport", TRANSPORTS) or "auto"
    if wanted != "auto":
        return wanted
    return "sdk" if has_proxy(url) else "lean"
