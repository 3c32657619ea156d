"""Whether a process is running, asked of Windows' own library ``kernel32``."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final

_QUERY_LIMITED_INFORMATION: Final = 0x1000
_STILL_ACTIVE: Final = 259
_ACCESS_DENIED: Final = 5


def is_running(pid: int, kernel: Any, last_error: Callable[[], int]) -> bool:
    """Return whether a process of that number is running.

    Args:
        pid: its number.
        kernel: ``ctypes.WinDLL("kernel32", use_last_error=True)``.
        last_error: ``ctypes.get_last_error``.
    """
    handle = kernel.OpenProcess(_QUERY_LIMITED_INFORMATION, 0, pid)
    if not handle:
        return last_error() == _ACCESS_DENIED  # it is there, and not ours
    code = ctypes.c_ulong()
    is_known = kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return not is_known or code.value == _STILL_ACTIVE
