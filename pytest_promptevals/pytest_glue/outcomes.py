"""What pytest makes of items, noted where the results of cases do not tell it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

import pytest

from pytest_promptevals.pytest_glue.gate_items import GATE_ATTRIBUTE
from pytest_promptevals.pytest_glue.longrepr import BELOW_ATTRIBUTE, CAUGHT_ATTRIBUTE, REVIEW_ATTRIBUTE
from pytest_promptevals.pytest_glue.writing import log_text
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import ItemOutcome, OutcomeKind
from pytest_promptevals.reports.words import one_line

_MOST: Final = 300
"""Characters of a message that are kept."""
_SKIPPED: Final = "Skipped: "
"""Begins what a report says of a skip."""
_FAILED: Final = "Failed: "
"""Begins what a report says of ``pytest.fail``."""
_REASON: Final = "reason: "
"""Begins what a report says of an expected failure whose test raised it."""


class ItemOutcomes:
    """Listens to all reports of a session."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._noted: dict[tuple[str, OutcomeKind], tuple[ItemOutcome, bool]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of an item, unless it just passed."""
        kind = _kind_of(report)
        if kind is None or hasattr(report, GATE_ATTRIBUTE):
            return
        # What is expected to fail, and fails otherwise, is told by no result.
        is_told = kind is OutcomeKind.FAILED and hasattr(report, REVIEW_ATTRIBUTE) and "xfail" not in report.keywords
        self._noted[report.nodeid, kind] = ItemOutcome(report.nodeid, kind, _message_of(report)), is_told

    @property
    def has_failures(self) -> bool:
        """Whether an item failed."""
        return any(kind.fails for _, kind in self._noted)

    def of(self, results: Collection[CaseResult]) -> tuple[ItemOutcome, ...]:
        """Return what results do not tell; of one item, what came later is later."""
        told = {result.nodeid for result in results if not result.passed}
        noted = [outcome for outcome, is_told in self._noted.values() if not (is_told and outcome.nodeid in told)]
        return (*noted, *self._unusable())

    def _unusable(self) -> Iterator[ItemOutcome]:
        """Yield files that cannot be used: they are collected before this listens."""
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        for report in reporter.stats.get("error", ()) if reporter is not None else ():
            if isinstance(report, pytest.CollectReport):
                yield ItemOutcome(report.nodeid, OutcomeKind.ERROR, _message_of(report))


def _kind_of(report: pytest.TestReport) -> OutcomeKind | None:
    if report.failed:
        return {"call": OutcomeKind.FAILED, "teardown": OutcomeKind.TEARDOWN}.get(report.when, OutcomeKind.ERROR)
    if hasattr(report, "wasxfail"):
        return OutcomeKind.XFAILED if report.skipped else OutcomeKind.XPASSED
    if report.skipped:
        return OutcomeKind.SKIPPED
    is_let = hasattr(report, BELOW_ATTRIBUTE) or hasattr(report, CAUGHT_ATTRIBUTE)
    return OutcomeKind.LET_THROUGH if report.when == "call" and is_let else None


def _message_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return what a report says, in a line."""
    if hasattr(report, "wasxfail"):
        text = str(report.wasxfail).removeprefix(_REASON)
    elif isinstance(report.longrepr, tuple):  # path, line and reason of what was skipped
        text = str(report.longrepr[-1]).removeprefix(_SKIPPED)
    else:
        crash = getattr(report.longrepr, "reprcrash", None)
        text = "" if report.longrepr is None else str(report.longrepr if crash is None else crash.message)
    return log_text(one_line(next(iter(text.strip().splitlines()), "").removeprefix(_FAILED), _MOST))
