from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history import rows
from pytest_promptevals.history.store import FileStore, HistoryStore
from pytest_promptevals.records.codec import to_plain
from pytest_promptevals.records.responses import Response, Usage
from pytest_promptevals.records.results import CaseResult, ErrorRecord, Score, Trial
from tests.support.sample_results import make_full_result, make_result, make_run

RUN = make_run()
WAY_OUT = "or keep no history with 'evals_history = off'"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def store(path: Path) -> Iterator[FileStore]:
    store = HistoryStore.open(path, patience=0.05)
    store.start_run(RUN)
    yield store
    store.close()


def test_readers_do_not_wait_for_a_writer(store: FileStore, path: Path) -> None:
    writer = sqlite3.connect(path)
    writer.execute("BEGIN IMMEDIATE")

    assert [run.id for run in store.runs()] == [RUN.id]
    writer.close()


def test_a_locked_database_is_an_error(store: FileStore, path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(HistoryError) as caught:
        store.add_results(RUN.id, [make_result()])

    assert str(caught.value) == (
        f"history database {path}: another process keeps it locked; wait until that one is done, {WAY_OUT}"
    )
    other.close()


def test_a_full_disk_is_an_error_and_what_was_written_stays(store: FileStore, path: Path) -> None:
    store.add_results(RUN.id, [make_result("first")])
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(HistoryError) as caught:
        store.add_results(RUN.id, [make_result(str(number)) for number in range(1000)])

    assert str(caught.value) == f"history database {path}: the disk is full; free some space, {WAY_OUT}"
    assert [result.name for result in store.results(RUN.id)] == ["first"]


def test_results_of_an_unknown_run_are_an_error(store: FileStore) -> None:
    with pytest.raises(HistoryError, match="FOREIGN KEY constraint failed"):
        store.add_results("none", [make_result()])


def test_asking_for_an_unknown_run_is_an_error(store: FileStore, path: Path) -> None:
    for ask in (store.run, store.results, store.comparisons):
        with pytest.raises(HistoryError) as caught:
            ask("none")
        assert str(caught.value) == f"history database {path} has no run 'none'"


def test_finishing_an_unknown_run_is_an_error(store: FileStore) -> None:
    with pytest.raises(HistoryError, match="has no run 'none'"):
        store.finish_run(make_run("none"), [])


def test_a_number_that_json_lacks_is_an_error(store: FileStore) -> None:
    trial = dataclasses.replace(make_result().trials[0], score=float("nan"))

    with pytest.raises(HistoryError) as caught:
        store.add_results(RUN.id, [make_result(trials=(trial,))])

    assert str(caught.value).endswith(
        "a number cannot be stored: JSON has no such number (Out of range float values are not JSON compliant), "
        f"{WAY_OUT}"
    )


def test_records_of_another_schema_are_an_error(store: FileStore, path: Path) -> None:
    store._connection.execute("UPDATE runs SET record_schema = 2")

    for read in (store.results, store.comparisons):
        with pytest.raises(HistoryError) as caught:
            read(RUN.id)
        assert str(caught.value) == (
            f"history database {path}: run {RUN.id} was written with schema 2, this version of pytest-promptevals "
            "reads schema 1; use the version that wrote it"
        )


@pytest.mark.parametrize(("text", "stored"), [("\ud800 and \0", "\\ud800 and \\x00"), ("\0", "\\x00"), ("é", "é")])
def test_texts_that_utf_8_cannot_hold_are_stored_as_escapes(store: FileStore, text: str, stored: str) -> None:
    store.add_results(RUN.id, [make_result(error=ErrorRecord("judge", text))])

    (result,) = store.results(RUN.id)
    assert result.error == ErrorRecord("judge", stored)


def test_an_expected_value_that_json_lacks_is_an_error(store: FileStore) -> None:
    with pytest.raises(HistoryError, match="JSON has no such number .Out of range float values are not JSON compliant"):
        store.add_results(RUN.id, [make_result(expected=float("inf"))])


def test_no_results_write_nothing_and_wait_for_nobody(store: FileStore, path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")

    store.add_results(RUN.id, [])

    other.close()


def test_a_score_that_json_lacks_is_an_error(store: FileStore) -> None:
    score = dataclasses.replace(make_result().scores[0], value=float("inf"))

    with pytest.raises(HistoryError, match="JSON has no such number"):
        store.add_results(RUN.id, [make_result(scores=(score,))])


def test_a_result_without_scores_is_stored(store: FileStore) -> None:
    store.add_results(RUN.id, [make_result(score=None)])

    assert store.results(RUN.id) == (make_result(score=None),)


def stored(result: CaseResult, *columns: str) -> tuple[object, ...]:
    """Values of those columns in the row of a result."""
    row = dict(zip(rows.RESULT_COLUMNS, rows.result_values(7, RUN.id, result), strict=True))
    return tuple(row[column] for column in columns)


def test_trials_and_prompts_are_stored_as_the_codec_writes_them() -> None:
    result = make_full_result()

    trials, prompt = stored(result, "trials", "prompt")

    assert json.loads(str(trials)) == [to_plain(dataclasses.replace(trial, scores=())) for trial in result.trials]
    assert json.loads(str(prompt)) == to_plain(result.prompt)


def trial(number: int, *tokens: int | None, calls: int = 0) -> Trial:
    score = Score("rubric", 1.0, passed=True, calls=calls)
    return Trial(number, Response("x", usage=Usage(*tokens), latency=0.5, cost=0.25), (score,), 1.0, passed=True)


def test_a_result_has_its_numbers_in_columns_of_their_own() -> None:
    result = make_result(trials=(trial(1, 10, 1, calls=2), trial(2, None, 2), trial(3, 20, 6, calls=1), Trial(4)))

    numbers = stored(result, "responses", "input_tokens", "output_tokens", "judge_calls", "latency")

    assert numbers == (3, 15.0, 3.0, 3, 0.5)
    assert stored(make_result(trials=(trial(1),)), "cost", "spent") == (0.25, 0.25)


def test_numbers_that_are_not_known_are_not_made_up() -> None:
    assert stored(
        make_result(score=None), "responses", "input_tokens", "output_tokens", "latency", "cost", "spent"
    ) == (
        0,
        *[None] * 5,
    )


def test_a_run_that_another_process_went_on_with_is_not_finished_by_its_first(store: FileStore) -> None:
    store._connection.execute("UPDATE runs SET pid = 4712")

    store.finish_run(RUN, [])

    assert store.run(RUN.id).pid == 4712
    assert store.comparisons(RUN.id) == ()


def test_a_run_that_cannot_be_read_is_an_error_of_the_reader_too(store: FileStore, path: Path) -> None:
    store._connection.execute("DROP TABLE runs")

    with pytest.raises(HistoryError) as caught:
        store.runs()

    assert str(caught.value) == f"history database {path}: no such table: runs, {WAY_OUT}"
