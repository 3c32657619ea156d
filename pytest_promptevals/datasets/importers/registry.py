"""All importers that the hook gave, and which of them a file is for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final

import pluggy

from pytest_promptevals import hookspecs
from pytest_promptevals.datasets.importers import builtin
from pytest_promptevals.errors import UsageError, did_you_mean
from pytest_promptevals.hookspecs import Importer, ImporterPlace
from pytest_promptevals.records.drafts import ImportRequest

ENTRY_POINTS: Final = "pytest_promptevals"
"""Group of entry points in which packages name plugins for commands, which run without pytest."""


def find_importers() -> dict[str, Importer | ImporterPlace]:
    """Return the importers, or where they stand, by name, those of the package first.

    Raises ``UsageError`` for a name that is given twice.
    """
    manager = pluggy.PluginManager("pytest")
    manager.add_hookspecs(hookspecs)
    manager.load_setuptools_entrypoints(ENTRY_POINTS)
    manager.register(builtin)
    found: dict[str, Importer | ImporterPlace] = {}
    # The plugin that was registered last is asked first.
    for importers in manager.hook.pytest_promptevals_importers():
        if not isinstance(importers, Mapping):
            raise UsageError(f"pytest_promptevals_importers must return a mapping of names, not {importers!r}")
        for name, entry in importers.items():
            if name in found:
                raise UsageError(f"two plugins register an importer named {name!r}; uninstall one of them")
            found[name] = entry
    return found


def choose_importer(
    importers: Mapping[str, Importer | ImporterPlace], request: ImportRequest, name: str | None
) -> tuple[str, Importer]:
    """Return the importer of that name, or else the first that recognizes the file, with its name.

    Raises ``UsageError`` where there is none, for one that cannot be imported, and where the user maps fields of a
    format whose fields have fixed names.
    """
    if name is not None and name not in importers:
        raise UsageError(f"there is no format {name!r}.{did_you_mean(name, importers)}")
    for known in importers if name is None else [name]:
        importer = _load(known, importers[known])
        if name is not None or importer.recognizes(request):
            _check_map(known, importer, request)
            return known, importer
    raise UsageError(
        f"{request.shown}: its format is not recognized; name it with --format ({', '.join(importers)}), or say which "
        "field is what with --map input=FIELD"
    )


def _check_map(name: str, importer: Importer, request: ImportRequest) -> None:
    if request.fields and not getattr(importer, "takes_map", False):
        pairs = " ".join(f"--map {key}={field}" for key, field in request.fields.items())
        raise UsageError(f"{request.shown}: {pairs}: fields of the format {name} have fixed names; leave it out")


def _load(name: str, entry: Importer | ImporterPlace) -> Importer:
    found = entry
    if isinstance(entry, str):
        module, _, attribute = entry.partition(":")
        try:
            found = getattr(importlib.import_module(module), attribute)()
        except (ImportError, AttributeError, ValueError, TypeError) as error:
            raise UsageError(f"importer {name!r}: {entry!r} cannot be imported: {error}") from error
    if not isinstance(found, Importer):
        raise UsageError(f"importer {name!r}: {found!r} lacks a description, 'recognizes' or 'read'")
    return found
