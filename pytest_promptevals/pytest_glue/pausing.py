"""Pausing a run and letting it go on, by the signal SIGUSR1."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final

from pytest_promptevals.reports.progress import pause_text

_NUMBER: Final = getattr(signal, "SIGUSR1", None)
"""``None`` on a platform that has no such signal."""
_STATUS: Final = Path("/proc/self/status")


class PauseSwitch:
    """The handler of the signal. What had the signal before gets it, too."""

    def __init__(
        self, on_toggle: Callable[[bool], None], forward: Callable[[], None], tell: Callable[[str], None], previous: Any
    ) -> None:
        self.is_paused = False
        """Whether the user has paused the run."""
        self._on_toggle = on_toggle
        self._forward = forward
        self._tell = tell
        self._previous = previous
        self._is_installed = True

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Pause, or go on. Python calls it in the main thread, between two steps of whatever is going on there."""
        if self._is_installed:
            self.is_paused = not self.is_paused
            self._on_toggle(self.is_paused)
            self._forward()
            self._tell(pause_text(os.getpid(), is_paused=self.is_paused))
        if callable(self._previous):
            self._previous(number, frame)

    def uninstall(self) -> None:
        """Put the previous handler back. Call it in the main thread; a second time does no harm."""
        if not self._is_installed or _NUMBER is None:
            return
        self._is_installed = False
        # Who has put a handler over ours may call ours still; it only hands on from here on.
        if signal.getsignal(_NUMBER) == self.handle:
            signal.signal(_NUMBER, self._previous)


def install_pause(
    on_toggle: Callable[[bool], None],
    *,
    forward: Callable[[], None] = lambda: None,
    tell: Callable[[str], None] = lambda _: None,
) -> PauseSwitch | None:
    """Have SIGUSR1 pause the run and, the next time, let it go on.

    Args:
        on_toggle: called with whether the run is paused now.
        forward: called after it, to pass the signal on to other processes.
        tell: called with one line that says so to the user.

    All three are called in the signal handler: they may not wait, take a lock or print.

    Returns:
        What takes the handler away again, or ``None`` where there can be none: outside of the main thread, without such
        a signal, or where C code (``faulthandler.register``) has it, which nobody could put back.
    """
    if _NUMBER is None or threading.current_thread() is not threading.main_thread():
        return None
    previous = signal.getsignal(_NUMBER)
    if previous is None or (not callable(previous) and _is_caught(_NUMBER)):
        return None
    switch = PauseSwitch(on_toggle, forward, tell, previous)
    signal.signal(_NUMBER, switch.handle)
    return switch


def _is_caught(number: int) -> bool:
    """Return whether this process has a handler that Python may not know of. Only Linux says so."""
    try:
        lines = _STATUS.read_text("ascii").splitlines()
    except OSError:
        return False
    caught = next((line.partition(":")[2] for line in lines if line.startswith("SigCgt")), "0")
    return bool(int(caught, 16) >> (number - 1) & 1)
