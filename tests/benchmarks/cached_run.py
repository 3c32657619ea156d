"""A re-run of paid cases from the cache, against plain pytest running as many empty parametrized tests.

The cases run once on the loopback model server. What is measured is the whole command again, with the history and the
comparison with the first run: it may not ask the server for anything. Both are whole processes, run in turn, so that a
busy machine slows both::

    python tests/benchmarks/cached_run.py --cases 10000 --at-most 1.6
    python tests/benchmarks/cached_run.py --cases 1000 --at-most-seconds 2.5
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

from tests.benchmarks.folders import served_by, write_eval_folder, write_plain_folder
from tests.benchmarks.processes import PYTEST, Usage, median_of, print_ratio, run
from tests.support.server_fixture import ModelServer


def measure(root: Path, options: argparse.Namespace) -> tuple[Usage, Usage]:
    """Return the medians of the re-run and of the run of empty tests. The eval file is in ``evals``."""
    write_plain_folder(root / "plain", options.cases)
    plain, cached = [], []
    for _ in range(options.rounds):
        plain.append(run([*PYTEST, "-p", "no:promptevals"], root / "plain", f"{options.cases} passed"))
        # The gate of the eval file, which now has a run to be compared with, is one item more.
        cached.append(run(PYTEST, root / "evals", f"{options.cases + 1} passed"))
    return median_of(cached), median_of(plain)


def main() -> int:
    """Print the table; return 1 if a bound is exceeded, or if the server was asked for anything a second time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000, help="cases, and empty parametrized tests")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; the table shows medians")
    parser.add_argument("--at-most", type=float, help="largest ratio of wall time that passes")
    parser.add_argument("--at-most-seconds", type=float, help="largest wall time of the re-run that passes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root, ModelServer() as server:
        evals = Path(root) / "evals"
        write_eval_folder(evals, options.cases, served_by(server.open_url))
        run([*PYTEST, "--evals-concurrency=50"], evals, f"{options.cases} passed")
        first = sum(server.stats()["requests"].values())
        server.reset()
        cached, plain = measure(Path(root), options)
        again = sum(server.stats()["requests"].values())
    title = f"{options.cases} items, median of {options.rounds} rounds"
    ratio = print_ratio(title, ("cases from the cache", cached), ("empty tests", plain))
    print(f"requests on the server: {first} in the first run, {again} in the re-runs")
    is_slow = options.at_most is not None and ratio.wall > options.at_most
    is_late = options.at_most_seconds is not None and cached.wall > options.at_most_seconds
    return int(is_slow or is_late or first != options.cases or again != 0)


if __name__ == "__main__":
    raise SystemExit(main())
