from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_promptevals.history.store import FileStore, HistoryStore
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run
from tests.support.sample_results import make_run


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FileStore]:
    """An empty history."""
    store = HistoryStore.open(tmp_path / "history.db")
    yield store
    store.close()


def record_run(store: FileStore, number: int, *results: CaseResult) -> Run:
    """Record the run of that minute, which goes on."""
    run = make_run(f"run-{number}", started_at=f"2026-11-21T17:{number:02}:00+00:00")
    store.start_run(run)
    store.add_results(run.id, results)
    return run
