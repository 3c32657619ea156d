"""All judges and providers that the hooks gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pluggy

from pytest_promptevals import hookspecs
from pytest_promptevals.errors import UsageError
from pytest_promptevals.hookspecs import Judge, ProviderFactory
from pytest_promptevals.judges import builtin as builtin_judges
from pytest_promptevals.providers import builtin as builtin_providers

BUILTIN_PLUGINS = (builtin_judges, builtin_providers)
"""What registers through the public hooks before any third party's."""


class HookCaller(Protocol):
    """The part of pluggy's hook relay that gives judges and providers."""

    def pytest_promptevals_judges(self) -> Sequence[Sequence[type[Judge]]]:
        """Return the lists of all plugins."""
        ...

    def pytest_promptevals_providers(self) -> Sequence[Mapping[str, ProviderFactory]]:
        """Return the mappings of all plugins."""
        ...


@dataclass(frozen=True, slots=True)
class Registry:
    """Judges and providers by name."""

    judges: Mapping[str, type[Judge]]
    """By the name that stands in an eval file."""
    providers: Mapping[str, ProviderFactory]
    """By the name before the ``/``, or the ``type`` of a named provider."""


def collect_registry(hook: HookCaller) -> Registry:
    """Ask all plugins. Raises ``UsageError`` for a name that is given twice."""
    judges: dict[str, type[Judge]] = {}
    for judge_types in hook.pytest_promptevals_judges():
        if not isinstance(judge_types, list | tuple):
            raise UsageError(f"pytest_promptevals_judges must return a list of judge classes, not {judge_types!r}")
        for judge_type in judge_types:
            if not isinstance(getattr(judge_type, "name", None), str):
                raise UsageError(f"pytest_promptevals_judges returned {judge_type!r}: no class with a 'name'")
            _refuse_second("judge", judge_type.name, judges)
            judges[judge_type.name] = judge_type
    providers: dict[str, ProviderFactory] = {}
    for factories in hook.pytest_promptevals_providers():
        if not isinstance(factories, Mapping):
            raise UsageError(f"pytest_promptevals_providers must return a mapping of names, not {factories!r}")
        for name, factory in factories.items():
            _refuse_second("provider", name, providers)
            providers[name] = factory
    return Registry(judges, providers)


def builtin_registry() -> Registry:
    """Return what the package itself brings, for use outside of pytest."""
    manager = pluggy.PluginManager("pytest")
    manager.add_hookspecs(hookspecs)
    for plugin in BUILTIN_PLUGINS:
        manager.register(plugin)
    return collect_registry(manager.hook)


def _refuse_second(kind: str, name: str, known: Mapping[str, object]) -> None:
    if name in known:
        raise UsageError(
            f"two plugins register a {kind} named {name!r}; rename one of them or disable its plugin with -p no:NAME"
        )
