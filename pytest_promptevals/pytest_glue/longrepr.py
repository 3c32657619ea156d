"""How pytest shows a failed case: a review, not a traceback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from _pytest._code.code import ReprFileLocation, TerminalRepr
from _pytest._io import TerminalWriter
from _pytest.outcomes import Failed

from pytest_promptevals.pytest_glue.writing import encoding_of, printable_text
from pytest_promptevals.records.cases import Location
from pytest_promptevals.reports.words import visible_line

CAUGHT_ATTRIBUTE: Final = "promptevals_caught"
"""Attribute of the report of a test function that passes although a judge could not score its output."""
BELOW_ATTRIBUTE: Final = "promptevals_below"
"""Attribute of the report of a case that is below its thresholds but let through: its review."""
REVIEW_ATTRIBUTE: Final = "promptevals_review"
"""Attribute of the report of a failed case: path and line of the case."""


class _CaseProblem(Failed):
    """Without a traceback: pytest would spend longer on making one than a case takes, and nobody would see it."""

    def __init__(self, text: tuple[Sequence[str], Location]) -> None:
        lines, location = text
        super().__init__(lines[0], pytrace=False)
        self.lines = tuple(lines)
        self.location = location


class CaseFailed(_CaseProblem):
    """A case is below its thresholds: a pytest failure."""


class CaseErrored(_CaseProblem):
    """A case could not be scored: a pytest error. ``kind`` is that of its ``ErrorRecord``."""

    def __init__(self, text: tuple[Sequence[str], Location], kind: str) -> None:
        super().__init__(text)
        self.kind = kind


class FailureRepr(TerminalRepr):
    """Lines of a review, coloured like a diff. The first line is the message of the short test summary.

    pytest has no public way to give a report a text with a message; it looks for ``reprcrash`` itself.
    """

    def __init__(self, lines: Sequence[str], location: Location, tbstyle: str = "auto") -> None:
        self.lines = tuple(map(visible_line, lines))
        message = printable_text(self.lines[0], "utf-8")
        self.reprcrash = ReprFileLocation(visible_line(location.path), location.line, message)
        # With --tb=line, pytest itself writes the place and the message.
        self._is_shown = tbstyle != "line"

    def __str__(self) -> str:
        return "\n".join([*self.lines, "", f"{self.reprcrash.path}:{self.reprcrash.lineno}"])

    def toterminal(self, tw: TerminalWriter) -> None:
        """Write the lines, then the place."""
        if not self._is_shown:
            return
        encoding = encoding_of(tw)
        for line in self.lines:
            tw.line(printable_text(line, encoding), **_colour(line))
        tw.line()
        tw.line(printable_text(f"{self.reprcrash.path}:{self.reprcrash.lineno}", encoding), bold=True)


def failure_from_text(text: str, location: Location, tbstyle: str) -> FailureRepr:
    """Rebuild a failure that came from another process, where pytest keeps only its text."""
    *lines, _, _ = text.split("\n")
    return FailureRepr(lines, location, tbstyle)


def _colour(line: str) -> dict[str, bool]:
    text = line.strip()
    if text.startswith(("- ", "FAIL ")):
        return {"red": True}
    if text.startswith(("+ ", "ok ")):
        return {"green": True}
    return {}
