"""Make a history of many runs, to measure what reads it::

    python tests/benchmarks/make_history.py --runs 1000 --cases 1000 ROOTDIR
    python tests/benchmarks/make_history.py --runs 1000 --cases 1000 ROOTDIR --setting postgresql+psycopg://…

Every run has the same cases of one eval file (``--files`` for several), which pass with a chance of their own, and
differ in branch, commit, model and verdict. The same numbers give the same history.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import random
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

from pytest_promptevals.files.sqlite_files import write_rows, write_transaction
from pytest_promptevals.history import rows
from pytest_promptevals.history.comparison_rows import comparison_to_row, gates_to_rows
from pytest_promptevals.history.opening import open_history
from pytest_promptevals.history.place import Place, PostgresPlace, locate_history
from pytest_promptevals.history.postgres_connection import PostgresConnection, connect
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, GateResult, Metrics, Verdict
from pytest_promptevals.records.effects import Effect
from pytest_promptevals.records.responses import Message, RenderedPrompt, Response, Usage
from pytest_promptevals.records.results import CaseResult, Score, Trial
from pytest_promptevals.records.runs import GitState, Run, RunFile, RunStatus

VARIANTS: Final = 8
"""Different results of each case."""
_BEGINNING: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_ANSWER: Final = "Your refund is on its way; it takes three to five working days, and you need not do anything. "
_SEED: Final = 1

_Numbered: TypeAlias = "list[tuple[int, rows.Values]]"
_Rows: TypeAlias = "tuple[_Numbered, _Numbered]"
"""Rows of results, and of their scores, without what makes them a run's: each with the result's number in it."""


class SqliteTarget:
    """Writes into an SQLite file, without the care that a real run takes."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA synchronous = OFF")

    def write(self, table: str, columns: Sequence[str], values: Sequence[Sequence[object]]) -> None:
        """Write rows."""
        with write_transaction(self._connection):
            write_rows(self._connection, f"INSERT INTO {table} ({', '.join(columns)}) VALUES {{}}", values)  # noqa: S608 - names of our own

    def close(self) -> None:
        """Let SQLite know what there is, and close the file."""
        self._connection.execute("ANALYZE")
        self._connection.close()


class PostgresTarget:
    """Writes into a PostgreSQL database."""

    def __init__(self, connection: PostgresConnection) -> None:
        self._connection = connection

    def write(self, table: str, columns: Sequence[str], values: Sequence[Sequence[object]]) -> None:
        """Write rows."""
        self._connection.copy(table, columns, values)

    def close(self) -> None:
        """Let the server know what there is, and where its numbers go on."""
        query = "SELECT setval(pg_get_serial_sequence('case_results', 'id'), (SELECT max(id) FROM case_results))"
        self._connection.execute(query)
        self._connection.execute("ANALYZE")
        self._connection.close()


def make_history(rootdir: Path, setting: str, runs: int, cases: int, files: int = 1) -> None:
    """Make the history that the setting names; it must be empty."""
    open_history(rootdir, setting).close()
    place = locate_history(rootdir, setting)
    target = _open_target(place)
    chance = random.Random(_SEED)  # noqa: S311 - no secret
    names = [f"evals/file_{number}.eval.yaml" for number in range(files)]
    variants = {name: [_make_rows(name, cases, variant) for variant in range(VARIANTS)] for name in names}
    newest = 0
    for number in range(runs):
        run = _make_run(number, names, cases)
        _write_all(target, "runs", [rows.run_to_row(run)])
        _write_all(target, "run_files", list(rows.files_to_rows(run)))
        for name in names:
            newest = _write_results(target, run.id, newest, variants[name], chance)
            _write_comparison(target, run.id, _make_comparison(name, cases, chance))
    target.close()


def _open_target(place: Place) -> SqliteTarget | PostgresTarget:
    return PostgresTarget(connect(place, 60)) if isinstance(place, PostgresPlace) else SqliteTarget(place)


def _write_all(target: SqliteTarget | PostgresTarget, table: str, new: Sequence[rows.Row]) -> None:
    target.write(table, list(new[0]), [tuple(row.values()) for row in new])


def _write_results(
    target: SqliteTarget | PostgresTarget, run_id: str, newest: int, variants: Sequence[_Rows], chance: random.Random
) -> int:
    """Write a result of each case, one of its variants, and return the number of the last."""
    results, scores = chance.choice(variants)
    target.write("case_results", rows.RESULT_COLUMNS, [(newest + number, run_id, *rest) for number, rest in results])
    target.write("scores", rows.SCORE_COLUMNS, [(newest + number, *rest) for number, rest in scores])
    return newest + len(results)


def _write_comparison(target: SqliteTarget | PostgresTarget, run_id: str, comparison: Comparison) -> None:
    _write_all(target, "comparisons", [comparison_to_row(run_id, comparison)])
    _write_all(target, "gates", list(gates_to_rows(run_id, comparison)))


def _make_run(number: int, files: Sequence[str], cases: int) -> Run:
    began = _BEGINNING + dt.timedelta(hours=number)
    return Run(
        id=f"{began:%Y%m%d-%H%M%S}-{number:06x}",
        started_at=began.isoformat(timespec="milliseconds"),
        status=RunStatus.FINISHED,
        finished_at=(began + dt.timedelta(minutes=5)).isoformat(timespec="seconds"),
        git=GitState(f"{number // 3:040x}", "main" if number % 4 else "topic", is_dirty=number % 5 == 0),
        versions={"python": "3.11.7", "pytest": "9.0.0"},
        host="builder",
        pid=1,
        selected=cases * len(files),
        calls=cases * len(files),
        cost=0.001 * cases,
        spent=0.0005 * cases,
        files=tuple(_make_file(name, number, cases) for name in files),
    )


def _make_file(name: str, number: int, cases: int) -> RunFile:
    model = "openai/gpt-5-mini"
    return RunFile(
        name,
        f"version-{number // 100}",
        cases,
        prompts={"support": f"{number // 10:016x}"},
        models={model: f"gpt-5-mini-2026-{number // 200}"},
        parameters={"temperature": 0},
        judges={"exact": "e" * 16, "fuzzy": "f" * 16},
    )


def _make_rows(file: str, cases: int, variant: int) -> _Rows:
    """Return the rows of a run's results, numbered from 1."""
    chance = random.Random(f"{_SEED} {file} {variant}")  # noqa: S311 - no secret
    results = [_make_result(file, number, chance) for number in range(cases)]
    return (
        [(number, rows.result_values(0, "", result)[2:]) for number, result in enumerate(results, start=1)],
        [(number, row[1:]) for number, result in enumerate(results, start=1) for row in rows.score_values(0, result)],
    )


def _make_result(file: str, number: int, chance: random.Random) -> CaseResult:
    passed = chance.random() < (100 + number % 100) / 200
    value = 1.0 if passed else 0.0
    scores = (Score("exact", value, passed, 1.0), Score("fuzzy", 0.5 + value / 2, passed=True, threshold=0.5))
    text = _ANSWER * chance.randint(1, 4)
    response = Response(text, usage=Usage(120, 40), latency=chance.uniform(0.3, 2.0), cost=0.001, model="gpt-5-mini")
    question = f"Where is the refund of order A-{number}?"
    name = f"case-{number:05}"
    return CaseResult(
        file,
        name,
        name,
        Location(file, number + 7),
        "openai/gpt-5-mini",
        "support",
        f"c{number:015x}",
        f"f{number:015x}",
        trials=(Trial(1, response, scores, 0.25 + 0.75 * value, passed),),
        scores=scores,
        score=0.25 + 0.75 * value,
        passed=passed,
        prompt=RenderedPrompt((Message("user", question),), "support"),
        expected=_ANSWER,
        tags=("smoke",) if number % 10 == 0 else (),
        prompt_hash="p" * 16,
    )


def _make_comparison(file: str, cases: int, chance: random.Random) -> Comparison:
    mean = chance.uniform(0.7, 0.9)
    verdict = Verdict.REGRESSED if mean < 0.72 else Verdict.PASSED
    gate = GateResult(file, "score", verdict, "mean score of the same cases", Location(file, 1))
    deltas = tuple(Delta(f"case-{number:05}", Change.SAME, 1.0, 1.0) for number in range(cases))
    metrics = Metrics(cases, int(mean * cases), 0, mean, mean, 0.001 * cases, 1.0, 1.9, 200.0, {"exact": mean})
    return dataclasses.replace(
        Comparison(file, metrics, has_baseline=True, baseline="the last results", deltas=deltas, gates=(gate,)),
        mean_before=0.8,
        mean_after=mean,
        effects=(Effect("score", 0.8, mean, 0.8 - mean, 0.75 - mean, 0.85 - mean, 0.5, 0.5, 0.02, cases, cases),),
    )


def main() -> int:
    """Make the history, and print how long it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rootdir", type=Path, help="the project's folder")
    parser.add_argument("--setting", default=".promptevals/history.db", help="as evals_history")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--cases", type=int, default=1000, help="of each eval file")
    parser.add_argument("--files", type=int, default=1, help="eval files of each run")
    options = parser.parse_args()
    start = time.perf_counter()
    make_history(options.rootdir, options.setting, options.runs, options.cases, options.files)
    seconds = time.perf_counter() - start
    print(f"{options.runs} runs x {options.files} files x {options.cases} cases in {seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
