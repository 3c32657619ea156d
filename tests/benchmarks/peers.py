"""This project beside its peers: the same cases, the same loopback server, one machine, one session. Not part of CI.

Each peer is installed into an environment of its own below ``--workdir``, which is kept for the next time (promptfoo
alone takes 3 GB), and gets its cheapest configuration: see ``peer_tools.py``. Every tool runs as a whole command, in
turn, so that a busy machine slows all; the server counts what was really asked::

    python tests/benchmarks/peers.py --workdir ~/.cache/promptevals-peers --rounds 3
    python tests/benchmarks/peers.py --workdir ~/.cache/promptevals-peers --peers pydantic-evals --at-most 0.5

CPU time is that of all threads and child processes. A peer that cannot be installed or run is named, and the exit
status is then 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import tabulate

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

from tests.benchmarks.peer_tools import OURS, PEERS, Task, Tool, install, read_version
from tests.benchmarks.processes import Usage, median_of, run
from tests.support.server_fixture import ModelServer

_FEW: Final = 10
"""Cases of the run that warms up."""


@dataclasses.dataclass
class Row:
    """What became of one tool."""

    tool: Tool
    home: Path
    version: str = ""
    problem: str = ""
    """Why there are no numbers; empty if there are."""
    calling: list[Usage] = dataclasses.field(default_factory=list)
    """Rounds in which the model was called for every case."""
    cached: list[Usage] = dataclasses.field(default_factory=list)
    """Rounds that the tool's cache answered."""

    @property
    def cpu(self) -> float:
        """Median of the CPU seconds."""
        return median_of(self.calling).cpu

    @property
    def cached_wall(self) -> float | None:
        """Median of the seconds of a cached re-run; ``None`` if it caches no responses."""
        return statistics.median(usage.wall for usage in self.cached) if self.cached else None


def prepare(tool: Tool, options: argparse.Namespace) -> Row:
    """Install a tool, or say why that cannot be done."""
    if tool.is_ours and options.here:
        return Row(tool, Path(sys.prefix), read_version(tool, Path(sys.prefix)))
    try:
        home = install(tool, options.workdir.resolve())
        return Row(tool, home, read_version(tool, home))
    except (OSError, subprocess.CalledProcessError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        return Row(tool, Path(), problem=f"not installed: {reason}")


def measure(row: Row, options: argparse.Namespace, server: ModelServer, folder: Path) -> None:
    """Add a round to a row, in a new folder."""
    folder.mkdir()
    task = Task(folder, row.home, options.cases, options.concurrency, server.open_url)
    tool = row.tool
    tool.write(task)
    try:
        row.calling.append(_run(tool, task, tool.command(task), server, options))
        if tool.cached_command is not None:
            if tool.cached_command is not tool.command:
                _run(tool, task, tool.cached_command(task), server, options)
            row.cached.append(_run(tool, task, tool.cached_command(task), server, options, is_cached=True))
    except SystemExit as error:  # a tool that fails does not cost the figures of the others
        row.problem = f"failed: {error}"
    finally:
        shutil.rmtree(folder)


def warm_up(row: Row, options: argparse.Namespace, server: ModelServer, folder: Path) -> None:
    """Run a tool once over a few cases: the first run reads its files from the disk, and some compile them."""
    measure(row, argparse.Namespace(**{**vars(options), "cases": _FEW}), server, folder)
    row.calling.clear()
    row.cached.clear()


def _run(
    tool: Tool,
    task: Task,
    command: Sequence[str],
    server: ModelServer,
    options: argparse.Namespace,
    *,
    is_cached: bool = False,
) -> Usage:
    server.reset()
    server.control(latency=options.latency)
    passed = tool.passed.format(task.cases + tool.further_items * is_cached)
    usage = run(command, task.folder, passed, tool.environment(task))
    stats = server.stats()
    made, expected = sum(stats["requests"].values()), 0 if is_cached else task.cases
    if made != expected:
        raise SystemExit(f"{made} calls on the server, not {expected}")
    if stats["max_concurrency"] > task.concurrency:
        raise SystemExit(f"{stats['max_concurrency']} calls at once, not {task.concurrency}")
    return usage


def print_table(rows: Sequence[Row], cases: int) -> None:
    """Print a line for each tool, and the reason where it has no numbers."""
    table = []
    for row in rows:
        numbers = ["-"] * 5 if row.problem else _numbers(row, rows[0], cases)
        table.append([f"{row.tool.name} {row.version}", *numbers])
    headers = ["", "CPU ms a case", "ratio of our CPU to it", "wall s", "cached re-run, wall s", "peak RSS MB"]
    print(tabulate.tabulate(table, headers=headers, disable_numparse=True))
    for row in rows:
        if row.problem:
            print(f"{row.tool.name}: {row.problem}")


def _numbers(row: Row, ours: Row, cases: int) -> list[str]:
    usage = median_of(row.calling)
    ratio = "-" if ours.problem else f"{ours.cpu / usage.cpu:.2f}"
    cached = "no cache" if row.cached_wall is None else f"{row.cached_wall:.2f}"
    return [f"{usage.cpu * 1000 / cases:.2f}", ratio, f"{usage.wall:.2f}", cached, f"{usage.memory:.0f}"]


def print_best(ours: Row, peers: Sequence[Row]) -> float:
    """Print ours against the best of the peers, each number by itself; return the ratio of CPU time."""
    best = min(peers, key=lambda row: row.cpu)
    ratio = ours.cpu / best.cpu
    print(f"CPU: {ratio:.2f} times that of the best, {best.tool.name}")
    fastest = min(((row.cached_wall, row.tool.name) for row in peers if row.cached_wall is not None), default=None)
    if fastest is not None and ours.cached_wall is not None:
        print(f"cached re-run: {ours.cached_wall / fastest[0]:.2f} times that of the best, {fastest[1]}")
    return ratio


def read_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", type=Path, help="folder of the environments; by itself one that is removed")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="all, if not given")
    parser.add_argument("--here", action="store_true", help="take this project from the Python that runs this")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds the server takes for an answer")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each; the table shows medians")
    parser.add_argument("--at-most", type=float, help="largest ratio of CPU time to the best peer's that passes")
    return parser.parse_args()


def main() -> int:
    """Print the table; return 1 if a tool has no numbers, or the ratio to the best peer is above ``--at-most``."""
    options = read_options()
    with tempfile.TemporaryDirectory() as root, ModelServer() as server:
        options.workdir = options.workdir or Path(root) / "environments"
        rows = [prepare(tool, options) for tool in (OURS, *(tool for name in options.peers for tool in PEERS[name]))]
        for number in range(options.rounds + 1):
            for row in rows:
                if not row.problem:
                    (measure if number else warm_up)(row, options, server, Path(root) / "project")
    size = f"{options.cases} cases, {options.latency:g} s, concurrency {options.concurrency}"
    print(f"{size}, median of {options.rounds} rounds")
    print_table(rows, options.cases)
    ours, *peers = rows
    peers = [row for row in peers if not row.problem]
    ratio = print_best(ours, peers) if peers and not ours.problem else 0.0
    is_slow = options.at_most is not None and ratio > options.at_most
    return int(is_slow or any(row.problem for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
