"""Whether a process of this machine is still there."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Final

if sys.platform == "win32":  # pragma: no cover - the tests ask a kernel32 of their own
    import ctypes

    from pytest_promptevals.system.windows_processes import is_running

_DEAD_STATES: Final = ("Z", "X", "x")


def host_name() -> str:
    """Return the name of this machine."""
    return platform.node()


def is_alive(pid: int) -> bool:
    """Return whether a process of that number is running on this machine. A number below 1 is no process.

    One that was killed and that nobody has waited for does nothing any more; only Linux tells that.
    """
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
    fields = _stat(pid)
    return not fields or fields[0] not in _DEAD_STATES


def started_at(pid: int) -> str:
    """Return when a process began, in the kernel's clock ticks; empty if it has ended, or on other systems."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] not in _DEAD_STATES else ""


def _stat(pid: int) -> list[str]:
    """Return what Linux says of a process, from its state on; nothing if it says nothing."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return []
    # The second field is the name of the program and may hold anything, blanks and brackets too.
    return stat.rpartition(")")[2].split()
