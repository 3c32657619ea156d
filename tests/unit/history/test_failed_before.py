"""Whether an eval file had failed the last time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pytest_promptevals.history.failed_before import find_failed_before
from pytest_promptevals.history.opening import open_history
from pytest_promptevals.records.comparisons import Comparison, GateResult, Metrics, Verdict
from pytest_promptevals.records.runs import GitState, Run, RunFile, RunKind, RunStatus
from tests.support.sample_results import FILE, PLACE, make_run

Add: TypeAlias = Callable[..., None]
NOW = make_run(
    "20261121-120000-ffffff", started_at="2026-11-21T12:00", selection="all", files=(RunFile(FILE, "v1", 2),)
)


@pytest.fixture
def add(tmp_path: Path) -> Add:
    """Record an earlier run with one gate."""

    def add_run(hour: int, verdict: Verdict, *, version: str = "v1", is_accepted: bool = False, **changes: Any) -> None:
        fields = {
            "started_at": f"2026-11-21T{hour:02}:00",
            "status": RunStatus.FINISHED,
            "selection": "all",
            "files": (RunFile(FILE, version, 2),),
        }
        run = make_run(f"20261121-{hour:02}0000-aaaaaa", **{**fields, **changes})
        gate = GateResult(FILE, "score", verdict, "because", PLACE, is_accepted=is_accepted)
        with open_history(tmp_path, "history.db") as store:
            store.add_run(run, [], [Comparison(FILE, Metrics(2, 2, 0, 1.0, 1.0), gates=(gate,))])

    return add_run


def has_failed(folder: Path, run: Run = NOW) -> bool:
    return FILE in find_failed_before(folder / "history.db", run)


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.NO_BASELINE])
def test_the_newest_answer_of_the_gates_counts(tmp_path: Path, add: Add, verdict: Verdict) -> None:
    add(9, Verdict.PASSED if verdict is not Verdict.PASSED else Verdict.FAILED)
    add(10, verdict)

    assert has_failed(tmp_path) is (verdict is not Verdict.PASSED)


def test_a_verdict_that_was_let_pass_has_not_failed(tmp_path: Path, add: Add) -> None:
    add(10, Verdict.INCONCLUSIVE, is_accepted=True)

    assert not has_failed(tmp_path)


@pytest.mark.parametrize(
    "other",
    [
        {"git": GitState("b" * 40, "feature", is_dirty=False)},
        {"git": None},
        {"selection": "one"},
        {"kind": RunKind.RERUN},
        {"shard": "1/2"},
        {"status": RunStatus.INTERRUPTED},
        {"verdict": Verdict.NO_BASELINE},
    ],
    ids=str,
)
def test_a_run_that_is_not_comparable_is_passed_over(tmp_path: Path, add: Add, other: dict[str, Any]) -> None:
    add(9, Verdict.REGRESSED)
    add(10, **{"verdict": Verdict.PASSED, **other})

    assert has_failed(tmp_path)


def test_another_selection_counts_where_the_eval_file_has_changed(tmp_path: Path, add: Add) -> None:
    add(10, Verdict.REGRESSED, selection="fewer", version="v0")

    assert has_failed(tmp_path)


def test_the_run_itself_does_not_count(tmp_path: Path, add: Add) -> None:
    add(10, Verdict.REGRESSED)
    itself = make_run("20261121-100000-aaaaaa", selection="all", files=NOW.files)

    assert not has_failed(tmp_path, itself)


def test_without_a_history_nothing_had_failed(tmp_path: Path) -> None:
    assert not has_failed(tmp_path)
