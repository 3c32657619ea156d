"""Ten processes that record runs in one history at once: in one SQLite file, and in one PostgreSQL database.

Each records a run of its own, as pytest does, while all others do the same; the tables are made by whoever comes first.
Every result has to be there, none twice, and nobody may be told of a lock. A PostgreSQL server is started for it where
its programs are installed, as for the tests::

    python tests/benchmarks/history_writers.py --processes 10 --results 1000
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

import pytest
import tabulate

from pytest_promptevals.history.environment import new_run
from pytest_promptevals.history.opening import open_history
from pytest_promptevals.history.place import locate_history
from pytest_promptevals.history.recorder import HistoryRecorder
from pytest_promptevals.records.runs import RunStatus
from tests.support.postgres_server import run_postgres
from tests.support.sample_results import make_result


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the runs of all processes."""

    seconds: float
    """From the start of the first process to the end of the last."""
    notices: list[str]
    """What the users were told."""
    runs: int
    """Runs that are there, and finished."""
    results: int
    """Different results that are there."""
    rows: int
    """Rows of results."""


def record(rootdir: Path, setting: str, results: int) -> str | None:
    """Record a run of as many results, and return what the user is told."""
    run = new_run([], rootdir)
    recorder = HistoryRecorder(locate_history(rootdir, setting))
    recorder.pytest_promptevals_run_started(run)
    for number in range(results):
        recorder.pytest_promptevals_case_finished(make_result(f"case-{number}"))
    recorder.pytest_promptevals_run_finished(dataclasses.replace(run, status=RunStatus.FINISHED), [])
    return recorder.notice


def measure(rootdir: Path, setting: str, options: argparse.Namespace) -> Outcome:
    """Have all processes record their runs at once, and look at what is there."""
    command = [sys.executable, __file__, "--results", str(options.results), "--record", str(rootdir), setting]
    start = time.perf_counter()
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(options.processes)
    ]
    told = [process.communicate()[0].strip() for process in processes]
    seconds = time.perf_counter() - start
    with open_history(rootdir, setting) as store:
        runs = [run for run in store.runs() if run.status is RunStatus.FINISHED]
        found = [(run.id, result.name) for run in runs for result in store.results(run.id)]
    return Outcome(seconds, [text for text in told if text], len(runs), len(set(found)), len(found))


@contextlib.contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Give the setting of each database that is there."""
    with contextlib.ExitStack() as stack:
        settings = {"SQLite": "history.db"}
        try:
            server = stack.enter_context(run_postgres())
            settings["PostgreSQL"] = server.url(server.new_database())
        except (pytest.skip.Exception, pytest.fail.Exception) as reason:
            print(f"without PostgreSQL: {reason}")
        yield settings


def main() -> int:
    """Print the table; return 1 if a result is missing or there twice, or if anybody was told anything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=10, help="processes that write at once")
    parser.add_argument("--results", type=int, default=1000, help="results of each")
    parser.add_argument("--record", nargs=2, metavar=("ROOTDIR", "SETTING"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.record is not None:
        rootdir, setting = options.record
        print(record(Path(rootdir), setting, options.results) or "", end="")
        return 0
    with tempfile.TemporaryDirectory() as folder, databases() as settings:
        outcomes = {name: measure(Path(folder), setting, options) for name, setting in settings.items()}
    rows = [[name, *dataclasses.astuple(outcome)] for name, outcome in outcomes.items()]
    for row in rows:
        row[2] = len(row[2])
    print(f"{options.processes} processes, {options.results} results each, at once")
    print(tabulate.tabulate(rows, ["history", "wall s", "notices", "finished runs", "results", "rows"], floatfmt=".2f"))
    for outcome in outcomes.values():
        print(*outcome.notices, sep="\n", end="\n" if outcome.notices else "")
    wanted = options.processes * options.results
    return int(
        any(
            (each.notices, each.runs, each.results, each.rows) != ([], options.processes, wanted, wanted)
            for each in outcomes.values()
        )
    )


if __name__ == "__main__":
    sys.exit(main())
