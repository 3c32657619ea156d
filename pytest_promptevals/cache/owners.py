"""Who makes a call, as other processes see it, and whether that one is still there."""

from __future__ import annotations

import os
import secrets
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SILENCE: Final = 15.0
"""Seconds without a heartbeat after which an owner counts as dead."""
STOPPED: Final = 300.0
"""The same for an owner whose process is there on this machine: it may be stopped, or busy in a library."""
BEAT: Final = 5.0
"""Seconds between two heartbeats."""

_LONGEST_STEP: Final = 1.0
"""Seconds that one look may add to a silence: what a waiter slept through itself says nothing about the owner."""
_DEAD_STATES: Final = ("Z", "X", "x")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that makes calls."""

    id: str
    """Unique in all the world."""
    host: str
    """The machine on which its process number means something."""
    pid: int
    """Its process number."""
    started: str
    """When the process began, in the system's own words; empty if it has none."""


def this_process() -> Owner:
    """Return this process as an owner, a new one at each call."""
    pid = os.getpid()
    return Owner(secrets.token_hex(8), _host(), pid, _started(pid) or "")


def patience_with(owner: Owner, here: Owner) -> float:
    """Return the seconds without a heartbeat after which an owner counts as dead, as seen from ``here``."""
    is_there = owner.host == here.host and owner.started != "" and _started(owner.pid) == owner.started
    return STOPPED if is_there else SILENCE


def is_gone(owner: Owner, here: Owner) -> bool:
    """Return whether an owner's process has ended for certain, as seen from ``here``."""
    if owner.host != here.host or sys.platform == "win32":  # there, signal 0 would end the process
        return False
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is there, and not ours
        return False
    # Another process may have been given its number; and one that is only waited for does nothing any more.
    return owner.started != "" and _started(owner.pid) != owner.started


def _host() -> str:
    """Return a name that two machines, or two containers of one, do not share."""
    return "/".join([socket.gethostname(), *_linux_names()])


def _linux_names() -> tuple[str, ...]:
    """Return what tells this start of the machine, and this space of process numbers, from all others."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
        return boot, os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - it leads to no file
    except OSError:
        return ()


def _started(pid: int) -> str | None:
    """Return when a process began, in the kernel's clock ticks; ``None`` if it has ended, or on other systems."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # The second field is the name of the program and may hold anything, blanks and brackets too.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in _DEAD_STATES else fields[19]


class Silences:
    """How long owners have not been heard of, by the waiter's own clock and only while it was looking."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, float, float]] = {}

    def is_silent(self, owner: str, beat: int, now: float, limit: float) -> bool:
        """Note the last heartbeat of an owner at a time of the monotonic clock; return whether it is silent by now.

        ``limit`` is how many seconds without one are silence.
        """
        known_beat, silence, seen = self._known.get(owner, (beat, 0.0, now))
        silence = silence + min(now - seen, _LONGEST_STEP) if beat == known_beat else 0.0
        self._known[owner] = (beat, silence, now)
        return silence >= limit
