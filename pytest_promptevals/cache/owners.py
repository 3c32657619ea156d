"""Who makes a call, as other processes see it, and whether that one is still there."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_promptevals.system.processes import is_alive, started_at

SILENCE: Final = 15.0
"""Seconds without a heartbeat after which an owner counts as dead."""
STOPPED: Final = 300.0
"""The same for an owner whose process is there on this machine: it may be stopped, or busy in a library."""
BEAT: Final = 5.0
"""Seconds between two heartbeats."""

_LONGEST_STEP: Final = 1.0
"""Seconds that one look may add to a silence: what a waiter slept through itself says nothing about the owner."""


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
    return Owner(secrets.token_hex(8), _host(), pid, started_at(pid))


def patience_with(owner: Owner, here: Owner) -> float:
    """Return the seconds without a heartbeat after which an owner counts as dead, as seen from ``here``."""
    is_there = owner.host == here.host and owner.started != "" and started_at(owner.pid) == owner.started
    return STOPPED if is_there else SILENCE


def is_gone(owner: Owner, here: Owner) -> bool:
    """Return whether an owner's process has ended for certain, as seen from ``here``."""
    if owner.host != here.host:
        return False
    if not is_alive(owner.pid):
        return True
    # Another process may have been given its number.
    return "" not in (owner.started, now := started_at(owner.pid)) and now != owner.started


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
