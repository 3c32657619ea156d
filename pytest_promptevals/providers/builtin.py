"""The providers that come with the package, registered like a third party's.

Nothing but names stands here: each provider's module, and the HTTP client behind it, is imported when the first model
of that provider is called.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from pytest_promptevals.hookspecs import hookimpl

if TYPE_CHECKING:
    from pytest_promptevals.hookspecs import Provider, ProviderContext, ProviderFactory
    from pytest_promptevals.records.json_types import Json

_FACTORIES: Final = {
    "openai": ("openai_provider:create_chat_provider", "identify_chat"),
    "openai-responses": ("openai_provider:create_responses_provider", "identify_responses"),
    "anthropic": ("anthropic_provider:create_provider", "identify_anthropic"),
    "python": ("python_provider:PythonProvider", "identify_nothing", "content_of_function"),
    "recorded": ("recorded:RecordedProvider", "identify_nothing"),
    "scripted": ("scripted:create_provider", "identify_nothing", "content_of_script"),
}
"""Provider by name: the module in this package and the factory in it, what tells its identity, and what its content."""


@hookimpl
def pytest_promptevals_providers() -> Mapping[str, ProviderFactory]:
    """Return the built-in providers."""
    return _LATE_FACTORIES


@dataclass(frozen=True, slots=True)
class LateFactory:
    """A provider's factory whose module is imported when it is needed.

    An HTTP client takes its time to import, so the pipeline calls ``load`` in a thread before the first call.
    """

    reference: str
    """``module:factory`` in this package."""
    identity: str
    """Function in the module ``identity`` that tells what decides the answers."""
    content: str = ""
    """Function in the module ``contents`` that tells what its answers come from; empty where the identity does."""

    def load(self) -> ProviderFactory:
        """Import the module, and return the factory in it."""
        module_name, _, factory_name = self.reference.partition(":")
        module = importlib.import_module(f"pytest_promptevals.providers.{module_name}")
        return cast("ProviderFactory", getattr(module, factory_name))

    def identify(self, context: ProviderContext) -> Json:
        """Return what decides the answers, ``None`` if they are not kept. Imports nothing heavy and needs no key."""
        module = importlib.import_module("pytest_promptevals.providers.identity")
        identify: Callable[[ProviderContext], Json] = getattr(module, self.identity)
        return identify(context)

    def describe_content(self, context: ProviderContext, model: str) -> Json:
        """Return what a model's answers come from, for fingerprints; ``None`` if nothing is known of it.

        Raises whatever keeps the files or code of the user's from being read.
        """
        if not self.content:
            return self.identify(context)
        module = importlib.import_module("pytest_promptevals.providers.contents")
        describe: Callable[[ProviderContext, str], Json] = getattr(module, self.content)
        return describe(context, model)

    def __call__(self, context: ProviderContext) -> Provider:
        """Make a provider."""
        return self.load()(context)


# Always the same objects: eval files whose factories and options are the same share their connections.
_LATE_FACTORIES: Final = {name: LateFactory(*names) for name, names in _FACTORIES.items()}
