"""``pytest --co -q`` in an empty folder, with the plugin and without it.

Pairs of whole processes, in turn, each pair in the other order than the one before; what counts is the difference
within a pair, against the scatter of the runs without the plugin::

    python tests/benchmarks/startup.py --rounds 20
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import tabulate

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

from tests.benchmarks.processes import PYTEST, run


def measure(folder: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Return the CPU seconds of each pair's run without the plugin, and with it."""
    without: list[float] = []
    with_plugin: list[float] = []
    commands = [([*PYTEST, "--co", "-p", "no:promptevals"], without), ([*PYTEST, "--co"], with_plugin)]
    for number in range(rounds + 1):
        for command, times in commands if number % 2 else reversed(commands):
            usage = run(command, folder, "no tests")
            if number:  # the first pair warms the disk cache
                times.append(usage.cpu)
    return without, with_plugin


def main() -> int:
    """Print the table; return 1 if the median difference is above ``--at-most`` milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="pairs of runs")
    parser.add_argument("--at-most", type=float, help="largest median difference in milliseconds that passes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        without, with_plugin = measure(Path(folder), options.rounds)
    differences = [(after - before) * 1000 for before, after in zip(without, with_plugin, strict=True)]
    quarters = statistics.quantiles([time * 1000 for time in without], n=4)
    rows = [
        ["without the plugin, median", statistics.median(without) * 1000],
        ["with the plugin, median", statistics.median(with_plugin) * 1000],
        ["median difference within a pair", statistics.median(differences)],
        ["scatter without the plugin (interquartile range)", quarters[2] - quarters[0]],
    ]
    print(tabulate.tabulate(rows, headers=["", "CPU ms"], floatfmt=".1f"))
    return int(options.at_most is not None and statistics.median(differences) > options.at_most)


if __name__ == "__main__":
    raise SystemExit(main())
