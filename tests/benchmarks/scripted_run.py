"""A run of many scripted cases, against plain pytest running as many empty parametrized tests.

Both are whole processes, run in turn, so that a busy machine slows both::

    python tests/benchmarks/scripted_run.py --cases 10000 --rounds 3
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

from tests.benchmarks.folders import forget, write_eval_folder, write_plain_folder
from tests.benchmarks.processes import PYTEST, Usage, median_of, print_ratio, run


def measure(root: Path, cases: int, rounds: int) -> tuple[Usage, Usage]:
    """Return the medians of the run of cases and of the run of empty tests."""
    write_plain_folder(root / "plain", cases)
    write_eval_folder(root / "evals", cases)
    plain, evals = [], []
    for _ in range(rounds):
        plain.append(run([*PYTEST, "-p", "no:promptevals"], root / "plain", f"{cases} passed"))
        forget(root / "evals")
        evals.append(run(PYTEST, root / "evals", f"{cases} passed"))
    return median_of(evals), median_of(plain)


def main() -> int:
    """Print the table; return 1 if the ratio of wall time is above ``--at-most``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000, help="cases, and empty parametrized tests")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; the table shows medians")
    parser.add_argument("--at-most", type=float, help="largest ratio of wall time that passes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        evals, plain = measure(Path(root), options.cases, options.rounds)
    title = f"{options.cases} items, median of {options.rounds} rounds"
    ratio = print_ratio(title, ("scripted cases", evals), ("empty tests", plain))
    return int(options.at_most is not None and ratio.wall > options.at_most)


if __name__ == "__main__":
    raise SystemExit(main())
