"""A run of many scripted cases, against plain pytest running as many empty parametrized tests.

Both are whole processes, run in turn, so that a busy machine slows both::

    python tests/benchmarks/scripted_run.py --cases 10000 --rounds 3
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

from tests.benchmarks.processes import PYTEST, median_of, print_ratio, run, write_plain_folder


def write_eval_folder(folder: Path, count: int) -> None:
    """Write an eval file of that many cases for the scripted model that echoes."""
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "evals.yaml").write_text("model: scripted/echo\njudges: [exact]\n", encoding="utf-8")
    rows = ({"id": f"c{n}", "input": f"question {n}", "expected": f"question {n}"} for n in range(count))
    (folder / "a.eval.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def main() -> int:
    """Print the table; return 1 if the ratio of wall time is above ``--at-most``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000, help="cases, and empty parametrized tests")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; the table shows medians")
    parser.add_argument("--at-most", type=float, help="largest ratio of wall time that passes")
    options = parser.parse_args()
    plain, evals = [], []
    with tempfile.TemporaryDirectory() as root:
        write_plain_folder(Path(root) / "plain", options.cases)
        write_eval_folder(Path(root) / "evals", options.cases)
        for _ in range(options.rounds):
            plain.append(run([*PYTEST, "-p", "no:promptevals"], Path(root) / "plain", f"{options.cases} passed"))
            shutil.rmtree(Path(root) / "evals/.promptevals", ignore_errors=True)  # else there is a gate to pass, too
            evals.append(run(PYTEST, Path(root) / "evals", f"{options.cases} passed"))
    ratio = print_ratio(
        f"{options.cases} items, median of {options.rounds} rounds",
        ("scripted cases", median_of(evals)),
        ("empty tests", median_of(plain)),
    )
    return int(options.at_most is not None and ratio.wall > options.at_most)


if __name__ == "__main__":
    raise SystemExit(main())
