"""What the user sees of a run while it goes on, and how it is paused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_promptevals.pytest_glue.pausing import PauseSwitch, install_pause
from pytest_promptevals.pytest_glue.progress import ProgressReporter
from pytest_promptevals.records.progress import Progress


class Watch:
    """The progress line and the pause signal of a session, from ``start`` to ``stop``.

    Args:
        config: pytest's.
        mode: the setting ``progress``.
        read: returns how far the run is; called in any thread.
        pause: called in a signal handler with whether the run is to pause: it may neither wait nor take a lock.
    """

    def __init__(
        self, config: pytest.Config, mode: str, read: Callable[[], Progress], pause: Callable[[bool], None]
    ) -> None:
        self._pause = pause
        self._reporter = ProgressReporter(config, mode, read)
        self._switch: PauseSwitch | None = None
        config.pluginmanager.register(self._reporter, "promptevals-progress")

    def start(self) -> None:
        """Begin, in the main thread."""
        self._reporter.start()
        self._switch = install_pause(self._pause, tell=self._reporter.tell)

    def stop(self) -> None:
        """End, in the main thread; more than once does no harm."""
        if self._switch is not None:
            self._switch.uninstall()
        self._reporter.stop()
