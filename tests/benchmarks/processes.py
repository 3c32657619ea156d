"""Running whole processes and adding up what they used."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tabulate


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process used."""

    wall: float
    """Seconds from start to end."""
    cpu: float
    """Seconds of processor time, user and system, of the process and the children it waited for."""
    memory: float
    """Largest resident set in megabytes."""


def run(command: Sequence[str], folder: Path, expected: str) -> Usage:
    """Run a command in a folder. Raises ``SystemExit`` if it does not print what is expected."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
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


def print_ratio(title: str, ours: tuple[str, Usage], theirs: tuple[str, Usage]) -> Usage:
    """Print what both used, and how many times theirs ours is; return that ratio."""
    ratio = ratio_of(ours[1], theirs[1])
    rows = [[name, usage.wall, usage.cpu, usage.memory] for name, usage in (theirs, ours, ("ratio", ratio))]
    print(title)
    print(tabulate.tabulate(rows, headers=["", "wall s", "CPU s", "peak RSS MB"], floatfmt=".2f"))
    return ratio


PLAIN_TEST = """\
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_plain(number):
    pass
"""


def write_plain_folder(folder: Path, count: int) -> None:
    """Write a test that is parametrized that many times."""
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "test_plain.py").write_text(PLAIN_TEST.format(count=count), encoding="utf-8")


PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly")
"""A pytest that writes no cache and keeps its order."""
