"""What hooks register by name and is loaded where it is used: importers, exporters and reports.

A command runs without pytest: there, packages name the plugins that implement these hooks as entry points of the group
``pytest_promptevals``. In a pytest session, the plugins and ``conftest.py`` files of the session do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

import pluggy

from pytest_promptevals import hookspecs
from pytest_promptevals.errors import UsageError, did_you_mean
from pytest_promptevals.files.user_code import import_place

ENTRY_POINTS: Final = "pytest_promptevals"
"""Group of entry points in which packages name plugins for commands."""
Entry = TypeVar("Entry")


class HookRelay(Protocol):
    """A plugin manager's hooks."""

    def __getattr__(self, name: str) -> Any:
        """Return the caller of a hook."""


@dataclass(frozen=True)
class Extensions(Generic[Entry]):
    """What plugins register with one hook, by name."""

    entries: Mapping[str, Entry | str]
    """Each of them, or where its class stands, as ``module:Class``."""
    word: str
    """What one of them is called in errors, such as ``importer``."""
    kind: type[Entry]
    """The protocol that it has to follow."""
    members: str
    """What that one asks for, as words."""

    def load(self, name: str) -> Entry:
        """Return one, made if only its place was known.

        Raises ``UsageError`` for a name that is not there, and for one that cannot be imported.
        """
        if name not in self.entries:
            raise UsageError(f"there is no format {name!r}.{did_you_mean(name, self.entries)}")
        found = self._import(name)
        if not isinstance(found, self.kind):
            raise UsageError(f"{self.word} {name!r}: {found!r} lacks {self.members}")
        return found

    def _import(self, name: str) -> object:
        entry = self.entries[name]
        if not isinstance(entry, str):
            return entry
        what = f"{self.word} {name!r}"
        made: Any = import_place(what, entry)
        try:
            return made()
        except Exception as error:  # it is somebody else's, and may raise anything
            raise UsageError(f"{what}: {entry!r} cannot be made: {type(error).__name__}: {error}") from error


def hooks_of_commands() -> HookRelay:
    """Return the hooks of all plugins that entry points name."""
    manager = pluggy.PluginManager("pytest")
    manager.add_hookspecs(hookspecs)
    manager.load_setuptools_entrypoints(ENTRY_POINTS)
    return manager.hook


def collect_entries(hooks: HookRelay, hook: str, word: str, builtin: object) -> dict[str, Any]:
    """Return what the implementations of a hook give, by name.

    Those of ``builtin``, the package's own module that implements it, come first. Raises ``UsageError`` for a
    name that is given twice, and for what is no mapping.
    """
    found: dict[str, Any] = {}
    for given in [getattr(builtin, hook)(), *getattr(hooks, hook)()]:
        if not isinstance(given, Mapping):
            raise UsageError(f"{hook} must return a mapping of names, not {given!r}")
        for name, entry in given.items():
            if name in found:
                raise UsageError(f"two plugins register {_article(word)} named {name!r}; uninstall one of them")
            found[name] = entry
    return found


def _article(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
