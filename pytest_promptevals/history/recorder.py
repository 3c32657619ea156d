"""The plugin that records runs in the history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pytest_promptevals.history.place import Place
from pytest_promptevals.history.run_history import RunHistory
from pytest_promptevals.history.run_log import RunLog
from pytest_promptevals.history.writer import HistoryWriter
from pytest_promptevals.hookspecs import hookimpl
from pytest_promptevals.records.comparisons import Comparison
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run

CLOSE_SECONDS: Final = 60.0
"""Longest time that the end of a run waits for its history."""


class HistoryRecorder:
    """Records a run through the public hooks, in the background. It never makes a run fail.

    Args:
        place: where the history is.
    """

    def __init__(self, place: Place) -> None:
        self._writer = HistoryWriter(RunLog(place))

    @property
    def notice(self) -> str | None:
        """What the user should know, a line each: results are kept elsewhere, or a damaged database was put aside."""
        return "\n".join(self._writer.notices) or None

    @hookimpl
    def pytest_promptevals_run_started(self, run: Run) -> None:
        """Begin to record; a run that is in the history goes on."""
        self._writer.start(run)

    @hookimpl
    def pytest_promptevals_case_finished(self, result: CaseResult) -> None:
        """Record a result; it is on disk within a second or so."""
        self._writer.add(result)

    @hookimpl
    def pytest_promptevals_run_finished(self, run: Run, comparisons: Sequence[Comparison]) -> None:
        """Record the end of the run, and wait until all is on disk."""
        self._writer.finish(run, comparisons)
        self.close()

    def keep(self, action: Callable[[RunHistory], None]) -> None:
        """Have something done with the history, in the background, when the run is recorded to its end.

        It is left out where the history cannot be written: only what the next run would record again belongs there.
        """
        self._writer.keep(action)

    def close(self) -> None:
        """Write what is pending and stop, for a run that ends without ``pytest_promptevals_run_finished``."""
        self._writer.close(CLOSE_SECONDS)
