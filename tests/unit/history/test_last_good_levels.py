"""Scores of a part of the judges count for runs of the same level only."""

from __future__ import annotations

import pytest

from pytest_promptevals.history import good_cases
from pytest_promptevals.history.good_cases import WantedItems
from pytest_promptevals.history.last_good import read_last_good
from pytest_promptevals.history.store import FileStore
from pytest_promptevals.records.comparisons import Comparison, Metrics
from pytest_promptevals.records.partial import partial_fingerprint
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import RunStatus
from tests.support.sample_results import FILE, make_result, make_run
from tests.unit.history.conftest import record_run

WHOLE = make_result("a", 0.9).case_fingerprint


def record(store: FileStore, number: int, *results: CaseResult) -> None:
    run = record_run(store, number, *results)
    comparison = Comparison(FILE, Metrics(len(results), 0, 0, None, None), has_baseline=True)
    store.finish_run(make_run(run.id, started_at=run.started_at, status=RunStatus.FINISHED), [comparison])


def partial(name: str, score: float, level: int = 1) -> CaseResult:
    return make_result(name, score, case_fingerprint=partial_fingerprint(WHOLE, level, "mean"))


def scores(store: FileStore, level: int) -> dict[str, float]:
    wanted = WantedItems(FILE, {"a", "b"}, level)
    return {case.name: case.score for case in read_last_good(store.path, wanted)}


def test_a_run_of_all_judges_is_compared_with_one_of_all_judges(store: FileStore) -> None:
    record(store, 1, make_result("a", 0.9))
    record(store, 2, partial("a", 0.1), make_result("b", 0.2))

    assert scores(store, level=3) == {"a": 0.9, "b": 0.2}


@pytest.mark.parametrize(("level", "expected"), [(1, 0.1), (2, 0.9), (3, 0.9)])
def test_a_level_is_compared_with_the_newest_of_its_own_and_of_all(
    store: FileStore, level: int, expected: float
) -> None:
    record(store, 1, make_result("a", 0.9))
    record(store, 2, partial("a", 0.1))

    assert scores(store, level) == {"a": expected}


def test_many_runs_of_a_level_do_not_hide_the_last_of_all_judges(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(good_cases, "MOST_RUNS", 2)
    record(store, 1, make_result("a", 0.9))
    for number in range(2, 5):
        record(store, number, partial("a", 0.1))

    assert scores(store, level=3) == {"a": 0.9}
