"""Batches, as the cache's thread does them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.cache import store
from pytest_promptevals.cache.access import Access
from pytest_promptevals.cache.database import open_database
from pytest_promptevals.cache.keeper import Keeper
from pytest_promptevals.cache.operations import Answer, Batch, Lookup, NoResponse, Save
from pytest_promptevals.cache.owners import Owner
from pytest_promptevals.files.sqlite_files import write_transaction
from tests.unit.cache.asking import FILE, ask, make_entry, respond


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


@pytest.fixture
def keeper(path: Path) -> Iterator[Keeper]:
    keeper = make(path)
    yield keeper
    keeper.finish()


def make(path: Path, mode: str = "use") -> Keeper:
    return Keeper(Access(path), mode, path.with_name("rec"), "s1")


def look_up(keeper: Keeper, *texts: str, save: str = "", is_waiting: bool = False) -> list[Answer]:
    nobody: Any = None  # a keeper never looks at who waits
    batch = Batch(lookups=[Lookup(ask(text).key, FILE, nobody, is_waiting) for text in texts])
    if save:
        batch.saves.append(Save(ask(save).key, ask(save).content, respond(f"answer to {save}"), nobody))
    return [answer for _, answer in keeper.run(batch)]


def store_elsewhere(path: Path, *texts: str) -> None:
    with contextlib.closing(open_database(path, 1).connection) as connection:
        store.save_entries(connection, "s2", [make_entry(text) for text in texts])


def claim_elsewhere(path: Path, *texts: str) -> None:
    with contextlib.closing(open_database(path, 1).connection) as connection:
        store.claim_keys(connection, Owner("x", "elsewhere", 1, ""), [ask(text).key for text in texts])


def claims(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return sorted(key for (key,) in connection.execute("SELECT key FROM claims"))


def found(text: str) -> Answer:
    return respond(f"answer to {text}", cached=True)


def test_a_call_is_claimed_until_its_response_is_stored(keeper: Keeper, path: Path) -> None:
    assert look_up(keeper, "a", "b") == [NoResponse.CALL, NoResponse.CALL]
    assert claims(path) == sorted([ask("a").key, ask("b").key])

    look_up(keeper, save="a")

    assert claims(path) == [ask("b").key]


def test_a_call_that_failed_is_free_for_others(keeper: Keeper, path: Path) -> None:
    look_up(keeper, "a", "b")

    keeper.run(Batch(releases=[ask("a").key, "another's"]))

    assert claims(path) == [ask("b").key]


def test_what_is_stored_is_found_beside_what_is_saved(keeper: Keeper, path: Path) -> None:
    store_elsewhere(path, "b")

    assert look_up(keeper, "b", "c", save="a") == [found("b"), NoResponse.CALL]
    assert look_up(keeper, "a", "b", save="c") == [found("a"), found("b")]


def test_what_another_process_stores_just_before_the_claim_is_found(
    keeper: Keeper, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = store.find_responses

    def be_late(*arguments: Any) -> dict[str, str]:
        monkeypatch.undo()
        answers = find(*arguments)
        store_elsewhere(path, "a")
        return answers

    store_elsewhere(path)
    monkeypatch.setattr(store, "find_responses", be_late)

    assert look_up(keeper, "a") == [found("a")]
    assert claims(path) == []


def test_who_waits_for_another_process_notes_no_use_and_writes_nothing(keeper: Keeper, path: Path) -> None:
    claim_elsewhere(path, "a")
    assert look_up(keeper, "a") == [NoResponse.WAIT]
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        assert look_up(keeper, "a", is_waiting=True) == [NoResponse.WAIT]

    assert keeper.seconds_to_tidy is None


def test_a_claim_of_ones_own_is_no_reason_to_wait(keeper: Keeper, path: Path) -> None:
    claim_elsewhere(path, "b")
    look_up(keeper, "a")

    assert look_up(keeper, "a", "b") == [NoResponse.CALL, NoResponse.WAIT]


def test_what_is_taken_over_from_a_dead_process_is_claimed_anew(
    keeper: Keeper, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim_elsewhere(path, "a", "b")
    monkeypatch.setattr("pytest_promptevals.cache.keeper.is_gone", lambda owner, _: owner.id == "x")
    assert look_up(keeper, "a") == [NoResponse.CALL]

    other = make(path)
    assert look_up(other, "a", "b") == [NoResponse.WAIT, NoResponse.CALL]
    other.finish()


def test_replaying_writes_nothing(path: Path) -> None:
    store_elsewhere(path, "a")
    keeper = make(path, "replay")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        assert look_up(keeper, "a", "b") == [found("a"), NoResponse.MISSING]

    assert claims(path) == []
    keeper.finish()


def test_there_is_something_to_tidy_while_calls_are_made_or_uses_are_not_noted(keeper: Keeper) -> None:
    def seconds() -> float | None:
        return keeper.seconds_to_tidy

    assert seconds() is None

    look_up(keeper, "a")
    assert seconds() == 1.0
    keeper.tidy(is_idle=True)
    assert seconds() == 5.0

    look_up(keeper, save="a")
    assert seconds() is None


def test_a_transaction_is_whole_or_undone(path: Path) -> None:
    def half_way(connection: sqlite3.Connection) -> None:
        with write_transaction(connection):
            store.save_entries(connection, "s1", [make_entry("a")])
            raise ZeroDivisionError

    with contextlib.closing(open_database(path, 1).connection) as connection:
        with pytest.raises(ZeroDivisionError):
            half_way(connection)
        with write_transaction(connection):
            store.save_entries(connection, "s1", [make_entry("b")])

        assert store.find_responses(connection, [ask("a").key, ask("b").key], None).keys() == {ask("b").key}


def test_a_transaction_has_its_turn_before_it_reads(path: Path) -> None:
    with (
        contextlib.closing(open_database(path, 1).connection) as connection,
        contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other,
        write_transaction(connection),
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("BEGIN IMMEDIATE")
