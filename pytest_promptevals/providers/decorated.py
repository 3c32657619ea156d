"""``@provider``: a function of the user's as a model.

A ``conftest.py`` imports this at every start of pytest, so it stays light; ``function_providers`` does the work.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Final, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_ATTRIBUTE: Final = "_promptevals_provider"


@dataclass(frozen=True, slots=True)
class ProviderDeclaration:
    """What ``@provider`` was given."""

    name: str
    """What stands before the ``/`` in ``provider/model``."""


def provider(name: str) -> Callable[[Function], Function]:
    """Make a provider of a function in a ``conftest.py`` or a pytest plugin: ``@provider("acme")``.

    The function itself stays as it is. It is called with what its parameters name, and returns a text, a ``Response``,
    or a mapping of a ``Response``'s fields.

    Args:
        name: what stands before the ``/`` in ``provider/model``, or under ``type`` of a named provider.
    """
    if not isinstance(name, str):
        raise TypeError(f"@provider takes a name, as in @provider('acme'); got {name!r}.")
    declaration = ProviderDeclaration(name)

    def declare(target: Function) -> Function:
        if not inspect.isfunction(target):
            raise TypeError(
                f"@provider stands above a function; got {target!r}. A provider that is a class is registered with the "
                "hook pytest_promptevals_providers."
            )
        setattr(target, _ATTRIBUTE, declaration)
        return target

    return declare


def provider_declaration(function: FunctionType) -> ProviderDeclaration | None:
    """Return what ``@provider`` was given for a function, ``None`` if it does not stand above it."""
    declaration: ProviderDeclaration | None = vars(function).get(_ATTRIBUTE)
    return declaration
