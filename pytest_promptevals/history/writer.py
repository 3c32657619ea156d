"""A thread that writes a run into the history."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.records.comparisons import Comparison
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run

if TYPE_CHECKING:
    from pytest_promptevals.history.store import HistoryStore

FLUSH_COUNT: Final = 200
"""Results that are written at once."""

FLUSH_SECONDS: Final = 1.0
"""Longest time that a result waits to be written."""


@dataclass(frozen=True, slots=True)
class _Finish:
    run: Run
    comparisons: tuple[Comparison, ...]


class _Stop:
    """Ends the thread."""


class _Flush:
    """The oldest pending result has waited long enough."""


_Message: TypeAlias = Run | CaseResult | _Finish | _Stop | _Flush


class HistoryWriter:
    """Writes one run from a thread of its own, so that the run waits neither for imports nor for the disk.

    A failure ends the writing, never the run: ``notices`` then says what happened.

    Args:
        open_store: opens the history; called in the thread.
        flush_seconds: longest time that a result waits to be written.
    """

    def __init__(self, open_store: Callable[[], HistoryStore], flush_seconds: float = FLUSH_SECONDS) -> None:
        self.notices: Final[list[str]] = []
        """What the user should know, one line each."""
        self._open_store = open_store
        self._flush_seconds = flush_seconds
        self._flush_at = 0.0
        self._inbox: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._pending: list[CaseResult] = []
        self._run_id = ""
        # A daemon: a run that is torn down without a last word must not hang on its history.
        self._thread = threading.Thread(target=self._work, name="promptevals-history", daemon=True)
        self._is_writing = False

    def start(self, run: Run) -> None:
        """Open the history and record that a run has begun."""
        self._is_writing = True
        self._inbox.put(run)
        self._thread.start()

    def add(self, result: CaseResult) -> None:
        """Record a result of the run."""
        if self._is_writing:
            self._inbox.put(result)

    def finish(self, run: Run, comparisons: Sequence[Comparison]) -> None:
        """Record how the run ended."""
        if self._is_writing:
            self._inbox.put(_Finish(run, tuple(comparisons)))

    def close(self, timeout: float) -> None:
        """Wait until all is written, but no longer than ``timeout`` seconds; what was begun is written all the same."""
        if self._thread.ident is None:
            return
        self._inbox.put(_Stop())
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._is_writing = False
            self.notices.append(f"the history is not written after {timeout:g} s; a part of this run is missing there")

    def _work(self) -> None:
        try:
            store = self._open_store()
            try:
                self._write_all(store)
            finally:
                store.close()
        except HistoryError as error:
            self.notices.append(str(error))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here, the run goes on
            self.notices.append(f"the history of this run is incomplete: {type(error).__name__}: {error}")
        finally:
            self._is_writing = False

    def _write_all(self, store: HistoryStore) -> None:
        if store.notice is not None:
            self.notices.append(store.notice)
        while not isinstance(message := self._receive(), _Stop):
            self._write(store, message)
        self._flush(store)

    def _receive(self) -> _Message:
        if not self._pending:
            return self._inbox.get()
        try:
            return self._inbox.get(timeout=max(0.0, self._flush_at - time.monotonic()))
        except queue.Empty:
            return _Flush()

    def _write(self, store: HistoryStore, message: _Message) -> None:
        match message:
            case CaseResult():
                self._add(store, message)
            case Run():
                self._run_id = message.id
                store.start_run(message)
            case _Finish():
                self._flush(store)
                store.finish_run(message.run, message.comparisons)
            case _:
                self._flush(store)

    def _add(self, store: HistoryStore, result: CaseResult) -> None:
        if not self._pending:
            self._flush_at = time.monotonic() + self._flush_seconds
        self._pending.append(result)
        if len(self._pending) >= FLUSH_COUNT:
            self._flush(store)

    def _flush(self, store: HistoryStore) -> None:
        store.add_results(self._run_id, self._pending)
        self._pending.clear()
