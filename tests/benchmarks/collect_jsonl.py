"""Collecting many JSON Lines cases, against plain pytest collecting as many parametrized tests.

Both are whole ``pytest --co -q`` processes in folders of their own, run in turn, so that a busy machine slows both::

    python tests/benchmarks/collect_jsonl.py --cases 100000 --rounds 3
"""

from __future__ import annotations

import argparse
import json
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

PLAIN_TEST = """\
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_plain(number):
    pass
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process used."""

    wall: float
    """Seconds from start to end."""
    cpu: float
    """Seconds of processor time, user and system."""
    memory: float
    """Largest resident set in megabytes."""


def write_eval_folder(folder: Path, count: int) -> None:
    """Write an eval file of that many cases, and its defaults."""
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "evals.yaml").write_text("model: scripted/echo\njudges: [exact]\n", encoding="utf-8")
    with (folder / "big.eval.jsonl").open("w", encoding="utf-8") as file:
        for number in range(count):
            case = {"id": f"case-{number:06}", "input": f"What is {number} + 1?", "expected": str(number + 1)}
            file.write(json.dumps(case | {"tags": ["smoke", "arithmetic"]}) + "\n")


def write_plain_folder(folder: Path, count: int) -> None:
    """Write a test that is parametrized that many times."""
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "test_plain.py").write_text(PLAIN_TEST.format(count=count), encoding="utf-8")


def collect(folder: Path, count: int, options: Sequence[str]) -> Usage:
    """Collect a folder in a process of its own. Raises ``SystemExit`` if it does not collect what it should."""
    command = [sys.executable, "-m", "pytest", "--co", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *options]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode != 0 or f"{count} tests collected" not in text:
        raise SystemExit(f"{folder.name}: exit status {process.returncode}, {count} tests expected\n{text[-2000:]}")
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Usage(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / unit)


def median_of(usages: Sequence[Usage]) -> Usage:
    """Return the median of each number."""
    return Usage(*(statistics.median(getattr(usage, name) for usage in usages) for name in ("wall", "cpu", "memory")))


def main() -> int:
    """Print the table; return 1 if a ratio is above ``--at-most``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000, help="cases, and parametrized tests")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; the table shows medians")
    parser.add_argument("--at-most", type=float, help="largest ratio of wall time and of memory that passes")
    options = parser.parse_args()
    plain, evals = [], []
    with tempfile.TemporaryDirectory() as root:
        write_plain_folder(Path(root) / "plain", options.cases)
        write_eval_folder(Path(root) / "evals", options.cases)
        for _ in range(options.rounds):
            plain.append(collect(Path(root) / "plain", options.cases, ["-p", "no:promptevals"]))
            evals.append(collect(Path(root) / "evals", options.cases, []))
    ours, theirs = median_of(evals), median_of(plain)
    ratio = Usage(ours.wall / theirs.wall, ours.cpu / theirs.cpu, ours.memory / theirs.memory)
    rows = [
        [name, usage.wall, usage.cpu, usage.memory]
        for name, usage in (("plain pytest", theirs), ("JSON Lines cases", ours), ("ratio", ratio))
    ]
    print(f"{options.cases} items, median of {options.rounds} rounds")
    print(tabulate.tabulate(rows, headers=["", "wall s", "CPU s", "peak RSS MB"], floatfmt=".2f"))
    return int(options.at_most is not None and max(ratio.wall, ratio.memory) > options.at_most)


if __name__ == "__main__":
    raise SystemExit(main())
