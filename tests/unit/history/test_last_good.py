from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history.baselines import baseline_cases
from pytest_promptevals.history.good_cases import WantedItems
from pytest_promptevals.history.last_good import read_last_good
from pytest_promptevals.history.store import FileStore
from pytest_promptevals.records.comparisons import BaselineCase, Comparison, GateResult, Metrics, Verdict
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import CaseResult, ErrorRecord, Trial
from pytest_promptevals.records.runs import RunKind, RunStatus
from tests.support.sample_results import FILE, PLACE, make_case, make_full_result, make_result, make_run
from tests.unit.history.conftest import record_run

NAMES = frozenset({"a", "b"})


def record(
    store: FileStore,
    number: int,
    *results: CaseResult,
    verdict: Verdict = Verdict.PASSED,
    gate: str = "score",
    beside: str = "",
    is_accepted: bool = False,
    is_compared: bool = True,
    **changes: Any,
) -> str:
    """Record the run of that minute, which was compared with the run ``beside``, and return its id."""
    run = record_run(store, number, *results)
    gates = (GateResult(FILE, gate, verdict, "because", PLACE, is_accepted=is_accepted),)
    metrics = Metrics(len(results), 0, 0, None, None)
    comparison = Comparison(FILE, metrics, has_baseline=is_compared, gates=gates, baseline_run=beside)
    finished = {"status": RunStatus.FINISHED, **changes}
    store.finish_run(make_run(run.id, started_at=run.started_at, **finished), [comparison])
    return run.id


def read(store: FileStore, names: frozenset[str] = NAMES) -> tuple[BaselineCase, ...]:
    return read_last_good(store.path, WantedItems(FILE, names))


def test_each_item_has_its_newest_score(store: FileStore) -> None:
    record(store, 1, make_result("a", 0.1), make_result("b", 0.2))
    record(store, 3, make_result("a", 0.3))
    record(store, 2, make_result("a", 0.4))

    assert read(store) == (make_case("a", 0.3), make_case("b", 0.2))


@pytest.mark.parametrize("verdict", [Verdict.REGRESSED, Verdict.INSUFFICIENT_DATA, Verdict.FAILED])
def test_a_red_run_does_not_count(store: FileStore, verdict: Verdict) -> None:
    record(store, 1, make_result("a", 0.9))
    record(store, 2, make_result("a", 0.1), verdict=verdict)

    assert read(store) == (make_case("a", 0.9),)


@pytest.mark.parametrize("gate", ["score", "judges.exact", "max_cost_increase"])
@pytest.mark.parametrize("verdict", [Verdict.REGRESSED, Verdict.INCONCLUSIVE])
def test_a_drop_that_is_too_large_does_not_become_what_the_next_run_is_compared_with(
    store: FileStore, verdict: Verdict, gate: str
) -> None:
    record(store, 1, make_result("a", 0.9))
    record(store, 2, make_result("a", 0.1), verdict=verdict, gate=gate)

    assert read(store) == (make_case("a", 0.9),)


def test_a_drop_that_may_be_chance_and_was_let_through_is_what_the_next_run_is_compared_with(store: FileStore) -> None:
    record(store, 1, make_result("a", 0.9))
    record(store, 2, make_result("a", 0.7), verdict=Verdict.INCONCLUSIVE, is_accepted=True)

    assert read(store) == (make_case("a", 0.7),)


def test_what_had_failed_and_was_run_again_is_no_baseline(store: FileStore) -> None:
    record(store, 1, make_result("a", 0.5))
    record(store, 2, make_result("a", 1.0), kind=RunKind.RERUN)

    assert read(store) == (make_case("a", 0.5),)


def test_a_run_that_was_compared_with_a_run_that_was_named_for_it_moves_nothing(store: FileStore) -> None:
    first = record(store, 1, make_result("a", 0.9), is_compared=False)
    record(store, 2, make_result("a", 0.8))
    record(store, 3, make_result("a", 0.1), make_result("b", 0.2), beside=first)
    record(store, 4, make_result("a", 0.1), make_result("b", 0.1), beside=first)

    assert read(store) == (make_case("a", 0.8), make_case("b", 0.2))


def test_a_run_whose_baseline_could_not_be_read_moves_nothing(store: FileStore) -> None:
    record(store, 1, make_result("a", 0.9), is_compared=False)
    record(store, 2, make_result("a", 0.1), is_compared=False)
    assert read(store) == (make_case("a", 0.9),)

    record(store, 3, make_result("a", 0.8))
    assert read(store) == (make_case("a", 0.8),)


def test_a_run_that_was_compared_with_one_that_dropped_is_as_bad(store: FileStore) -> None:
    record(store, 1, make_result("a", 0.9))
    bad = record(store, 2, make_result("a", 0.1), verdict=Verdict.REGRESSED)
    as_bad = record(store, 3, make_result("a", 0.1), beside=bad)
    record(store, 4, make_result("a", 0.1), beside=as_bad)

    assert read(store) == (make_case("a", 0.9),)


def test_a_drop_that_was_saved_under_a_name_is_what_others_may_be_compared_with(store: FileStore) -> None:
    record(store, 1, make_result("a", 0.9))
    meant = record(store, 2, make_result("a", 0.1), verdict=Verdict.REGRESSED, name="smaller-model")
    record(store, 3, make_result("a", 0.2), make_result("b", 0.3), beside=meant)

    assert read(store) == (make_case("a", 0.9), make_case("b", 0.3))


def test_a_run_that_failed_another_gate_counts(store: FileStore) -> None:
    record(store, 1, make_result("a", 0.4), gate="min_score", verdict=Verdict.FAILED)

    assert read(store) == (make_case("a", 0.4),)


@pytest.mark.parametrize("status", [RunStatus.INTERRUPTED, RunStatus.RUNNING])
def test_a_run_that_did_not_finish_does_not_count(store: FileStore, status: RunStatus) -> None:
    record(store, 1, make_result("a", 0.9), status=status)

    assert read(store) == ()


def test_an_error_does_not_hide_the_score_before_it(store: FileStore) -> None:
    record(store, 1, make_result("a", 0.9), make_result("b", 0.8))
    record(store, 2, make_result("a", None), make_result("b", 0.0, error=ErrorRecord("judge", "down")))

    assert read(store) == (make_case("a", 0.9), make_case("b", 0.8))


def test_other_files_and_other_items_do_not_count(store: FileStore) -> None:
    record(store, 1, make_result("a", 0.9), make_result("gone", 0.9), make_result("b", file="evals/other.eval.yaml"))

    assert read(store) == (make_case("a", 0.9),)


def test_a_case_reads_as_a_committed_baseline_would_have_it(store: FileStore) -> None:
    trials = tuple(dataclasses.replace(trial, score=0.25) for trial in make_full_result().trials)
    results = [make_result("a", 0.9), make_result("b", 0.5, trials=trials)]
    record(store, 1, *results)

    assert read(store) == baseline_cases(results)


def test_a_case_without_a_response_has_an_empty_output(store: FileStore) -> None:
    record(store, 1, make_result("a", 0.9, trials=()))

    (case,) = read(store)
    assert (case.output, case.trials) == ("", 0)


def test_more_cases_than_one_query_takes_are_all_read(store: FileStore) -> None:
    results = [make_result(f"case-{number:04}", 0.5) for number in range(1001)]
    record(store, 1, *results, make_result("gone"))

    assert read(store, frozenset(result.name for result in results)) == baseline_cases(results)


def test_without_a_history_there_are_none_and_none_is_made(tmp_path: Path) -> None:
    assert read_last_good(tmp_path / "none" / "history.db", WantedItems(FILE, NAMES)) == ()
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_history_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"x" * 5000)

    with pytest.raises(HistoryError, match="was damaged; it is kept as"):
        read_last_good(path, WantedItems(FILE, NAMES))


def test_only_the_outputs_that_a_judge_compares_with_are_whole(store: FileStore) -> None:
    long = (Trial(1, Response("x" * 2010), passed=True, score=1.0),)
    record(store, 1, make_result("a", trials=long), make_result("b", trials=long))

    a, b = read_last_good(store.path, WantedItems(FILE, NAMES, whole={"a"}))

    assert (a.output, b.output) == ("x" * 2010, "x" * 2000 + "… [10 more characters]")


@pytest.mark.parametrize("foreign", ["'abc'", "'NaN'", "9e999", "-1", "x'00'"])
@pytest.mark.parametrize(
    ("table", "column", "expected"),
    [
        ("case_results", "cost", {"cost": None}),
        ("case_results", "latency", {"latency": None}),
        ("case_results", "output_length", {"output_length": None}),
        ("scores", "value", {"scores": {}}),
    ],
)
def test_what_somebody_else_wrote_in_the_place_of_a_number_is_unknown(
    store: FileStore, table: str, column: str, expected: dict[str, Any], foreign: str
) -> None:
    full = make_full_result()
    record(store, 1, make_result("a", 0.9, scores=full.scores, trials=full.trials))
    (good,) = read(store)
    write(store, f"UPDATE {table} SET {column} = {foreign}")  # noqa: S608 - a test

    assert read(store) == (dataclasses.replace(good, **expected),) != (good,)


@pytest.mark.parametrize("foreign", ['[1.0, "a"]', "[1.0, 17]", "[1e999, 0.5]", "[]"])
def test_scores_of_trials_that_are_none_are_unknown(store: FileStore, foreign: str) -> None:
    record(store, 1, make_result("a", 0.5))
    write(store, f"UPDATE case_results SET trial_scores = '{foreign}'")  # noqa: S608 - a test

    assert read(store) == (make_case("a", 0.5),)


@pytest.mark.parametrize("score", ["'NaN'", "9e999", "17", "-0.5", "x'00'"])
def test_what_is_no_score_is_passed_over(store: FileStore, score: str) -> None:
    record(store, 1, make_result("a", 0.5))
    write(store, f"UPDATE case_results SET score = {score}")  # noqa: S608 - a test

    assert read(store) == ()


@pytest.mark.parametrize("column", ["trials", "trial_scores"])
def test_what_somebody_else_wrote_in_the_place_of_json_is_named(store: FileStore, column: str) -> None:
    record(store, 1, make_result("a", 0.5))
    write(store, f"UPDATE case_results SET {column} = 'abc'")  # noqa: S608 - a test

    with pytest.raises(HistoryError) as caught:
        read(store)

    assert str(caught.value) == (
        f"history database {store.path}: its results of {FILE} cannot be read (Expecting value: line 1 column 1 "
        "(char 0)), somebody else has changed them; choose another place with 'evals_history', or keep no history with "
        "'evals_history = off'"
    )


def write(store: FileStore, statement: str) -> None:
    """Do what no version of this package does."""
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        connection.execute(statement)
        connection.commit()
