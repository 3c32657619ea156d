"""Cases that were not run for a reason they share: each is an error, but the reason is told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from typing import Any, Final

import pytest

from pytest_promptevals.reports.words import count_text

NOT_RUN_ATTRIBUTE: Final = "promptevals_not_run"
"""Attribute of the report of a case that was not run: why, in one word."""
_ERRORS: Final = "error"
_OF_ONE_PROVIDER: Final = frozenset({"quota", "unreachable"})
"""Reasons that each provider gives in its own words."""


class NotRunErrors:
    """Shows, of the errors that share a reason, the first alone; all of them count."""

    def __init__(self) -> None:
        self._left_out: Counter[str] = Counter()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:
        """Hide the repeated ones while pytest writes its errors and its short summary."""
        errors = terminalreporter.stats.get(_ERRORS)
        if not errors:
            return (yield)
        terminalreporter.stats[_ERRORS] = self._first_of_each(errors)
        try:
            return (yield)
        finally:
            # What the last line counts.
            terminalreporter.stats[_ERRORS] = errors

    def texts(self) -> list[str]:
        """Return what to say of those that are not shown."""
        return [
            f"not run, for the same reason ({why}): {count_text(n, 'more case')}" for why, n in self._left_out.items()
        ]

    def _first_of_each(self, reports: list[Any]) -> list[Any]:
        shown, seen = [], set()
        for report in reports:
            reason = getattr(report, NOT_RUN_ATTRIBUTE, None)
            key = (reason, report.longrepr.reprcrash.message if reason in _OF_ONE_PROVIDER else "")
            if reason is not None and key in seen:
                self._left_out[reason] += 1
                continue
            seen.add(key)
            shown.append(report)
        return shown
