"""What it costs to compare two runs in memory: time, and the memory that comes on top of the rows."""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from tabulate import tabulate

from pytest_promptevals.comparison.compare import compare
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.results import ErrorRecord, Score, Trial

JUDGES: Final = ("contains", "fuzzy", "helpfulness")
PLACE: Final = Location("a.eval.yaml", 1)


class Now(NamedTuple):
    """One case now, as it may come from the history."""

    name: str
    case_id: str
    score: float
    passed: bool
    judge_values: dict[str, float]
    trial_count: int
    trial_scores: tuple[float, ...]
    cost: float
    latency: float
    output_length: float
    case_fingerprint: str = "c" * 16
    model: str = "openai/gpt-5-mini"
    prompt_name: str = "support"
    location: Location = PLACE
    weight: float = 1.0
    group: str | None = None
    error: ErrorRecord | None = None
    scores: tuple[Score, ...] = ()
    trials: tuple[Trial, ...] = ()


class Then(NamedTuple):
    """One case of the baseline, as it may come from the history."""

    name: str
    case_id: str
    score: float
    passed: bool
    scores: dict[str, float]
    trials: int
    trial_scores: tuple[float, ...]
    cost: float
    latency: float
    output_length: float
    case_fingerprint: str = "c" * 16
    model: str = "openai/gpt-5-mini"
    prompt_name: str = "support"


def make_rows(kind: type[Now | Then], cases: int, trials: int, drop: float, seed: int) -> list[Now] | list[Then]:
    """Return cases of which one judge says yes or no, one gives any number, and one five grades."""
    source = random.Random(seed)  # noqa: S311 - no secret
    rows = []
    for number in range(cases):
        ability = source.betavariate(4, 1) - drop
        tries = [
            (float(source.random() < ability), source.betavariate(4, 1) - drop / 2, source.randint(0, 4) / 4)
            for _ in range(trials)
        ]
        scores = tuple(round(sum(values) / len(values), 6) for values in tries)
        values = [round(sum(column) / trials, 6) for column in zip(*tries, strict=True)]
        score = sum(values) / len(values)
        figures = (source.lognormvariate(-6, 1), source.lognormvariate(0, 0.5), float(source.randint(50, 900)))
        rows.append(
            kind(
                f"case-{number}",
                f"case-{number}",
                score,
                score >= 0.5,
                dict(zip(JUDGES, values, strict=True)),
                trials,
                scores if trials > 1 else (),
                *figures,
            )
        )
    return rows  # type: ignore[return-value] # one kind or the other, by the argument


def measure(cases: int, trials: int, drop: float) -> tuple[float, float]:
    """Return seconds and MiB that comparing two runs takes beyond their rows."""
    before: list[Then] = make_rows(Then, cases, trials, 0.0, 1)  # type: ignore[assignment] # by the argument
    now: list[Now] = make_rows(Now, cases, trials, drop, 2)  # type: ignore[assignment] # by the argument
    names = {row.name for row in now}
    used = _peak()
    start = time.perf_counter()
    comparison = compare("a.eval.yaml", now, before, collected_names=names)
    seconds = time.perf_counter() - start
    assert len(comparison.deltas) == cases
    return seconds, _peak() - used


def _peak() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 if a comparison takes longer than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--at-most", type=float, default=1.0, help="seconds")
    options = parser.parse_args(arguments)
    compare("warm.eval.yaml", *[make_rows(kind, 3, 1, 0.0, 1) for kind in (Now, Then)], collected_names=())  # type: ignore[arg-type] # by the order
    rows, slowest = [], 0.0
    for trials in (1, 3):
        for drop in (0.0, 0.02):
            seconds, memory = measure(options.cases, trials, drop)
            slowest = max(slowest, seconds)
            rows.append([options.cases, trials, drop, f"{seconds:.2f}", f"{memory:.0f}"])
    print(tabulate(rows, headers=["cases", "trials", "drop", "seconds", "MiB on top"], disable_numparse=True))
    print(f"slowest: {slowest:.2f} s, at most {options.at_most:g} s")
    return 0 if slowest <= options.at_most else 1


if __name__ == "__main__":
    sys.exit(main())
