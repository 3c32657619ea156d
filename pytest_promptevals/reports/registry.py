"""All reports that the hook gave."""

from __future__ import annotations

from pytest_promptevals.hookspecs import Report
from pytest_promptevals.registering import Extensions, HookRelay, collect_entries, hooks_of_commands
from pytest_promptevals.reports import builtin


def find_reports(hooks: HookRelay | None = None) -> Extensions[Report]:
    """Return the reports, those of the package first.

    ``hooks`` are those of a pytest session; ``None`` takes those of a command. Raises ``UsageError`` for a name
    that is given twice.
    """
    entries = collect_entries(hooks or hooks_of_commands(), "pytest_promptevals_reports", "report", builtin)
    return Extensions(entries, "report", Report, "a description, an ending or 'render'")
