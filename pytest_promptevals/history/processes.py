"""Whether a process that recorded a run is still there."""

from __future__ import annotations

import os
import platform
import sys

if sys.platform == "win32":  # pragma: no cover - the tests ask a kernel32 of their own
    import ctypes

    from pytest_promptevals.history.windows_processes import is_running


def host_name() -> str:
    """Return the name of this machine."""
    return platform.node()


def is_alive(pid: int) -> bool:
    """Return whether a process of that number is running on this machine. A number below 1 is no process."""
    if pid < 1:
        return False
    if sys.platform == "win32":  # pragma: no cover - there, signal 0 would end the process
        return is_running(pid, ctypes.WinDLL("kernel32", use_last_error=True), ctypes.get_last_error)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is there, and not ours
        return True
    return True
