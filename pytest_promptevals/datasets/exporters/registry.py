"""All exporters that the hook gave, and which of them a name of a file asks for."""

from __future__ import annotations

from pathlib import Path

from pytest_promptevals.datasets.exporters import builtin
from pytest_promptevals.errors import UsageError
from pytest_promptevals.hookspecs import Exporter
from pytest_promptevals.registering import Extensions, collect_entries, hooks_of_commands


def find_exporters() -> Extensions[Exporter]:
    """Return the exporters, those of the package first. Raises ``UsageError`` for a name that is given twice."""
    entries = collect_entries(hooks_of_commands(), "pytest_promptevals_exporters", "exporter", builtin)
    return Extensions(entries, "exporter", Exporter, "a description, endings or 'export'")


def choose_exporter(exporters: Extensions[Exporter], name: str | None, output: Path | None) -> Exporter:
    """Return the exporter of that name, or else the one whose files end as the output does.

    Raises ``UsageError`` where there is none, or more than one, and for one that cannot be imported.
    """
    if name is not None:
        return exporters.load(name)
    known = ", ".join(exporters.entries)
    if output is None:
        raise UsageError(f"name a format with --format ({known}), or a file with --output")
    fitting = [name for name in exporters.entries if output.name.lower().endswith(tuple(exporters.load(name).endings))]
    if len(fitting) != 1:
        names = " or ".join(fitting or exporters.entries)
        raise UsageError(f"the name {str(output)!r} does not say which format is meant; add --format {names}")
    return exporters.load(fitting[0])
