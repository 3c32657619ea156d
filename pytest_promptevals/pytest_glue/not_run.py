"""Errors that many cases share: each case is an error, but what they share is told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from typing import Any, Final

import pytest

from pytest_promptevals.reports.words import count_text

SHARED_ATTRIBUTE: Final = "promptevals_shared"
"""Attribute of the report of a case that is an error: what it has in common with others that are the same error."""
_ERRORS: Final = "error"
_SAME_FOR_ALL: Final = frozenset({"budget"})
"""Kinds whose text tells of one call, though they are one error."""
_EACH_ITS_OWN: Final = frozenset({"replay"})
"""Kinds whose list of cases is what the user wants to see."""


def shared_error(kind: str, headline: str) -> str | None:
    """Return what an error of a case has in common with equal ones; ``None`` if each is to be shown."""
    if kind in _EACH_ITS_OWN:
        return None
    return kind if kind in _SAME_FOR_ALL else headline


class NotRunErrors:
    """Shows, of the cases with the same error, the first alone; all of them count."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
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
            f"the same error as {self._first[shared]}: {count_text(count, 'more case')}"
            for shared, count in self._left_out.items()
        ]

    def _first_of_each(self, reports: list[Any]) -> list[Any]:
        shown = []
        for report in reports:
            shared = getattr(report, SHARED_ATTRIBUTE, None)
            if shared is not None and shared in self._first:
                self._left_out[shared] += 1
                continue
            if shared is not None:
                self._first[shared] = report.nodeid
            shown.append(report)
        return shown
