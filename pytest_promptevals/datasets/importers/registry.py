"""All importers that the hook gave, and which of them a file is for."""

from __future__ import annotations

from pytest_promptevals.datasets.importers import builtin
from pytest_promptevals.datasets.importers.foreign import why_unreadable
from pytest_promptevals.datasets.importers.naming import list_names
from pytest_promptevals.errors import UsageError
from pytest_promptevals.hookspecs import Importer
from pytest_promptevals.records.drafts import ImportRequest
from pytest_promptevals.registering import Extensions, collect_entries, hooks_of_commands


def find_importers() -> Extensions[Importer]:
    """Return the importers, those of the package first. Raises ``UsageError`` for a name that is given twice."""
    entries = collect_entries(hooks_of_commands(), "pytest_promptevals_importers", "importer", builtin)
    return Extensions(entries, "importer", Importer, "a description, 'recognizes' or 'read'")


def choose_importer(importers: Extensions[Importer], request: ImportRequest, name: str | None) -> tuple[str, Importer]:
    """Return the importer of that name, or else the first that recognizes the file, with its name.

    Raises ``UsageError`` where there is none, for one that cannot be imported, and where the user maps fields of a
    format whose fields have fixed names.
    """
    for known in importers.entries if name is None else [name]:
        importer = importers.load(known)
        if name is not None or importer.recognizes(request):
            _check_map(known, importer, request)
            return known, importer
    if problem := why_unreadable(request.path, request.shown):
        raise UsageError(problem)
    raise UsageError(
        f"{request.shown}: its format is not recognized; name it with --format ({', '.join(importers.entries)}), or "
        f"say which field is what with --map input=FIELD{_known_fields(request)}"
    )


def _known_fields(request: ImportRequest) -> str:
    row = request.sample[0] if isinstance(request.sample, list) and request.sample else request.sample
    return f"; there are: {list_names(row)}" if isinstance(row, dict) else ""


def _check_map(name: str, importer: Importer, request: ImportRequest) -> None:
    if request.fields and not getattr(importer, "takes_map", False):
        pairs = " ".join(f"--map {key}={field}" for key, field in request.fields.items())
        raise UsageError(f"{request.shown}: {pairs}: fields of the format {name} have fixed names; leave it out")
