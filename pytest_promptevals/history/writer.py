"""A thread that writes a run into the history."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.history.run_history import RunHistory
from pytest_promptevals.history.run_log import RunLog
from pytest_promptevals.records.comparisons import Comparison
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run

FLUSH_COUNT: Final = 500
"""Results that are written at once."""

YIELD_SECONDS: Final = 0.2
"""How long whoever brings the last of them lets the thread work: two threads that compete for Python's one lock take
longer than one after the other."""

FLUSH_SECONDS: Final = 1.0
"""Longest time that a result waits to be written."""


@dataclass(frozen=True, slots=True)
class _End:
    run: Run
    comparisons: tuple[Comparison, ...]


class HistoryWriter:
    """Writes one run from a thread of its own, so that the run does not wait for the disk.

    A failure ends the writing, never the run: ``notices`` then says what happened.

    Args:
        log: what the run is written to; used in the thread alone.
        flush_seconds: longest time that a result waits to be written.
    """

    def __init__(self, log: RunLog, flush_seconds: float = FLUSH_SECONDS) -> None:
        self._log = log
        self._flush_seconds = flush_seconds
        self._own_notices: list[str] = []
        self._inbox: deque[CaseResult] = deque()
        self._actions: list[Callable[[RunHistory], None]] = []
        self._end: _End | None = None
        self._is_closing = False
        # Set for a full batch and at the end: to wake the thread for each result would cost more than to write it.
        self._wake = threading.Event()
        self._written = threading.Event()
        # A daemon: a run that is torn down without a last word must not hang on its history.
        self._thread: threading.Thread | None = None
        self._is_writing = False

    @property
    def notices(self) -> list[str]:
        """What the user should know, one line each."""
        return [*self._log.notices, *self._own_notices]

    def start(self, run: Run) -> None:
        """Open the history and record that a run has begun, or goes on."""
        self._is_writing = True
        self._thread = threading.Thread(target=self._work, args=(run,), name="promptevals-history", daemon=True)
        self._thread.start()

    def add(self, result: CaseResult) -> None:
        """Record a result of the run."""
        if not self._is_writing:
            return
        self._inbox.append(result)
        if len(self._inbox) >= FLUSH_COUNT:
            self._written.clear()
            self._wake.set()
            self._written.wait(YIELD_SECONDS)

    def finish(self, run: Run, comparisons: Sequence[Comparison]) -> None:
        """Record how the run ended."""
        self._end = _End(run, tuple(comparisons))

    def keep(self, action: Callable[[RunHistory], None]) -> None:
        """Have the thread do something with the history when the run is recorded: it cannot cost any of it."""
        self._actions.append(action)

    def close(self, timeout: float) -> None:
        """Wait until all is written, but no longer than ``timeout`` seconds; what was begun is written all the same."""
        if self._thread is None:
            return
        self._is_closing = True
        self._wake.set()
        self._thread.join(timeout)
        if self._thread.is_alive() and self._is_writing:
            self._is_writing = False
            self._own_notices.append(
                f"the history is not written after {timeout:g} s; a part of this run is missing there"
            )

    def _work(self, run: Run) -> None:
        try:
            self._write(run)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here, the run goes on
            self._own_notices.append(f"the history of this run is incomplete: {type(error).__name__}: {error}")
        finally:
            self._is_writing = False
            self._inbox.clear()
            self._written.set()

    def _write(self, run: Run) -> None:
        try:
            self._log.begin(run)
            is_closing = False
            while not is_closing:
                self._wake.wait(self._flush_seconds)
                self._wake.clear()
                is_closing = self._is_closing  # first: what was added before is in the inbox by now
                self._write_inbox()
            if self._end is not None:
                self._log.finish(self._end.run, self._end.comparisons)
            for action in self._actions:
                self._log.keep(action)
        finally:
            self._log.close()

    def _write_inbox(self) -> None:
        while count := min(len(self._inbox), FLUSH_COUNT):
            self._log.add([self._inbox.popleft() for _ in range(count)])
        self._written.set()
