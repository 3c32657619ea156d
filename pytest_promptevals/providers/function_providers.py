"""Providers made of functions that have ``@provider`` above them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from types import FunctionType
from typing import Final

from pytest_promptevals.errors import FunctionError
from pytest_promptevals.function_sources import source_hash
from pytest_promptevals.functions import choose_arguments
from pytest_promptevals.hookspecs import Provider, ProviderContext, ProviderFactory
from pytest_promptevals.providers.decorated import ProviderDeclaration
from pytest_promptevals.providers.options import check_option_names
from pytest_promptevals.providers.python_provider import OFFERED, Application, ApplicationCaller, offer
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response

_MODEL: Final = "model"
_OPTIONS: Final = "options"


class FunctionProvider(ApplicationCaller):
    """A provider whose work a function of the user's does.

    Args:
        application: the function.
        context: what the provider is made from.
    """

    def __init__(self, application: Application, context: ProviderContext) -> None:
        super().__init__(context)
        self._application = application
        self._options = context.config.options
        if _OPTIONS not in inspect.signature(application.function).parameters:
            check_option_names(context.config, ())

    async def complete(self, request: Request) -> Response:
        """Call the function. Raises ``ProviderError`` for whatever it raises, and for what is no response."""
        offered = {**offer(request), _MODEL: request.model, _OPTIONS: dict(self._options)}
        return await self.answer(self._application, offered)


@dataclass(frozen=True, slots=True)
class FunctionFactory:
    """Makes the providers of one function."""

    application: Application
    """The function."""

    def __call__(self, context: ProviderContext) -> Provider:
        """Make a provider."""
        return FunctionProvider(self.application, context)

    def describe_content(self, context: ProviderContext, model: str) -> Json:
        """Return the options and the hash of the function's source, for fingerprints."""
        del model
        return {"options": dict(context.config.options), "source": source_hash(self.application.function)}


def make_provider_factory(function: FunctionType, declaration: ProviderDeclaration) -> ProviderFactory:
    """Return the factory of a function's provider. Raises ``FunctionError`` for what cannot be one."""
    name = declaration.name
    if not name.strip() or "/" in name:
        raise FunctionError(f"{name!r} cannot be the name of a provider; write one without '/', such as 'acme'")
    choose = choose_arguments(function, dict.fromkeys((*OFFERED, _MODEL, _OPTIONS)), name)
    application = Application(name, function, choose)

    return FunctionFactory(application)
