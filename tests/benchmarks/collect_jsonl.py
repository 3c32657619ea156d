"""Collecting many JSON Lines cases, against plain pytest collecting as many parametrized tests.

Both are whole ``pytest --co -q`` processes in folders of their own, run in turn, so that a busy machine slows both::

    python tests/benchmarks/collect_jsonl.py --cases 100000 --rounds 3
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

from tests.benchmarks.folders import write_plain_folder
from tests.benchmarks.processes import PYTEST, median_of, print_ratio, run


def write_eval_folder(folder: Path, count: int) -> None:
    """Write an eval file of that many cases, and its defaults."""
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "evals.yaml").write_text("model: scripted/echo\njudges: [exact]\n", encoding="utf-8")
    with (folder / "big.eval.jsonl").open("w", encoding="utf-8") as file:
        for number in range(count):
            case = {"id": f"case-{number:06}", "input": f"What is {number} + 1?", "expected": str(number + 1)}
            file.write(json.dumps(case | {"tags": ["smoke", "arithmetic"]}) + "\n")


def main() -> int:
    """Print the table; return 1 if a ratio is above ``--at-most``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000, help="cases, and parametrized tests")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; the table shows medians")
    parser.add_argument("--at-most", type=float, help="largest ratio of wall time and of memory that passes")
    options = parser.parse_args()
    plain, evals = [], []
    command, collected = [*PYTEST, "--co"], f"{options.cases} tests collected"
    with tempfile.TemporaryDirectory() as root:
        write_plain_folder(Path(root) / "plain", options.cases)
        write_eval_folder(Path(root) / "evals", options.cases)
        for _ in range(options.rounds):
            plain.append(run([*command, "-p", "no:promptevals"], Path(root) / "plain", collected))
            evals.append(run(command, Path(root) / "evals", collected))
    ratio = print_ratio(
        f"{options.cases} items, median of {options.rounds} rounds",
        ("JSON Lines cases", median_of(evals)),
        ("plain pytest", median_of(plain)),
    )
    return int(options.at_most is not None and max(ratio.wall, ratio.memory) > options.at_most)


if __name__ == "__main__":
    raise SystemExit(main())
