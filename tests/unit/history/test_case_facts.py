from __future__ import annotations

from pathlib import Path

import pytest

from pytest_promptevals.history import facts
from pytest_promptevals.history.facts import read_facts
from pytest_promptevals.history.store import FileStore
from pytest_promptevals.records.facts import CaseFacts
from pytest_promptevals.records.responses import Response, Usage
from pytest_promptevals.records.results import CaseResult, ErrorRecord, Score, Trial
from tests.support.sample_results import FILE, make_result
from tests.unit.history.conftest import record_run

KEY = f"{FILE}::a"


def result(name: str = "a", cost: float = 1.0, score: float = 1.0, tokens: int = 100, trials: int = 1) -> CaseResult:
    """A result whose judge made two calls a trial, for nothing."""
    judged = Score("rubric", score, passed=score >= 0.5, cost=0.0, calls=2)
    response = Response("x", usage=Usage(tokens, tokens // 10), latency=cost / 8, cost=cost)
    made = tuple(Trial(number + 1, response, (judged,), score, passed=True) for number in range(trials))
    return make_result(name, score, trials=made)


def test_a_case_has_the_numbers_of_its_result(store: FileStore) -> None:
    record_run(store, 1, result(trials=2))

    assert read_facts(store.path) == {
        KEY: CaseFacts(failed=False, cost=2.0, latency=0.125, trials=2, input_tokens=100, output_tokens=10, calls=4)
    }


def test_several_results_are_averaged(store: FileStore) -> None:
    record_run(store, 1, result(cost=1.0, tokens=100))
    record_run(store, 2, result(cost=2.0, tokens=300))

    assert read_facts(store.path)[KEY] == CaseFacts(
        failed=False, cost=1.5, latency=0.1875, trials=1, input_tokens=200, output_tokens=20, calls=2
    )


@pytest.mark.parametrize(
    ("newest", "failed"),
    [
        (result(score=1.0), False),
        (result(score=0.0), True),
        (make_result("a", None), True),
        (make_result("a", error=ErrorRecord("judge", "down")), True),
    ],
    ids=["passed", "failed", "an error", "an error with a score"],
)
def test_the_newest_result_says_whether_it_failed(store: FileStore, newest: CaseResult, *, failed: bool) -> None:
    record_run(store, 1, result(score=0.0 if not failed else 1.0))
    record_run(store, 2, newest)

    assert read_facts(store.path)[KEY].failed is failed


@pytest.mark.parametrize("kind", ["budget", "quota", "replay", "cancelled"])
def test_a_call_that_was_not_made_says_nothing(store: FileStore, kind: str) -> None:
    record_run(store, 1, result(score=0.0))
    record_run(
        store,
        2,
        make_result("a", None, error=ErrorRecord(kind, "not run")),
        make_result("b", None, error=ErrorRecord(kind, "not run")),
    )

    known = read_facts(store.path)

    assert known[KEY].failed is True
    assert list(known) == [KEY]


def test_an_error_has_no_cost_that_a_case_would_have(store: FileStore) -> None:
    record_run(store, 1, result(cost=4.0))
    record_run(store, 2, make_result("a", trials=result(cost=1.0, trials=2).trials, error=ErrorRecord("judge", "down")))

    assert read_facts(store.path)[KEY].cost == 4.0
    assert read_facts(store.path)[KEY].calls == 2


def test_what_nobody_told_is_unknown(store: FileStore) -> None:
    record_run(store, 1, make_result("a"))

    assert read_facts(store.path)[KEY] == CaseFacts(failed=False, trials=1, calls=0)


def test_only_the_last_results_of_a_case_count(store: FileStore) -> None:
    record_run(store, 0, result(cost=100.0))
    for number in range(1, facts.RECENT + 1):
        record_run(store, number, result(cost=1.0))

    assert read_facts(store.path)[KEY].cost == 1.0


def test_a_case_that_the_last_runs_left_out_is_known_still(store: FileStore) -> None:
    record_run(store, 0, result("a"))
    for number in range(1, facts.MOST_RUNS):
        record_run(store, number, result("b"))
    assert set(read_facts(store.path)) == {KEY, f"{FILE}::b"}

    record_run(store, facts.MOST_RUNS, result("b"))

    assert set(read_facts(store.path)) == {f"{FILE}::b"}


def test_a_large_history_is_read_in_part(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "MOST_RESULTS", 3)
    record_run(store, 1, result("a"))
    record_run(store, 2, result("b"), result("c"))
    record_run(store, 3, result("d"), result("e"))

    assert {key.partition("::")[2] for key in read_facts(store.path)} == {"d", "e"}


def test_the_newest_run_is_read_however_large(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "MOST_RESULTS", 1)
    record_run(store, 1, result("a"), result("b"))

    assert len(read_facts(store.path)) == 2


def test_files_are_told_apart(store: FileStore) -> None:
    record_run(store, 1, result("a"), make_result("a", 0.0, file="evals/other.eval.yaml"))

    known = read_facts(store.path)

    assert {key: case.failed for key, case in known.items()} == {KEY: False, "evals/other.eval.yaml::a": True}


def test_without_a_history_nothing_is_known(tmp_path: Path) -> None:
    assert read_facts(tmp_path / "history.db") == {}
    assert list(tmp_path.iterdir()) == []
