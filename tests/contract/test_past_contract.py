"""What the history says of cases' earlier trials, of what was asked, and of scores asked for anew."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_promptevals.history.facts import read_facts
from pytest_promptevals.history.noise_queries import list_files, read_fresh_scores
from pytest_promptevals.history.past import LOOKED_AT, MOST_RUNS, Past, PastFile
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.comparisons import Comparison, Metrics
from pytest_promptevals.records.past import FreshScore, RunTrials
from pytest_promptevals.records.responses import Message, RenderedPrompt, Response
from pytest_promptevals.records.results import CaseResult, Score, Trial
from pytest_promptevals.records.runs import GitState, Run, RunFile, RunKind, RunStatus
from tests.support.history_subjects import HistorySubject
from tests.support.sample_results import FILE, make_result, make_run

COMPARED = (Comparison(FILE, Metrics(1, 1, 0, 1.0, 1.0)),)
FULL = RunFile(FILE, "d1", 1, {"p": "h1"}, {"m": "m-1"}, {"temperature": 0}, {"exact": "j1"})


@pytest.fixture
def store(history: HistorySubject) -> Iterator[HistoryStore]:
    with history.open() as store:
        yield store


@pytest.fixture
def past(history: HistorySubject) -> Iterator[Past]:
    past = Past(history.rootdir, history.setting)
    yield past
    past.close()


def trials(outcomes: str, *, cached: bool = False) -> tuple[Trial, ...]:
    """One trial for each letter: ``p`` passed, ``f`` failed."""
    return tuple(_trial(number, letter == "p", cached=cached) for number, letter in enumerate(outcomes, start=1))


def _trial(number: int, passed: bool, *, cached: bool = False) -> Trial:
    value = float(passed)
    return Trial(number, Response("x", cached=cached), (Score("exact", value, passed),), value, passed)


def result_of(outcomes: str, *, cached: bool = False, **changes: Any) -> CaseResult:
    made = trials(outcomes, cached=cached)
    score = sum(trial.score or 0.0 for trial in made) / len(made)
    return make_result(**{"score": score, "trials": made, **changes})


def record(store: HistoryStore, number: int, *results: CaseResult, **changes: Any) -> Run:
    started = f"2026-11-{1 + number // 60:02}T17:{number % 60:02}:00+00:00"
    run = make_run(f"run-{number:04}", started_at=started, status=RunStatus.FINISHED, **changes)
    store.add_run(run, results, COMPARED)
    return run


def test_fresh_trials_of_a_case_are_counted_run_by_run_oldest_first(store: HistoryStore, past: Past) -> None:
    record(store, 1, result_of("ppf"))
    record(store, 2, result_of("p", fingerprint="other"))
    record(store, 3, result_of("f"), make_result("another"))
    record(store, 4, result_of("p", cached=True))
    record(store, 5, make_result(score=None))

    asked = result_of("f")

    assert past.trials_of(asked) == (RunTrials("f" * 16, 3, 2), RunTrials("other", 1, 1), RunTrials("f" * 16, 1, 0))
    assert past.trials_of(dataclasses.replace(asked, case_fingerprint="edited")) == ()
    assert past.trials_of(dataclasses.replace(asked, file="other.eval.yaml")) == ()


def test_runs_of_one_second_are_in_their_order_whatever_their_ids_end_in(store: HistoryStore, past: Past) -> None:
    for place, (ending, outcome) in enumerate((("c", "p"), ("a", "f"), ("b", "pp"))):
        started = f"2026-11-21T17:26:00.{place}00+00:00"
        run = make_run(f"20261121-172600-{ending}", started_at=started, status=RunStatus.FINISHED)
        store.add_run(run, [result_of(outcome)], COMPARED)

    assert [(run.trials, run.passes) for run in past.trials_of(make_result())] == [(1, 1), (1, 0), (2, 2)]


def test_outputs_of_files_and_of_other_runs_are_no_trials(store: HistoryStore, past: Past) -> None:
    record(store, 1, result_of("p", model="recorded"))
    record(store, 2, result_of("p"), kind=RunKind.REJUDGE)
    record(store, 3, result_of("p", reused_from="run-0001"))
    record(store, 4, result_of("p"), kind=RunKind.ATTRIBUTE)
    record(store, 5, result_of("p"), kind=RunKind.RERUN)

    assert past.trials_of(make_result()) == (RunTrials("f" * 16, 1, 1),)


def test_only_the_newest_runs_are_looked_at(store: HistoryStore, past: Past) -> None:
    for number in range(MOST_RUNS + 2):
        record(store, number, result_of("p" if number > 1 else "f"))

    found = past.trials_of(make_result())

    assert len(found) == MOST_RUNS
    assert all(run.passes for run in found)


def test_the_newest_other_run_with_a_result_is_found(store: HistoryStore, past: Past) -> None:
    for number in (1, 2, 3):
        record(store, number, make_result())

    assert past.find_run(FILE, "refund", "f" * 16, but="run-0003") == "run-0002"
    assert past.find_run(FILE, "refund", "other", but="") is None


def test_what_made_the_results_of_a_run_is_known(store: HistoryStore, past: Past) -> None:
    clean = GitState("c" * 40, "main", is_dirty=False)
    record(store, 1, make_result(), files=(FULL,), git=clean, versions={"python": "3.13"})
    record(store, 2, make_result(), files=(FULL,), git=dataclasses.replace(clean, is_dirty=True))

    assert past.file_of("run-0001", FILE) == PastFile(FULL, {"python": "3.13"}, "c" * 40)
    dirty = past.file_of("run-0002", FILE)
    assert dirty is not None
    assert dirty.commit is None
    assert past.file_of("run-0001", "other") is None


def test_weights_of_the_cases_of_a_run_are_known(store: HistoryStore, past: Past) -> None:
    record(store, 1, make_result("a"), make_result("b", weight=2.5), make_result("c", file="other.eval.yaml"))
    record(store, 2, make_result("a", weight=7.0))

    assert past.weights_of("run-0001", FILE) == {"a": 1.0, "b": 2.5}
    assert past.weights_of("run-0003", FILE) == {}


def test_what_was_asked_is_known_by_its_fingerprint(store: HistoryStore, past: Past) -> None:
    asked = RenderedPrompt((Message("user", "Ünïcode \ud800"),), "support")
    record(store, 1, make_result(prompt=asked))
    record(store, 2, make_result(prompt=RenderedPrompt(()), fingerprint="g"))

    assert past.prompt_of(FILE, "refund", "f" * 16) == asked
    assert past.prompt_of(FILE, "refund", "unknown") is None


def test_a_prompt_of_another_version_is_not_known(history: HistorySubject, store: HistoryStore, past: Past) -> None:
    record(store, 1, make_result(prompt=RenderedPrompt((Message("user", "x"),))))
    history.execute("""UPDATE case_results SET prompt = '{"of": "another version"}'""")

    assert past.prompt_of(FILE, "refund", "f" * 16) is None


def test_a_text_is_known_by_its_hash(store: HistoryStore, past: Past) -> None:
    store.add_contents([("h1", "prompt", "{}")])

    assert past.text_of("h1") == "{}"
    assert past.text_of("h2") is None


def record_scores(
    store: HistoryStore, number: int, *scores: float | None, cases: int = 1, judge: str = "j", **changes: Any
) -> str:
    """Record a run with the mean score of one eval file after the other: ``file0``, ``file1``."""
    # In the same second, ids are in any order.
    run_id, started = f"run-{number // 10:03}{number * 7 % 10}", f"2026-11-21T17:00:00.{number:03}+00:00"
    files = tuple(RunFile(f"file{place}", "d", cases, judges={"exact": judge}) for place in range(len(scores)))
    run = make_run(run_id, started_at=started, files=files, **{"status": RunStatus.FINISHED, **changes})
    metrics = [Metrics(cases, 1, 0, score, 1.0) for score in scores]
    store.add_run(run, (), [Comparison(f"file{place}", found) for place, found in enumerate(metrics)])
    return run_id


def test_the_scores_of_eval_files_in_the_runs_before_are_told_oldest_first(store: HistoryStore, past: Past) -> None:
    for number in range(5):
        record_scores(store, number, number / 10, 1.0, 0.5 if number == 3 else None)
    now = record_scores(store, 5, None, 0.7)

    assert past.scores_before(now, 3) == {"file0": [0.2, 0.3, 0.4], "file1": [1.0, 1.0, 1.0]}


def test_runs_that_are_not_like_this_one_are_no_part_of_a_trend(store: HistoryStore, past: Past) -> None:
    record_scores(store, 1, 0.1)
    record_scores(store, 2, 0.2, status=RunStatus.INTERRUPTED)
    record_scores(store, 3, 0.3, kind=RunKind.RERUN)
    record_scores(store, 4, 0.4, cases=2)
    record_scores(store, 5, 0.5, judge="another")
    now = record_scores(store, 6, 0.6)

    assert past.scores_before(now, 8) == {"file0": [0.1]}


def test_a_trend_looks_at_the_newest_runs_alone(store: HistoryStore, past: Past) -> None:
    record_scores(store, 0, 0.5)
    for number in range(1, LOOKED_AT):
        record_scores(store, number, None, 0.5)
    now = record_scores(store, LOOKED_AT, 0.5, 0.5)

    assert list(past.scores_before(now, 8)) == ["file1"]


def test_a_history_that_is_switched_off_has_no_answers(history: HistorySubject) -> None:
    past = Past(history.rootdir, "off")

    assert past.trials_of(make_result()) == ()
    assert past.scores_before("run", 8) == {}
    past.close()


def test_runs_with_one_change_alone_say_nothing_of_what_failed_last(
    history: HistorySubject, store: HistoryStore
) -> None:
    record(store, 1, result_of("p"))
    record(store, 2, result_of("f"), kind=RunKind.ATTRIBUTE)

    assert not read_facts(history.place)[f"{FILE}::refund"].failed


def test_eval_files_are_listed_in_order(store: HistoryStore) -> None:
    store.add_run(make_run("a"), (), (Comparison("b.eval.yaml", COMPARED[0].metrics), *COMPARED))

    with store.reading() as connection:
        assert list_files(connection) == ("b.eval.yaml", FILE)


def read(store: HistoryStore, last: int = 10) -> list[dict[str, FreshScore]]:
    with store.reading() as connection:
        return [dict(scores) for scores in read_fresh_scores(connection, FILE, last)]


def test_scores_whose_responses_were_all_asked_for_anew_are_read_run_by_run(store: HistoryStore) -> None:
    half_cached = (_trial(1, passed=True, cached=True), _trial(2, passed=False))
    record(store, 2, result_of("pf", group="g", weight=2.0))
    record(store, 1, result_of("p"), make_result("mixed", trials=half_cached), make_result("broken", None))
    record(store, 3, result_of("p", cached=True))
    record(store, 4, result_of("p"), kind=RunKind.ATTRIBUTE)
    record(store, 5, result_of("p", model="recorded"))
    record(store, 6, result_of("p"), kind=RunKind.RERUN)
    record(store, 7, result_of("p"), make_result("known", reused_from="run-0001"))

    assert read(store) == [
        {"refund": FreshScore("f" * 16, 1.0, passed=True)},
        {"refund": FreshScore("f" * 16, 0.5, passed=True, trials=2, weight=2.0, group="g")},
    ]
    assert read(store, last=2) == []


def test_a_test_function_is_asked_the_same_only_at_one_clean_commit(store: HistoryStore) -> None:
    clean = GitState("c" * 40, "main", is_dirty=False)
    for number, git in enumerate([clean, clean, dataclasses.replace(clean, is_dirty=True), None]):
        record(store, number, result_of("p", model="test"), git=git)

    first, second, dirty, unknown = (scores["refund"].fingerprint for scores in read(store))

    assert first == second
    assert len({first, dirty, unknown}) == 3


def test_a_file_of_which_a_crashed_worker_told_nothing_is_not_known(store: HistoryStore, past: Past) -> None:
    record(store, 1, make_result(), files=(RunFile(FILE, models={"m": "m-1"}),))

    assert past.file_of("run-0001", FILE) is None
