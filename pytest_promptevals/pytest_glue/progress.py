"""Shows how far the evals are while they run: a live line on a terminal, a whole line now and then elsewhere."""

from __future__ import annotations

import functools
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

import pytest

from pytest_promptevals.pytest_glue.live_line import LiveLine
from pytest_promptevals.pytest_glue.options import is_xdist_worker
from pytest_promptevals.pytest_glue.plain_lines import PlainLines
from pytest_promptevals.pytest_glue.terminals import Terminal, open_terminal
from pytest_promptevals.records.progress import Progress
from pytest_promptevals.reports.progress import Pace, progress_text

_INTERVAL: Final = 30.0
_LONGEST_END: Final = 1.0
"""Seconds that the end waits for a terminal that takes no more text."""
_DOT: Final = " · "
_ASCII_DOT: Final = " | "


class Display(Protocol):
    """One way to show it."""

    @property
    def seconds(self) -> float:
        """Seconds between two calls of ``tick``."""
        ...

    def tick(self) -> None:
        """Show what is known now. Raises ``OSError`` when there is nobody to show it to any more."""
        ...

    def tell(self, text: str) -> None:
        """Say something once."""
        ...

    def close(self) -> None:
        """Leave the screen as pytest wants it."""
        ...


class ProgressReporter:
    """Shows how far the evals are, from ``start`` to ``stop``. A plugin of pytest's.

    Args:
        config: pytest's.
        mode: the setting ``progress``: ``auto``, ``plain`` or ``off``.
        read: returns the numbers, those of all workers together; called in a thread of its own.
        interval: seconds between two lines where there is no terminal.
    """

    def __init__(
        self, config: pytest.Config, mode: str, read: Callable[[], Progress], *, interval: float = _INTERVAL
    ) -> None:
        self._config = config
        self._mode = mode
        self._read = read
        self._interval = interval
        self._pace = Pace()
        self._separator = _DOT
        self._inbox: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._terminal: Terminal | None = None
        self._display: Display | None = None
        self._thread: threading.Thread | None = None
        self._is_debugging = False

    def start(self) -> None:
        """Begin, where there is somebody to tell it to. Call it in the main thread, while a test runs or before."""
        if self._thread is not None or is_xdist_worker(self._config) or _runs_nothing(self._config):
            return
        self._terminal = terminal = open_terminal(self._config)
        if terminal is None:
            return
        self._separator = _DOT if terminal.can_show(_DOT) else _ASCII_DOT
        self._display = self._choose_display(terminal)
        if self._display is None:
            terminal.close()
            return
        self._config.pluginmanager.register(self._display, "promptevals-progress-display")
        keep_time = functools.partial(self._keep_time, self._display)
        self._thread = threading.Thread(target=keep_time, name="promptevals-progress", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, with nothing left on the screen. Harmless where nothing was begun."""
        if self._thread is None or self._display is None or self._terminal is None:
            return
        self._inbox.put(None)
        self._thread.join(_LONGEST_END)
        is_done, self._thread = not self._thread.is_alive(), None
        self._config.pluginmanager.unregister(self._display)
        self._display.close()
        if is_done:  # else it may still write
            self._terminal.close()

    def tell(self, text: str) -> None:
        """Say something once, at the next good moment. Safe in a signal handler and in any thread."""
        self._inbox.put(text)

    def pytest_enter_pdb(self) -> None:
        """Leave the screen to the debugger."""
        self._is_debugging = True

    def pytest_leave_pdb(self) -> None:
        """Go on."""
        self._is_debugging = False

    def pytest_runtest_logfinish(self) -> None:
        """Go on: a debugger that was left by another way ended with its test."""
        self._is_debugging = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """End before pytest writes its summary."""
        self.stop()

    def pytest_unconfigure(self) -> None:
        """End, if the session could not."""
        self.stop()

    def _choose_display(self, terminal: Terminal) -> Display | None:
        verbosity = self._config.get_verbosity()
        is_auto = self._mode == "auto" and terminal.is_screen and not _is_in_ci()
        if is_auto and not terminal.is_pytests_own:
            return None
        if is_auto and verbosity >= 0 and _is_screen_ours(self._config):
            return LiveLine(terminal, self._compose, self._config.pluginmanager.getplugin("capturemanager"))
        is_silent = self._mode == "off" or verbosity < -1
        return PlainLines(terminal, self._compose, None if is_silent else self._interval)

    def _compose(self, width: int | None) -> str:
        now = time.monotonic()
        progress = self._read()
        if progress.is_paused:
            self._pace = Pace()  # the rest of the run will not be as slow as a pause
        self._pace.note(now, progress.done)
        return progress_text(progress, self._pace.rate(now), pid=os.getpid(), width=width, separator=self._separator)

    def _keep_time(self, display: Display) -> None:
        while True:
            try:
                message = self._inbox.get(timeout=display.seconds)
            except queue.Empty:
                message = ""
            if message is None:
                return
            if message:
                display.tell(message)
            try:
                self._tick(display)
            except OSError:  # the terminal is gone, or nobody reads the pipe
                return

    def _tick(self, display: Display) -> None:
        if not self._is_debugging:
            display.tick()


def _runs_nothing(config: pytest.Config) -> bool:
    return any(config.getoption(name, False) for name in ("collectonly", "setupplan"))  # noqa: FBT003 - pytest's default


def _is_in_ci() -> bool:
    return any(os.environ.get(name) for name in ("CI", "BUILD_NUMBER"))


def _is_screen_ours(config: pytest.Config) -> bool:
    """Return whether the terminal knows where its cursor is, and tests do not write to it, too."""
    if os.name != "posix" or os.environ.get("TERM", "") in ("", "dumb"):
        return False
    return config.getoption("capture", "no") in ("fd", "sys")
