"""A project with a history, for tests of commands that read it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from pytest_promptevals.cli import main
from pytest_promptevals.history.opening import open_history
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.comparisons import Comparison, GateResult, Metrics, Verdict
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run, RunFile, RunStatus
from tests.support.sample_results import FILE, PLACE, make_result, make_run
from tests.support.wide_terminal import WIDE

HISTORY = ".promptevals/history.db"


def open_store() -> HistoryStore:
    """Open the history of the current folder, made if need be."""
    return open_history(Path.cwd(), HISTORY)


def add_run(run_id: str, *results: CaseResult, verdict: Verdict = Verdict.PASSED, **changes: Any) -> Run:
    """Record a run that finished at noon of the day that its id begins with: by default one case that passed."""
    results = results or (make_result("a"),)
    day = f"{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}"
    fields = {
        "started_at": f"{day}T12:00:00.000+00:00",
        "finished_at": f"{day}T12:00:02+00:00",
        "status": RunStatus.FINISHED,
        "files": (RunFile(FILE, "v1", 1),),
    }
    run = make_run(run_id, **{**fields, **changes})
    passed = sum(result.passed is True for result in results)
    file = results[0].file
    comparison = Comparison(
        file,
        Metrics(len(results), passed, sum(result.error is not None for result in results), 0.5, passed / len(results)),
        gates=(GateResult(file, "score", verdict, "because", PLACE),),
    )
    with open_store() as store:
        store.add_run(run, results, [comparison])
    return dataclasses.replace(run)


def call(*arguments: str, status: int = 0, given: str | None = None) -> str:
    """Run the command and return what it printed; ``given`` is what the user types."""
    result = CliRunner().invoke(main, list(arguments), input=given, env=WIDE if status else None)
    assert result.exit_code == status, result.output
    return result.output
