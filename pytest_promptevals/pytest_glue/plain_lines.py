"""Whole lines between pytest's own: for logs, pipes and everything that is not a screen of ours alone."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from typing import Final

import pytest

from pytest_promptevals.pytest_glue.terminals import Terminal

_PATIENCE: Final = 1.0
"""Seconds that a line waits for a test to end before it is put into the line that pytest has begun."""


class PlainLines:
    """Says how far the evals are, in a line of its own, each time an interval has passed.

    The line is written between two tests. Where a single test takes long it is written meanwhile, and pytest's own line
    goes on after it.
    """

    def __init__(self, terminal: Terminal, compose: Callable[[int | None], str], interval: float | None) -> None:
        self.seconds = min(1.0, interval / 4) if interval else 1.0
        """Seconds between two calls of ``tick``."""
        self._terminal = terminal
        self._compose = compose
        self._interval = interval
        self._due = time.monotonic() + (interval or 0.0)
        self._waiting: deque[str] = deque()
        self._waiting_since = 0.0
        self._reporting = threading.RLock()

    def tell(self, text: str) -> None:
        """Write a line as soon as pytest is between two tests, or has been in one for long."""
        if not self._waiting:
            self._waiting_since = time.monotonic()
        self._waiting.append(text)

    def tick(self) -> None:
        """Look whether there is something to write. The thread that keeps time calls it."""
        text = self._compose(None)
        now = time.monotonic()
        if self._interval is not None and now >= self._due:
            self._due = now + self._interval
            if text:
                self.tell(text)
        if self._waiting and now - self._waiting_since >= min(_PATIENCE, self.seconds):
            self._write_meanwhile()

    def close(self) -> None:
        """Do nothing: whole lines stay."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self) -> Generator[None, object, object]:
        """Keep the other thread from writing while pytest does."""
        with self._reporting:
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self) -> Generator[None, object, object]:
        """Keep the other thread from writing while pytest does."""
        with self._reporting:
            return (yield)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self) -> None:
        """Write what waits for a test to end."""
        if self._waiting:
            with self._reporting:
                self._terminal.stream.flush()
                self._write_all()

    def _write_meanwhile(self) -> None:
        if not self._reporting.acquire(blocking=False):
            return
        try:
            self._write_all()
        finally:
            self._reporting.release()

    def _write_all(self) -> None:
        # Where nobody reads any more, pytest is the one to say so.
        with contextlib.suppress(OSError):
            while self._waiting:
                self._write(self._waiting.popleft())

    def _write(self, text: str) -> None:
        terminal = self._terminal
        break_before = "\n" if terminal.read_line() else ""
        if terminal.has_long_lines:
            # pytest begins each test with a line break, so ours would be one too many.
            terminal.begin_after(text)
            terminal.write(break_before + text)
        else:
            terminal.begin_new_line()
            terminal.write(f"{break_before}{text}\n")
