"""Peak memory of a run of very many scripted cases, against plain pytest running as many empty parametrized tests.

Both are whole processes, run in turn. Memory hardly scatters, so one round says enough::

    python tests/benchmarks/memory.py --cases 100000 --at-most 1.3
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

from tests.benchmarks.processes import print_ratio
from tests.benchmarks.scripted_run import measure


def main() -> int:
    """Print the table; return 1 if the ratio of peak memory is above ``--at-most``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000, help="cases, and empty parametrized tests")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each; the table shows medians")
    parser.add_argument("--at-most", type=float, help="largest ratio of peak memory that passes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        evals, plain = measure(Path(root), options.cases, options.rounds)
    title = f"{options.cases} items, median of {options.rounds} rounds"
    kilobytes = ("RSS kB an item", lambda usage: usage.memory * 1024 / options.cases)
    ratio = print_ratio(title, ("scripted cases", evals), ("empty tests", plain), kilobytes)
    return int(options.at_most is not None and ratio.memory > options.at_most)


if __name__ == "__main__":
    raise SystemExit(main())
