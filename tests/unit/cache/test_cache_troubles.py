"""What a run does when its cache cannot do its part."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pytest_promptevals.cache import access, keeper, owners, responses, store
from pytest_promptevals.cache.database import Database, open_database
from pytest_promptevals.cache.entries import Entry
from pytest_promptevals.cache.keeper import Keeper
from pytest_promptevals.cache.maintenance import import_entries
from pytest_promptevals.cache.operations import Answer, Batch, Lookup
from pytest_promptevals.cache.responses import ResponseCache
from pytest_promptevals.errors import CallNotMadeError
from pytest_promptevals.records.responses import Response
from tests.unit.cache.asking import Model, ask, respond, until, with_cache

LOCKED = "another process keeps it locked; wait until that one is done"
IN_MEMORY = "the run goes on, and keeps its responses in memory"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "LOCK_SECONDS", 0.2)
    monkeypatch.setattr(access, "_TRY_SECONDS", 0.02)
    monkeypatch.setattr(responses, "CLOSE_SECONDS", 0.2)


@pytest.fixture
def full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """A disk on which the database cannot grow, as long as ``is_full``."""
    disk = {"is_full": True}

    def open_small(name: Path, timeout: float) -> Database:
        database = open_database(name, timeout)
        if disk["is_full"]:
            database.connection.execute("PRAGMA max_page_count = 12")
        return database

    monkeypatch.setattr(access, "open_database", open_small)
    return disk


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


async def fetch(cache: ResponseCache, model: Model, *texts: str) -> list[Response]:
    return await asyncio.gather(*(cache.fetch(ask(text), model.call(text)) for text in texts))


def run(path: Path, model: Model, *texts: str, mode: str = "use") -> list[Response]:
    async def work(cache: ResponseCache) -> list[Response]:
        return await fetch(cache, model, *texts)

    return with_cache(path, work, mode=mode)


def test_a_locked_database_does_not_stop_the_loop(path: Path) -> None:
    async def work(cache: ResponseCache) -> float:
        model = Model()
        await fetch(cache, model, "warm")
        with locked(path):
            task = asyncio.create_task(fetch(cache, model, "a"))
            longest, last = 0.0, time.monotonic()
            while last - started < 0.5:
                await asyncio.sleep(0.005)
                longest, last = max(longest, time.monotonic() - last), time.monotonic()
            assert not task.done()
            assert model.asked == ["warm"]
        await task
        assert cache.notices == ()
        return longest

    started = time.monotonic()

    assert with_cache(path, work) < 0.2


@pytest.mark.usefixtures("impatient")
def test_behind_a_lock_the_run_goes_on_and_stores_at_the_end(path: Path) -> None:
    model = Model()
    run(path, model, "earlier")

    async def work(cache: ResponseCache) -> tuple[str, ...]:
        with locked(path):
            assert await fetch(cache, model, "a", "earlier") == [
                respond("answer to a"),
                respond("answer to earlier", cached=True),
            ]
            assert await fetch(cache, model, "a") == [respond("answer to a", cached=True)]
        await cache.close()
        return cache.notices

    assert with_cache(path, work) == (
        f"response cache {path}: {LOCKED}; {IN_MEMORY}",
        f"response cache {path} could be written at the end; nothing is lost",
    )
    assert model.asked == ["earlier", "a"]
    assert run(path, model, "a") == [respond("answer to a", cached=True)]


@pytest.mark.usefixtures("impatient")
def test_what_cannot_be_stored_at_the_end_is_put_beside_the_cache(path: Path) -> None:
    model = Model()
    run(path, model, "earlier")

    async def work(cache: ResponseCache) -> str:
        with locked(path):
            await fetch(cache, model, "a", "b")
            started = time.monotonic()
            await cache.close()
            assert time.monotonic() - started < 2
        return cache.notices[-1]

    notice = with_cache(path, work)

    (aside,) = path.parent.glob("cache.db.unsaved-*.jsonl")
    assert notice == (
        f"2 paid responses could not be kept in the response cache {path}; bring them in with 'promptevals cache "
        f"import {aside}'"
    )
    assert import_entries(path, aside, replace=False).added == 2
    assert [response.cached for response in run(path, model, "a", "b")] == [True, True]


@pytest.mark.usefixtures("impatient")
def test_who_stops_in_front_of_a_lock_waits_no_longer_than_closing_may_take(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "LOCK_SECONDS", 60)
    model = Model()
    run(path, model, "earlier")

    async def work(cache: ResponseCache) -> None:
        with locked(path):
            task = asyncio.create_task(fetch(cache, model, "a"))
            await asyncio.sleep(0.1)
            task.cancel()
            started = time.monotonic()
            await cache.close()
            assert time.monotonic() - started < 2

    with_cache(path, work)


def test_on_a_full_disk_the_run_goes_on_and_pays_once(path: Path, full_disk: dict[str, bool]) -> None:
    model = Model()
    texts = [f"{number}" * 500 for number in range(100)]

    async def work(cache: ResponseCache) -> tuple[str, ...]:
        for _ in range(2):
            for text in texts:
                await fetch(cache, model, text)
        await cache.close()
        return cache.notices

    first, last = with_cache(path, work)

    assert first == f"response cache {path}: the disk is full; free some space; {IN_MEMORY}"
    assert re.match(r"\d\d paid responses could not be kept in the response cache", last)
    assert model.asked == texts
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (kept,) = connection.execute("SELECT count(*) FROM responses").fetchone()
    assert last.startswith(f"{100 - kept} paid")


def test_room_that_is_made_meanwhile_is_used_at_the_end(path: Path, full_disk: dict[str, bool]) -> None:
    model = Model()
    texts = [f"{number}" * 500 for number in range(100)]

    async def work(cache: ResponseCache) -> tuple[str, ...]:
        await fetch(cache, model, *texts)
        full_disk["is_full"] = False
        await cache.close()
        return cache.notices

    notices = with_cache(path, work)

    assert notices[1:] == (f"response cache {path} could be written at the end; nothing is lost",)
    assert all(response.cached for response in run(path, model, *texts))


def test_what_can_be_put_nowhere_is_counted(
    path: Path, full_disk: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keeper, "write_lines_atomically", refuse)

    async def work(cache: ResponseCache) -> str:
        await fetch(cache, Model(), "x" * 100_000)
        await cache.close()
        return cache.notices[-1]

    assert with_cache(path, work) == (
        f"1 paid response could not be kept in the response cache {path}, nor beside it: No space left on device"
    )


def test_damage_is_put_aside_and_the_run_begins_anew(path: Path) -> None:
    model = Model()
    path.write_bytes(b"nonsense" * 1000)

    async def work(cache: ResponseCache) -> tuple[str, ...]:
        await fetch(cache, model, "a", "b")
        assert [response.cached for response in await fetch(cache, model, "a", "b")] == [True, True]
        return cache.notices

    (notice,) = with_cache(path, work)

    assert "was damaged; it is kept as cache.db.corrupt-" in notice
    assert model.asked == ["a", "b"]


def test_the_cache_of_a_newer_version_is_left_alone_and_paid_responses_are_put_beside_it(path: Path) -> None:
    model = Model()
    run(path, model, "a")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")
    before = path.read_bytes()

    async def work(cache: ResponseCache) -> tuple[str, ...]:
        await fetch(cache, model, "a", "a")
        await cache.close()
        return cache.notices

    refused, beside = with_cache(path, work)

    assert "was written by a newer version of pytest-promptevals (its schema is 7" in refused
    assert refused.endswith("; the run goes on without it")
    assert beside.startswith("1 paid response could not be kept")
    assert model.asked == ["a", "a"]
    assert path.read_bytes() == before


def test_without_a_cache_nothing_is_replayed_and_nothing_is_called(path: Path) -> None:
    path.mkdir()
    model = Model()

    with pytest.raises(CallNotMadeError):
        run(path, model, "a", mode="replay")

    assert model.asked == []


@pytest.mark.parametrize("part", ["_work", "_look", "_hold"])
def test_a_defect_of_the_cache_costs_the_cache_and_not_the_run(
    path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    real = getattr(Keeper, part)

    def fail(*arguments: object) -> object:
        real(*arguments)
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(Keeper, part, fail)
    model = Model()

    async def work(cache: ResponseCache) -> tuple[str, ...]:
        assert (await fetch(cache, model, "a"))[0].text == "answer to a"
        assert (await fetch(cache, model, "a"))[0].cached
        return cache.notices

    assert with_cache(path, work) == (
        f"response cache {path}: ZeroDivisionError: a defect; the run goes on without it",
    )
    assert model.asked == ["a"]


def test_a_defect_that_comes_with_a_paid_response_does_not_lose_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model()
    save_entries = store.save_entries

    def fail(connection: sqlite3.Connection, session: str, entries: Sequence[Entry]) -> None:
        if entries:
            monkeypatch.setattr(store, "save_entries", save_entries)
            raise ZeroDivisionError("a defect")

    async def work(cache: ResponseCache) -> None:
        await fetch(cache, model, "warm")
        monkeypatch.setattr(store, "save_entries", fail)
        assert await fetch(cache, model, "a") == [respond("answer to a")]

    with_cache(path, work)

    assert run(path, model, "a") == [respond("answer to a", cached=True)]


def test_a_response_that_is_too_long_is_used_and_not_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_LONGEST", 1000)
    model = Model()

    async def work(cache: ResponseCache) -> tuple[str, ...]:
        await fetch(cache, model, "x" * 2000, "x" * 2000, "short")
        await cache.close()
        return cache.notices

    (notice,) = with_cache(path, work)

    assert re.fullmatch(
        r"a response of 'gpt-5-mini' is not kept: it has 2\d\d\d characters, and 1000 are the most", notice
    )
    assert model.asked == ["x" * 2000, "short"]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM responses").fetchone() == (1,)


def test_uses_that_cannot_be_noted_are_dropped(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_USES_SECONDS", 0.01)
    recordings = tmp_path / "rec"
    run(path, Model(), "warm")

    async def work(cache: ResponseCache) -> None:
        cache._access.can_write = False
        await fetch(cache, Model(), "a", "warm")
        await asyncio.sleep(0.1)
        cache._access.can_write = True

    with_cache(path, work, recordings=recordings)

    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM uses").fetchone() == (0,)


async def two(path: Path) -> tuple[ResponseCache, ResponseCache]:
    return ResponseCache.open(path, "use", None, "s1"), ResponseCache.open(path, "use", None, "s2")


def test_two_caches_call_once_for_both(path: Path) -> None:
    model = Model(0.2)

    async def main() -> tuple[list[Response], list[Response]]:
        first, second = await two(path)
        results = await asyncio.gather(fetch(first, model, "a", "b"), fetch(second, model, "b", "a"))
        await asyncio.gather(first.close(), second.close())
        assert first.hits + second.hits == 2
        return results

    results = asyncio.run(main())

    assert sorted(model.asked) == ["a", "b"]
    assert [[response.text for response in each] for each in results] == [
        ["answer to a", "answer to b"],
        ["answer to b", "answer to a"],
    ]


def test_if_the_call_of_the_one_fails_the_other_one_calls(path: Path) -> None:
    model = Model(0.2)

    async def main() -> Response:
        first, second = await two(path)
        failing = asyncio.create_task(first.fetch(ask("a"), model.call("a", ZeroDivisionError())))
        await until(lambda: bool(model.asked))
        async with asyncio.timeout(5):
            response = await second.fetch(ask("a"), model.call("a"))
        with pytest.raises(ZeroDivisionError):
            await failing
        await asyncio.gather(first.close(), second.close())
        return response

    assert asyncio.run(main()) == respond("answer to a")
    assert model.asked == ["a", "a"]


def claim(path: Path, owner: owners.Owner) -> None:
    run(path, Model(), "warm")
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO owners VALUES (?, ?, ?, ?, 3)", (owner.id, owner.host, owner.pid, owner.started)
        )
        connection.executemany("INSERT INTO claims VALUES (?, ?)", [(ask(text).key, owner.id) for text in ("a", "b")])


def test_the_claims_of_a_process_that_is_gone_are_taken_over_at_once(path: Path) -> None:
    here = owners.this_process()
    claim(path, owners.Owner("x", here.host, 2**22 + 1, "1"))
    model = Model()
    started = time.monotonic()

    run(path, model, "a", "b")

    assert time.monotonic() - started < 2
    assert model.asked == ["a", "b"]


def test_the_claims_of_a_machine_that_is_silent_are_taken_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "SILENCE", 0.5)
    claim(path, owners.Owner("x", "elsewhere", 1, ""))
    model = Model()
    started = time.monotonic()

    run(path, model, "a", "b")

    assert 0.5 <= time.monotonic() - started < 3
    assert model.asked == ["a", "b"]


def test_a_long_call_of_a_process_that_lives_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "SILENCE", 0.5)
    monkeypatch.setattr(keeper, "BEAT", 0.1)
    model = Model(1.5)

    async def main() -> None:
        first, second = await two(path)
        await asyncio.gather(fetch(first, model, "a"), fetch(second, model, "a"))
        await asyncio.gather(first.close(), second.close())

    asyncio.run(main())

    assert model.asked == ["a"]


def test_who_is_closed_while_it_waits_for_another_process_ends(path: Path) -> None:
    claim(path, owners.Owner("x", "elsewhere", 1, ""))

    async def main() -> None:
        cache = ResponseCache.open(path, "use", None, "s1")
        task = asyncio.create_task(fetch(cache, Model(), "a"))
        await asyncio.sleep(0.2)
        await cache.close()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 1)

    asyncio.run(main())


def test_who_waits_for_another_process_says_so_when_it_asks_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claim(path, owners.Owner("x", "elsewhere", 1, ""))
    asked: list[bool] = []
    real = Keeper.run

    def tell(keeper: Keeper, batch: Batch) -> list[tuple[Lookup, Answer]]:
        asked.extend(lookup.is_waiting for lookup in batch.lookups)
        return real(keeper, batch)

    async def work(cache: ResponseCache) -> None:
        task = asyncio.create_task(fetch(cache, Model(), "a"))
        await until(lambda: len(asked) >= 3)
        task.cancel()

    monkeypatch.setattr(Keeper, "run", tell)
    with_cache(path, work)

    assert asked[:3] == [False, True, True]


def test_who_is_cancelled_while_it_waits_for_another_process_asks_no_more(path: Path) -> None:
    claim(path, owners.Owner("x", "elsewhere", 1, ""))

    async def work(cache: ResponseCache) -> None:
        task = asyncio.create_task(fetch(cache, Model(), "a"))
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.sleep(0.1)
        assert cache._thread is not None
        assert cache._thread._waiting == []

    with_cache(path, work)
