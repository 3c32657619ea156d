"""All judges and providers that the hooks gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

import pluggy

from pytest_promptevals import hookspecs
from pytest_promptevals.errors import UsageError
from pytest_promptevals.files.user_code import import_place
from pytest_promptevals.hookspecs import Judge, JudgePlace, ProviderFactory
from pytest_promptevals.judges import builtin as builtin_judges
from pytest_promptevals.providers import builtin as builtin_providers

BUILTIN_PLUGINS = (builtin_judges, builtin_providers)
"""What registers through the public hooks before any third party's."""


class HookCaller(Protocol):
    """The part of pluggy's hook relay that gives judges and providers."""

    def pytest_promptevals_judges(self) -> Sequence[Sequence[type[Judge]] | Mapping[str, JudgePlace]]:
        """Return the lists and mappings of all plugins."""
        ...

    def pytest_promptevals_providers(self) -> Sequence[Mapping[str, ProviderFactory]]:
        """Return the mappings of all plugins."""
        ...


class JudgeTypes(Mapping[str, "type[Judge]"]):
    """Judge classes by name. One of which only the place is known is imported when it is first looked up.

    Args:
        entries: a class, or ``module:Class``, for each name.
    """

    def __init__(self, entries: Mapping[str, type[Judge] | JudgePlace]) -> None:
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> type[Judge]:
        """Return the class. Raises ``UsageError`` if it is not where it is said to be."""
        entry = self._entries[name]
        if isinstance(entry, str):
            entry = self._entries[name] = _import_judge(name, entry)
        return entry

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def with_more(self, more: Mapping[str, type[Judge]]) -> JudgeTypes:
        """Return these and more, without importing any."""
        return JudgeTypes({**self._entries, **more})


@dataclass(frozen=True, slots=True)
class Registry:
    """Judges and providers by name."""

    judges: JudgeTypes
    """By the name that stands in an eval file."""
    providers: Mapping[str, ProviderFactory]
    """By the name before the ``/``, or the ``type`` of a named provider."""

    def with_more(self, judges: Mapping[str, type[Judge]], providers: Mapping[str, ProviderFactory]) -> Registry:
        """Return these and more; where a name is the same, the one that is added counts."""
        return Registry(self.judges.with_more(judges), {**self.providers, **providers})


def collect_registry(hook: HookCaller) -> Registry:
    """Ask all plugins. Raises ``UsageError`` for a name that is given twice, and for what can be no judge."""
    judges: dict[str, type[Judge] | JudgePlace] = {}
    for returned in hook.pytest_promptevals_judges():
        for name, entry in _named_judges(returned):
            _refuse_second("judge", name, judges)
            judges[name] = entry if isinstance(entry, str) else _check_judge(name, entry, repr(entry))
    providers: dict[str, ProviderFactory] = {}
    for factories in hook.pytest_promptevals_providers():
        if not isinstance(factories, Mapping):
            raise UsageError(f"pytest_promptevals_providers must return a mapping of names, not {factories!r}")
        for name, factory in factories.items():
            _refuse_second("provider", name, providers)
            providers[name] = factory
    return Registry(JudgeTypes(judges), providers)


def builtin_registry() -> Registry:
    """Return what the package itself brings, for use outside of pytest."""
    manager = pluggy.PluginManager("pytest")
    manager.add_hookspecs(hookspecs)
    for plugin in BUILTIN_PLUGINS:
        manager.register(plugin)
    return collect_registry(manager.hook)


def _named_judges(returned: object) -> Iterator[tuple[str, object]]:
    if isinstance(returned, Mapping):
        for name in returned:
            if not isinstance(name, str):
                raise UsageError(f"pytest_promptevals_judges returned the name {name!r}: write it as text")
        yield from returned.items()
        return
    if not isinstance(returned, list | tuple):
        raise UsageError(
            f"pytest_promptevals_judges must return a list of judge classes, or a mapping of names, not {returned!r}"
        )
    for judge_type in returned:
        if not isinstance(getattr(judge_type, "name", None), str):
            raise UsageError(f"pytest_promptevals_judges returned {judge_type!r}: no class with a 'name'")
        yield judge_type.name, judge_type


def _import_judge(name: str, place: JudgePlace) -> type[Judge]:
    return _check_judge(name, import_place(f"judge {name!r}", place), repr(place))


def _check_judge(name: str, found: object, shown: str) -> type[Judge]:
    """Return a class that can be a judge. Raises ``UsageError`` for anything else."""
    if not isinstance(found, type):
        raise UsageError(f"judge {name!r}: {shown} is no class; give a class, or its place as 'module:Class'")
    own_name = getattr(found, "name", None)
    if own_name != name:
        raise UsageError(f"judge {name!r}: {shown} calls itself {own_name!r}; use one name")
    for member, (wanted, fits) in _MEMBERS.items():
        if not fits(getattr(found, member, _NOTHING)):
            raise UsageError(
                f"judge {name!r}: {shown} has no {member!r} that is {wanted}; give it one, or base it on BaseJudge"
            )
    return cast("type[Judge]", found)


def _is_threshold(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


_NOTHING: Final = object()
_MEMBERS: Final[Mapping[str, tuple[str, Callable[[object], bool]]]] = {
    "level": ("1, 2 or 3", lambda value: value in (1, 2, 3)),
    "default_threshold": ("a number from 0 to 1", _is_threshold),
    "shorthand": ("a text or None", lambda value: value is None or isinstance(value, str)),
    "Parameters": ("a pydantic model", lambda value: isinstance(value, type) and hasattr(value, "model_validate")),
    "judge": ("a method", callable),
}
"""What a judge must have, and how to tell; without it, it would fail in the midst of a run."""


def _refuse_second(kind: str, name: str, known: Mapping[str, object]) -> None:
    if name in known:
        raise UsageError(
            f"two plugins register a {kind} named {name!r}; rename one of them or disable its plugin with -p no:NAME"
        )
