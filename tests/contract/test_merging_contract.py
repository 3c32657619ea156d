"""Shares of a run are found, and marked as merged, in each database that a history may be in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pytest_promptevals.errors import HistoryError, UsageError
from pytest_promptevals.history.merge_sources import find_parts, mark_shards, state_of
from pytest_promptevals.history.run_queries import find_run
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.runs import GitState, RunKind, RunStatus
from tests.support.history_subjects import HistorySubject
from tests.support.sample_results import make_result, make_run

COMMIT = GitState("a" * 40, None, is_dirty=False)


@pytest.fixture
def store(history: HistorySubject) -> Iterator[HistoryStore]:
    with history.open() as store:
        yield store


def add(store: HistoryStore, second: int, shard: str | None, **changes: Any) -> str:
    fields: dict[str, Any] = {
        "started_at": f"2026-11-22T12:00:{second:02}.000+00:00",
        "status": RunStatus.FINISHED,
        "git": COMMIT,
        "shard": shard,
        "selection": "abc",
        "selected": 9,
    }
    run = make_run(f"20261122-1200{second:02}-aaaaaa", **{**fields, **changes})
    store.add_run(run, [make_result(f"c{second}")], ())
    return run.id


def ids(store: HistoryStore, reference: str = "") -> list[str]:
    return [part.run.id for part in find_parts(store, "", reference)]


def test_a_share_brings_all_runs_of_its_selection_at_its_commit(store: HistoryStore) -> None:
    add(store, 1, "1/3", selection="other")
    add(store, 2, "1/3", git=GitState("b" * 40, None, is_dirty=False))
    add(store, 3, "1/4")
    add(store, 4, "1/13")
    add(store, 5, "1/3", kind=RunKind.RERUN)
    wanted = [add(store, 6, "2/3"), add(store, 7, "1/3"), add(store, 8, "2/3", status=RunStatus.INTERRUPTED)]

    assert ids(store) == ids(store, wanted[0]) == wanted[::-1]
    assert [result.name for result in find_parts(store)[1].read()] == ["c7"]


def test_shares_of_another_commit_in_one_history_are_left_out(store: HistoryStore) -> None:
    add(store, 1, "1/2", git=GitState("b" * 40, None, is_dirty=False))
    add(store, 2, "2/2", git=None)
    wanted = [add(store, 3, "1/2"), add(store, 4, "2/2")]

    assert ids(store) == wanted[::-1]


def test_what_was_merged_hides_no_later_attempt_at_a_share(store: HistoryStore) -> None:
    shares = [add(store, 1, "1/2"), add(store, 2, "2/2")]
    attempt = add(store, 3, "2/2")
    mark_shards(store, add(store, 4, None), shares)

    assert ids(store) == [attempt, *shares[::-1]]


def test_shares_without_a_checkout_are_found_as_well(store: HistoryStore) -> None:
    wanted = [add(store, 1, "1/2", git=None), add(store, 2, "2/2", git=None)]

    assert ids(store) == wanted[::-1]


def test_a_run_that_is_no_share_stands_for_itself(store: HistoryStore) -> None:
    add(store, 1, "1/2")
    whole = add(store, 2, None)

    assert ids(store) == [whole]


def test_a_merged_run_stands_for_its_shares_which_are_no_runs_of_their_own(store: HistoryStore) -> None:
    merged = add(store, 0, None)
    shares = [add(store, 1, "1/2"), add(store, 2, "2/2")]

    mark_shards(store, merged, [*shares, "20261122-130000-ffffff"])

    assert [store.run(run_id).kind for run_id in (merged, *shares)] == [RunKind.RUN, RunKind.SHARD, RunKind.SHARD]
    assert [store.run(run_id).parent for run_id in (merged, *shares)] == [None, merged, merged]
    assert ids(store, merged) == ids(store) == shares[::-1]
    with store.reading() as connection:
        assert find_run(connection, "latest") == merged


def test_how_far_a_run_got_is_known_by_its_id(store: HistoryStore) -> None:
    run_id = add(store, 1, None)

    assert state_of(store, run_id) is RunStatus.FINISHED
    assert state_of(store, "20261122-130000-ffffff") is None


def test_what_there_is_not_is_an_error(store: HistoryStore) -> None:
    with pytest.raises(HistoryError) as error:
        find_parts(store, "x.db")
    assert str(error.value) == "x.db has no run of evals; run pytest first"
    with pytest.raises(UsageError):
        find_parts(store, "", "nightly")
