"""The plugin that records runs in the history. SQLAlchemy is loaded only once there is something to record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_promptevals.history.writer import HistoryWriter
from pytest_promptevals.hookspecs import hookimpl
from pytest_promptevals.records.comparisons import Comparison
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run

if TYPE_CHECKING:
    from pytest_promptevals.history.store import HistoryStore

CLOSE_SECONDS: Final = 60.0
"""Longest time that the end of a run waits for its history."""


class HistoryRecorder:
    """Records a run through the public hooks, in the background. It never makes a run fail.

    Args:
        path: the SQLite file of the history.
    """

    def __init__(self, path: Path) -> None:
        self._writer = HistoryWriter(lambda: _open_store(path))

    @property
    def notice(self) -> str | None:
        """What the user should know, a line each: recording stopped, or a damaged database was put aside."""
        return "\n".join(self._writer.notices) or None

    @hookimpl
    def pytest_promptevals_run_started(self, run: Run) -> None:
        """Begin to record."""
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

    def close(self) -> None:
        """Write what is pending and stop, for a run that ends without ``pytest_promptevals_run_finished``."""
        self._writer.close(CLOSE_SECONDS)


def _open_store(path: Path) -> HistoryStore:
    from pytest_promptevals.history.store import HistoryStore  # noqa: PLC0415 - loads SQLAlchemy, 0.4 s

    return HistoryStore.open(path)
