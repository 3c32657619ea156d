"""Running whole processes and adding up what they used."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import tabulate


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process used."""

    wall: float
    """Seconds from start to end."""
    cpu: float
    """Seconds of processor time, user and system, of all its threads and of the children it waited for."""
    memory: float
    """Largest resident set in megabytes."""


def run(command: Sequence[str], folder: Path, expected: str, environment: Mapping[str, str] | None = None) -> Usage:
    """Run a command in a folder, with these environment variables too. Raises ``SystemExit`` if it does not print what
    is expected.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if expected not in text:
        raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}, no {expected!r} in\n{text[-2000:]}")
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Usage(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / unit)


def median_of(usages: Sequence[Usage]) -> Usage:
    """Return the median of each number."""
    return Usage(*(statistics.median(getattr(usage, name) for usage in usages) for name in ("wall", "cpu", "memory")))


def ratio_of(usage: Usage, other: Usage) -> Usage:
    """Return how many times the other's each number is."""
    return Usage(usage.wall / other.wall, usage.cpu / other.cpu, usage.memory / other.memory)


Column: TypeAlias = tuple[str, Callable[[Usage], float]]
"""Heading of a further column, and what stands in it."""

_COLUMNS: Final[tuple[Column, ...]] = (
    ("wall s", lambda usage: usage.wall),
    ("CPU s", lambda usage: usage.cpu),
    ("peak RSS MB", lambda usage: usage.memory),
)


def print_ratio(title: str, ours: tuple[str, Usage], theirs: tuple[str, Usage], *further: Column) -> Usage:
    """Print what both used, and how many times theirs ours is; return that ratio."""
    columns = (*_COLUMNS, *further)
    rows = [[name, *(value(usage) for _, value in columns)] for name, usage in (theirs, ours)]
    last = ["ratio", *(value(ours[1]) / value(theirs[1]) for _, value in columns)]
    print(title)
    print(tabulate.tabulate([*rows, last], headers=["", *(name for name, _ in columns)], floatfmt=".2f"))
    return ratio_of(ours[1], theirs[1])


PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly")
"""A pytest that writes no cache and keeps its order."""
