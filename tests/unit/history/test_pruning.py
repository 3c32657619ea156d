"""Making the SQLite file of the history smaller."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_promptevals.history import pruning
from pytest_promptevals.history.opening import open_history
from pytest_promptevals.history.pruning import remove_runs
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.runs import RunStatus
from tests.support.sample_results import make_result, make_run

RUNS = 10


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HistoryStore]:
    """A history of ten equal runs."""
    with open_history(tmp_path, "history.db") as store:
        for number in range(RUNS):
            results = [make_result(f"c{case}", expected="x" * 2000) for case in range(50)]
            store.add_run(make_run(f"run-{number}", status=RunStatus.FINISHED), results, [])
        yield store


def pages(path: Path) -> int:
    connection = sqlite3.connect(path)
    (count,) = connection.execute("PRAGMA page_count").fetchone()
    connection.close()
    return int(count)


def test_a_file_of_which_much_is_free_shrinks(store: HistoryStore, tmp_path: Path) -> None:
    before = pages(tmp_path / "history.db")

    remove_runs(store, [f"run-{number}" for number in range(5)])

    assert pages(tmp_path / "history.db") < before * 0.7
    assert len(store.runs()) == 5


def test_a_file_of_which_little_is_free_is_not_written_anew(store: HistoryStore, tmp_path: Path) -> None:
    before = pages(tmp_path / "history.db")

    remove_runs(store, ["run-0"])

    assert pages(tmp_path / "history.db") == before


def test_a_file_that_is_in_use_stays_as_large_as_it_is(
    store: HistoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "_PATIENCE", 0.01)
    reader = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM runs").fetchone()

    remove_runs(store, [f"run-{number}" for number in range(5)])

    assert len(store.runs()) == 5
    reader.close()
