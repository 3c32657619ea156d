"""Two runs of one eval file in a history, to compare."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from pytest_promptevals.history.opening import open_history
from pytest_promptevals.records.comparisons import Comparison, GateResult, Metrics, Verdict
from pytest_promptevals.records.effects import Effect, Evidence
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import GitState, Run, RunFile, RunStatus
from tests.support.sample_results import FILE, PLACE, make_result, make_run

HISTORY = ".promptevals/history.db"
BEFORE = "20261120-080000-aaaaaa"
NOW = "20261121-080000-bbbbbb"


def finished_run(run_id: str, day: int, branch: str = "main") -> Run:
    """A run that finished, without uncommitted changes."""
    git = GitState(f"{day:02d}" * 20, branch, is_dirty=False)
    return make_run(run_id, started_at=f"2026-11-{day}T08:00:00.000+00:00", status=RunStatus.FINISHED, git=git)


def many_results(count: int, score: float, **changes: Any) -> list[CaseResult]:
    """Results of many cases with one score."""
    return [
        make_result(f"case-{number:02d}", score, case_fingerprint=f"{number:016x}", **changes)
        for number in range(count)
    ]


def write_run(rootdir: Path, run: Run, results: list[CaseResult], *gates: GateResult) -> None:
    """Add a run to the history of a project."""
    comparison = Comparison(FILE, Metrics(len(results), 0, 0, None, None), gates=gates)
    with open_history(rootdir, HISTORY) as store:
        store.add_run(run, results, [comparison] if gates else [])


def write_two_runs(rootdir: Path) -> None:
    """Ten cases that passed, seven of which are worse now; beside them an edited, a new, a lost and a broken one."""
    others = [
        make_result("edited", 1.0, case_fingerprint="e" * 16),
        make_result("lost", 1.0, case_fingerprint="1" * 16),
        make_result("broken", 1.0, case_fingerprint="b" * 16),
        make_result("old-name", 0.5, case_fingerprint="a" * 16),
    ]
    write_run(rootdir, finished_run(BEFORE, 20), [*many_results(10, 1.0), *others])
    others = [
        make_result("edited", 0.0, case_fingerprint="f" * 16),
        make_result("new", 1.0, case_fingerprint="2" * 16),
        make_result("broken", None, case_fingerprint="b" * 16),
        make_result("new-name", 0.75, case_fingerprint="a" * 16),
    ]
    worse = many_results(7, 0.25)
    write_run(rootdir, finished_run(NOW, 21), [*worse, *many_results(10, 1.0)[7:], *others], score_gate(0.1))


def score_gate(limit: float, *, confidence: float = 0.95) -> GateResult:
    """What the gate on the score said at the end of a run."""
    evidence = Evidence(Effect("score", 1.0, 1.0, 0.0), limit, confidence)
    return GateResult(FILE, "score", Verdict.PASSED, "all is well", PLACE, evidence)


def with_dataset(run: Run, version: str, cases: int) -> Run:
    """The run with what is known of the dataset of its eval file."""
    return dataclasses.replace(run, files=(RunFile(FILE, version, cases),))
