"""What pytest shows of an exception in a test function of evals: of what models wrote in it, no terminal obeys any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from _pytest._code.code import ExceptionChainRepr, ReprEntry, ReprEntryNative, ReprExceptionInfo, ReprFileLocation
from _pytest.reports import TestReport

from pytest_promptevals.pytest_glue.writing import log_text
from pytest_promptevals.reports.words import visible_line, visible_text


def guard_report(report: TestReport) -> None:
    """Show control characters in a report's texts as escapes, and keep CI services from commands in them, in place."""
    longrepr: Any = report.longrepr
    if isinstance(longrepr, str):
        report.longrepr = log_text(visible_text(longrepr))
    elif isinstance(longrepr, tuple):  # path, line and reason of what was skipped
        path, line, reason = longrepr
        report.longrepr = (path, line, _line(reason))
    for traceback, crash in _parts(longrepr):
        _guard_place(crash)
        for entry in traceback.reprentries:
            _guard_entry(entry)
    if hasattr(report, "wasxfail"):
        report.wasxfail = _line(report.wasxfail)


def _parts(longrepr: object) -> Iterator[tuple[Any, ReprFileLocation | None]]:
    """Yield the tracebacks of an exception and of those that it came from."""
    if isinstance(longrepr, ExceptionChainRepr):
        yield from ((traceback, crash) for traceback, crash, _ in longrepr.chain)
    elif isinstance(longrepr, ReprExceptionInfo):
        yield longrepr.reprtraceback, longrepr.reprcrash


def _guard_entry(entry: ReprEntry | ReprEntryNative) -> None:
    entry.lines = [log_text(visible_text(line)) for line in entry.lines]
    if isinstance(entry, ReprEntry):
        _guard_place(entry.reprfileloc)
        if entry.reprlocals is not None:
            entry.reprlocals.lines = [log_text(visible_text(line)) for line in entry.reprlocals.lines]
        if entry.reprfuncargs is not None:
            entry.reprfuncargs.args = [(name, visible_text(str(value))) for name, value in entry.reprfuncargs.args]


def _guard_place(place: ReprFileLocation | None) -> None:
    if place is not None:
        place.message = log_text(visible_text(place.message))


def _line(text: str) -> str:
    return log_text(visible_line(text))
