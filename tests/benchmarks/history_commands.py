"""What the commands that read the history cost, as whole processes::

    python tests/benchmarks/history_commands.py
    python tests/benchmarks/history_commands.py --folder DIR    # keeps the histories there, and uses them again

``promptevals runs``, ``trends`` and ``compare`` in a history of 1,000 runs of 1,000 cases, and ``compare`` with two
runs of 100,000 cases and three judges.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tabulate

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

from pytest_promptevals.history.opening import open_history
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.responses import Message, RenderedPrompt, Response, Usage
from pytest_promptevals.records.results import CaseResult, Score, Trial
from pytest_promptevals.records.runs import GitState, Run, RunStatus
from tests.benchmarks.make_history import make_history
from tests.benchmarks.processes import median_of, run

_COMMAND: Final = (sys.executable, "-c", "from pytest_promptevals.cli import main; main()")
_HISTORY: Final = ".promptevals/history.db"
_FILE: Final = "evals/large.eval.yaml"
_JUDGES: Final = ("contains", "fuzzy", "helpfulness")
_BEFORE: Final = "20261120-080000-aaaaaa"
_NOW: Final = "20261121-080000-bbbbbb"
_ANSWER: Final = "Your refund is on its way; it takes three to five working days, and you need not do anything. "


@dataclass(frozen=True, slots=True)
class Measured:
    """One command, and what it may take."""

    title: str
    """What it is called in the table."""
    folder: Path
    """The project that it is called in."""
    arguments: Sequence[str]
    """Its command line."""
    expected: str
    """Part of what it prints."""
    seconds: float
    """Most seconds, from start to end."""
    memory: float
    """Most megabytes."""


def make_project(folder: Path) -> bool:
    """Make a project, and return whether it has no history yet."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return not (folder / _HISTORY).exists()


def write_two_runs(folder: Path, cases: int, trials: int) -> None:
    """Write two runs of which the second is a little worse."""
    with open_history(folder, _HISTORY) as store:
        for run_id, day, drop in ((_BEFORE, 20, 0.0), (_NOW, 21, 0.05)):
            began = f"2026-11-{day}T08:00:00.000+00:00"
            git = GitState(f"{day}" * 20, "main", is_dirty=False)
            store.add_run(
                Run(run_id, began, RunStatus.FINISHED, began, git), _make_results(cases, trials, drop, day), ()
            )


def _make_results(cases: int, trials: int, drop: float, seed: int) -> Iterator[CaseResult]:
    chance = random.Random(seed)  # noqa: S311 - no secret
    for number in range(cases):
        ability = number * 7919 % 1000 / 1000 - drop
        tries = [_make_trial(trial, ability, chance) for trial in range(1, trials + 1)]
        values = [sum(trial.scores[place].value for trial in tries) / trials for place in range(len(_JUDGES))]
        name = f"case-{number:06}"
        yield CaseResult(
            _FILE,
            name,
            name,
            Location(_FILE, number + 7),
            "openai/gpt-5-mini",
            "support",
            f"{number:032x}",
            f"f{number:031x}",
            trials=tuple(tries),
            scores=_make_scores(values),
            score=sum(values) / len(values),
            passed=all(value >= 0.5 for value in values),
            prompt=RenderedPrompt((Message("user", f"Where is the refund of order A-{number}?"),), "support"),
            expected=_ANSWER,
            prompt_hash="p" * 16,
        )


def _make_trial(number: int, ability: float, chance: random.Random) -> Trial:
    values = [
        float(chance.random() < ability),
        min(1.0, max(0.0, chance.gauss(ability, 0.1))),
        chance.randint(0, 4) / 4,
    ]
    response = Response(
        _ANSWER * chance.randint(1, 4), usage=Usage(120, 40), latency=chance.uniform(0.3, 2.0), cost=0.001
    )
    scores = _make_scores(values)
    return Trial(number, response, scores, sum(values) / len(values), all(score.passed for score in scores))


def _make_scores(values: Sequence[float]) -> tuple[Score, ...]:
    return tuple(Score(judge, value, value >= 0.5, 0.5) for judge, value in zip(_JUDGES, values, strict=True))


def commands_of(folder: Path, options: argparse.Namespace) -> list[Measured]:
    """Return what is measured; histories are made where there are none."""
    many, large = folder / "many", folder / f"large-{options.trials}"
    if make_project(many):
        _make_in_process(make_history, many, _HISTORY, options.runs, options.cases)
    if make_project(large):
        _make_in_process(write_two_runs, large, options.large, options.trials)
    bar, memory = options.at_most, options.at_most_memory
    return [
        Measured("runs", many, ["runs"], "main@", bar, memory),
        Measured("runs --all", many, ["runs", "--all"], "main@", bar, memory),
        Measured("trends", many, ["trends", "--last", str(options.runs)], "latency p95", bar, memory),
        Measured("compare", many, ["compare", "topic", "latest"], "by chance", bar, memory),
        Measured("compare, large", large, ["compare", _BEFORE, _NOW], "by chance", options.at_most_large, memory),
    ]


def _make_in_process(make: Callable[..., None], *arguments: object) -> None:
    """Make a history elsewhere: what is measured would begin with the memory of the process that starts it."""
    process = multiprocessing.get_context("spawn").Process(target=make, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"the history could not be made: exit status {process.exitcode}")


def measure(measured: Measured, rounds: int) -> list[object]:
    """Return a row of the table."""
    command = [*_COMMAND, *measured.arguments]
    warming = int(rounds > 1)  # the first one finds the disk cache empty
    usages = [run(command, measured.folder, measured.expected, {"COLUMNS": "80"}) for _ in range(warming + rounds)]
    used = median_of(usages[warming:])
    is_met = used.wall <= measured.seconds and used.memory <= measured.memory
    return [
        measured.title,
        f"{used.wall:.2f}",
        f"{used.cpu:.2f}",
        f"{used.memory:.0f}",
        f"{measured.seconds:g} s, {measured.memory:g} MB",
        "yes" if is_met else "no",
    ]


def main() -> int:
    """Print the table; return 1 if a command takes more than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--cases", type=int, default=1000, help="of each run")
    parser.add_argument("--large", type=int, default=100_000, help="cases of two runs that are compared")
    parser.add_argument("--trials", type=int, default=1, help="of each of those cases")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts")
    parser.add_argument("--folder", type=Path, help="where the histories are kept, and used again")
    parser.add_argument("--at-most", type=float, default=1.0, help="seconds")
    parser.add_argument("--at-most-large", type=float, default=2.0, help="seconds, for the large runs")
    parser.add_argument("--at-most-memory", type=float, default=500.0, help="megabytes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        rows = [measure(item, options.rounds) for item in commands_of(options.folder or Path(temporary), options)]
    print(
        tabulate.tabulate(rows, ["command", "wall s", "CPU s", "peak RSS MB", "at most", "met"], disable_numparse=True)
    )
    return int(any(row[-1] == "no" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
