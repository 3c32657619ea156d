"""The providers that come with the package, registered like a third party's.

Nothing but names stands here: each provider's module, and the SDK behind it, is imported when the first model of that
provider is called.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from pytest_promptevals.hookspecs import hookimpl

if TYPE_CHECKING:
    from pytest_promptevals.hookspecs import Provider, ProviderContext, ProviderFactory

_FACTORIES: Final = {
    "openai": "openai_provider:create_chat_provider",
    "openai-responses": "openai_provider:create_responses_provider",
    "anthropic": "anthropic_provider:create_provider",
    "python": "python_provider:PythonProvider",
    "recorded": "recorded:RecordedProvider",
    "scripted": "scripted:create_provider",
}
"""Provider by name: the module in this package, and the factory in it."""


@hookimpl
def pytest_promptevals_providers() -> Mapping[str, ProviderFactory]:
    """Return the built-in providers."""
    return _LATE_FACTORIES


@dataclass(frozen=True, slots=True)
class LateFactory:
    """A provider's factory whose module is imported when it is needed.

    Importing an SDK takes seconds, so the pipeline calls ``load`` in a thread before the first call.
    """

    reference: str
    """``module:factory`` in this package."""

    def load(self) -> ProviderFactory:
        """Import the module, and return the factory in it."""
        module_name, _, factory_name = self.reference.partition(":")
        module = importlib.import_module(f"pytest_promptevals.providers.{module_name}")
        return cast("ProviderFactory", getattr(module, factory_name))

    def __call__(self, context: ProviderContext) -> Provider:
        """Make a provider."""
        return self.load()(context)


# Always the same objects: eval files whose factories and options are the same share their connections.
_LATE_FACTORIES: Final = {name: LateFactory(reference) for name, reference in _FACTORIES.items()}
