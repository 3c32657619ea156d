from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.cache import keeper
from pytest_promptevals.cache.database import open_database
from pytest_promptevals.cache.recordings import read_recording, recording_path, write_recording, write_recordings
from pytest_promptevals.cache.responses import ResponseCache
from pytest_promptevals.cache.store import find_responses, save_entries
from pytest_promptevals.cache.thread import CacheThread
from pytest_promptevals.errors import CacheError, CallNotMadeError, ProviderError, ProviderStatusError
from pytest_promptevals.records.responses import Response
from tests.unit.cache.asking import FILE, Model, ask, make_entry, respond, until, with_cache

SLOW = 0.05


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".promptevals" / "cache.db"


def fetch(
    path: Path, model: Model, *texts: str, mode: str = "use", session: str = "s1", recordings: Path | None = None
) -> list[Response]:
    """Fetch these one after the other, with a cache of their own."""

    async def work(cache: ResponseCache) -> list[Response]:
        responses = [await cache.fetch(ask(text), model.call(text)) for text in texts]
        assert cache.notices == ()
        return responses

    return with_cache(path, work, mode=mode, session=session, recordings=recordings)


def stored(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return sorted(key for (key,) in connection.execute("SELECT key FROM responses"))


def claimed(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute("SELECT (SELECT count(*) FROM claims) + (SELECT count(*) FROM owners)").fetchone()
    return int(count)


def test_a_model_is_asked_once_and_what_it_cost_is_kept(path: Path) -> None:
    model = Model()

    (first,) = fetch(path, model, "a")
    (second,) = fetch(path, model, "a", session="s2")

    assert first == respond("answer to a")
    assert second == respond("answer to a", cached=True)
    assert model.asked == ["a"]
    assert claimed(path) == 0


def test_a_response_is_on_disk_before_it_is_used(path: Path) -> None:
    async def work(cache: ResponseCache) -> None:
        await cache.fetch(ask("a"), Model().call("a"))
        assert stored(path) == [ask("a").key]

    with_cache(path, work)


def test_what_was_asked_is_stored_with_it_and_headers_are_not(path: Path) -> None:
    fetch(path, Model(), "a")

    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT request, response FROM responses").fetchall()
    entry = make_entry("a")
    assert rows == [(entry.request, entry.response)]


def test_hits_are_counted(path: Path) -> None:
    async def work(cache: ResponseCache) -> int:
        model = Model(SLOW)
        await asyncio.gather(*(cache.fetch(ask(text), model.call(text)) for text in ("a", "b", "a", "a")))
        await cache.fetch(ask("b"), model.call("b"))
        return cache.hits

    assert with_cache(path, work) == 3


def test_trials_are_calls_of_their_own_and_are_found_as_such(path: Path) -> None:
    async def work(cache: ResponseCache) -> list[str]:
        responses = [await cache.fetch(ask("a", trial=trial), Model().call(f"a{trial}")) for trial in (1, 2, 1, 2)]
        return [response.text for response in responses]

    assert with_cache(path, work) == ["answer to a1", "answer to a2"] * 2


def test_equal_calls_under_way_are_one(path: Path) -> None:
    model = Model(SLOW)

    async def work(cache: ResponseCache) -> Sequence[Response]:
        return await asyncio.gather(*(cache.fetch(ask("a"), model.call("a")) for _ in range(5)))

    first, *others = with_cache(path, work)

    assert model.asked == ["a"]
    assert not first.cached
    assert others == [respond("answer to a", cached=True)] * 4


def test_many_at_once_are_called_once_each(path: Path) -> None:
    model = Model()
    texts = [str(number % 300) for number in range(600)]

    async def work(cache: ResponseCache) -> list[Response]:
        return await asyncio.gather(*(cache.fetch(ask(text), model.call(text)) for text in texts))

    responses = with_cache(path, work)

    assert [response.text for response in responses] == [f"answer to {text}" for text in texts]
    assert sorted(model.asked) == sorted(set(texts))
    assert len(stored(path)) == 300


def test_an_error_is_shared_and_not_kept(path: Path) -> None:
    model = Model(SLOW)
    error = ProviderStatusError("the server is ill", status=500)

    async def work(cache: ResponseCache) -> list[Response | BaseException]:
        calls = (cache.fetch(ask("a"), model.call("a", error)) for _ in range(3))
        failed = await asyncio.gather(*calls, return_exceptions=True)
        assert (await cache.fetch(ask("a"), model.call("a"))).text == "answer to a"
        return failed

    assert with_cache(path, work) == [error] * 3
    assert model.asked == ["a", "a"]
    assert claimed(path) == 0


def test_if_the_one_who_calls_is_cancelled_another_one_calls(path: Path) -> None:
    model = Model(SLOW)

    async def work(cache: ResponseCache) -> list[Response | BaseException]:
        tasks = [asyncio.create_task(cache.fetch(ask("a"), model.call("a"))) for _ in range(3)]
        await until(lambda: model.asked == ["a"])
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    cancelled, *others = with_cache(path, work)

    assert isinstance(cancelled, asyncio.CancelledError)
    assert model.asked == ["a", "a"]
    assert sorted(response.cached for response in others if isinstance(response, Response)) == [False, True]


def test_one_who_shares_and_is_cancelled_disturbs_nobody(path: Path) -> None:
    model = Model(SLOW)

    async def work(cache: ResponseCache) -> list[Response | BaseException]:
        tasks = [asyncio.create_task(cache.fetch(ask("a"), model.call("a"))) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, cancelled, third = with_cache(path, work)

    assert first == respond("answer to a")
    assert isinstance(cancelled, asyncio.CancelledError)
    assert third == respond("answer to a", cached=True)
    assert model.asked == ["a"]


def test_a_claim_that_comes_too_late_is_given_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model()
    given_back: list[str] = []
    give_back = ResponseCache._give_back

    def tell(cache: ResponseCache, key: str) -> None:
        given_back.append(key)
        give_back(cache, key)

    monkeypatch.setattr(ResponseCache, "_give_back", tell)

    async def work(cache: ResponseCache) -> None:
        await cache.fetch(ask("warm"), Model().call("warm"))
        task = asyncio.create_task(cache.fetch(ask("a"), Model().call("a")))
        await asyncio.sleep(0)
        task.cancel()
        await until(lambda: given_back == [ask("a").key])
        other = ResponseCache.open(path, "use", None, "s2")
        async with asyncio.timeout(5):
            assert (await other.fetch(ask("a"), model.call("a"))).text == "answer to a"
        await other.close()

    with_cache(path, work)
    assert model.asked == ["a"]


def test_a_claim_that_comes_too_late_is_kept_by_who_asks_for_it_now(path: Path) -> None:
    model = Model(0.5)

    async def work(cache: ResponseCache) -> None:
        await cache.fetch(ask("warm"), Model().call("warm"))
        first = asyncio.create_task(cache.fetch(ask("a"), model.call("a")))
        second = asyncio.create_task(cache.fetch(ask("a"), model.call("a")))
        await asyncio.sleep(0)
        first.cancel()
        await until(lambda: model.asked == ["a"])
        await cache.fetch(ask("b"), Model().call("b"))
        assert claimed(path) == 2  # one call, and the one who makes it
        assert (await second).text == "answer to a"

    with_cache(path, work)
    assert model.asked == ["a"]
    assert claimed(path) == 0


def test_a_paid_response_is_stored_even_if_nobody_waits_for_it_any_more(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model()
    saving = asyncio.Event()
    save = CacheThread.save

    async def tell(thread: CacheThread, *arguments: Any) -> None:
        saving.set()
        await save(thread, *arguments)

    monkeypatch.setattr(CacheThread, "save", tell)

    async def work(cache: ResponseCache) -> Response:
        first = asyncio.create_task(cache.fetch(ask("a"), model.call("a")))
        second = asyncio.create_task(cache.fetch(ask("a"), model.call("a")))
        await saving.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        async with asyncio.timeout(5):
            await cache.fetch(ask("b"), Model().call("b"))
        return await second

    assert with_cache(path, work) == respond("answer to a", cached=True)
    assert model.asked == ["a"]
    assert ask("a").key in stored(path)


def test_what_was_not_kept_cannot_be_replayed(path: Path) -> None:
    model = Model()
    fetch(path, model, "a")

    assert fetch(path, model, "a", mode="replay") == [respond("answer to a", cached=True)]
    with pytest.raises(CallNotMadeError) as caught:
        fetch(path, model, "b", mode="replay")

    assert caught.value.reason == "replay"
    assert str(caught.value) == (
        "there is no kept response of 'gpt-5-mini' to the call that evals/support.eval.yaml asks for, and replaying "
        "calls no model: this prompt was not called before, or not with this model, these parameters or so many "
        "trials. Run it once with '--evals-cache use'."
    )
    assert model.asked == ["a"]
    assert ask("a").key in stored(path)


def test_of_an_unknown_file_the_model_is_named(path: Path) -> None:
    async def work(cache: ResponseCache) -> None:
        await cache.fetch(ask("a", file=""), Model().call("a"))

    with pytest.raises(CallNotMadeError, match="there is no kept response of 'gpt-5-mini' to the call, and"):
        with_cache(path, work, mode="replay")


def test_refreshing_calls_once_in_a_session_and_replaces_what_there_was(path: Path) -> None:
    model = Model()
    fetch(path, model, "a", "b")

    assert [response.cached for response in fetch(path, model, "a", "a", mode="refresh", session="s2")] == [False, True]
    assert [response.cached for response in fetch(path, model, "a", mode="refresh", session="s2")] == [True]
    assert [response.cached for response in fetch(path, model, "a", mode="refresh", session="s3")] == [False]
    assert [response.cached for response in fetch(path, model, "a", "b", session="s4")] == [True, True]
    assert model.asked == ["a", "b", "a", "a"]
    assert len(stored(path)) == 2


def test_a_refreshed_response_is_the_one_that_is_found(path: Path) -> None:
    fetch(path, Model(), "a")

    async def work(cache: ResponseCache) -> None:
        await cache.fetch(ask("a"), Model().call("a new one"))

    with_cache(path, work, mode="refresh", session="s2")

    assert fetch(path, Model(), "a", session="s3")[0].text == "answer to a new one"


def test_off_calls_always_shares_nothing_and_keeps_nothing(path: Path) -> None:
    model = Model(SLOW)
    fetch(path, model, "a")
    before = path.stat()

    async def work(cache: ResponseCache) -> Sequence[Response]:
        return await asyncio.gather(*(cache.fetch(ask("a"), model.call("a")) for _ in range(3)))

    assert [response.cached for response in with_cache(path, work, mode="off")] == [False] * 3
    assert model.asked == ["a"] * 4
    assert path.stat() == before


def test_a_cache_that_is_not_used_makes_no_file(path: Path) -> None:
    async def work(cache: ResponseCache) -> None:
        assert cache.notices == ()

    with_cache(path, work)

    assert not path.parent.exists()


def test_after_it_is_closed_it_calls(path: Path) -> None:
    model = Model()

    async def work(cache: ResponseCache) -> None:
        await cache.fetch(ask("a"), model.call("a"))
        await cache.close()
        assert await cache.fetch(ask("a"), model.call("a")) == respond("answer to a")

    with_cache(path, work)


def test_a_call_that_outlives_the_cache_ends(path: Path) -> None:
    model = Model(SLOW)

    async def work(cache: ResponseCache) -> None:
        calling = [asyncio.create_task(cache.fetch(ask("a"), model.call("a"))) for _ in range(2)]
        saved = asyncio.create_task(cache.fetch(ask("b"), model.call("b")))
        await until(lambda: sorted(model.asked) == ["a", "b"])
        calling[0].cancel()
        await cache.close()
        async with asyncio.timeout(5):
            assert await calling[1] == respond("answer to a")
            assert await saved == respond("answer to b")

    with_cache(path, work)


@pytest.mark.parametrize(
    "text", ["\ud800 end", "\0", "x" * 3_000_000, "line\u2028\n"], ids=["half", "nul", "long", "lines"]
)
def test_any_text_is_kept(path: Path, text: str) -> None:
    async def work(cache: ResponseCache) -> Response:
        async def call() -> Response:
            return Response(text)

        await cache.fetch(ask(text), call)
        return await cache.fetch(ask(text), Model().call("nothing"))

    assert with_cache(path, work) == Response(text, cached=True)


def test_a_response_that_json_cannot_hold_is_used_and_shared_and_not_kept(path: Path) -> None:
    model = Model()

    async def work(cache: ResponseCache) -> tuple[str, ...]:
        async def call() -> Response:
            model.asked.append("nan")
            return Response("a", latency=float("nan"))

        for text in ("a", "b"):
            await cache.fetch(ask(text), call)
        assert (await cache.fetch(ask("a"), call)).cached
        await cache.close()
        return cache.notices

    assert with_cache(path, work) == (
        "a response of 'gpt-5-mini' is not kept: nan cannot be stored: JSON has no such number",
    )
    assert model.asked == ["nan", "nan"]
    assert stored(path) == []


def test_an_entry_that_cannot_be_read_is_asked_for_anew(path: Path) -> None:
    model = Model()
    fetch(path, model, "a")
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE responses SET response = '{}'")

    assert fetch(path, model, "a") == [respond("answer to a")]
    assert fetch(path, model, "a") == [respond("answer to a", cached=True)]


def test_a_damaged_recording_is_an_error_of_the_eval_file_that_asks(path: Path, tmp_path: Path) -> None:
    recordings = tmp_path / "rec"
    model = Model()
    target = recording_path(recordings, FILE)
    target.parent.mkdir(parents=True)
    target.write_text("<<<<<<< HEAD\n", encoding="utf-8")

    with pytest.raises(CacheError, match=r"support\.eval\.yaml\.jsonl:1: a merge conflict is not resolved"):
        fetch(path, model, "a", recordings=recordings)

    async def other(cache: ResponseCache) -> Response:
        return await cache.fetch(ask("a", file="other.eval.yaml"), model.call("a"))

    assert with_cache(path, other, recordings=recordings).text == "answer to a"
    assert model.asked == ["a"]


def test_refreshing_reads_no_recordings(path: Path, tmp_path: Path) -> None:
    recordings = tmp_path / "rec"
    write_recording(recording_path(recordings, FILE), [make_entry("a", "recorded")])

    assert fetch(path, Model(), "a", recordings=recordings)[0].text == "recorded"
    assert fetch(path, Model(), "a", mode="refresh", recordings=recordings)[0].text == "answer to a"


def test_a_response_that_is_shared_is_recorded_for_both_files(path: Path, tmp_path: Path) -> None:
    model = Model(SLOW)
    recordings = tmp_path / "rec"
    files = ("a.eval.yaml", "b.eval.yaml", "a.eval.yaml")

    async def work(cache: ResponseCache) -> None:
        await asyncio.gather(*(cache.fetch(ask("a", file=file), model.call("a")) for file in files))

    with_cache(path, work, recordings=recordings)
    write_recordings(recordings, path, "s1")

    assert model.asked == ["a"]
    for file in files:
        assert list(read_recording(recording_path(recordings, file))) == [ask("a").key]


def test_many_uses_are_noted_while_the_run_goes_on(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_USES_SECONDS", 3600)
    texts = [str(number) for number in range(1200)]
    recordings = tmp_path / "rec"
    write_recording(recording_path(recordings, FILE), [make_entry(text) for text in texts])
    write_recording(recording_path(recordings, "b.eval.yaml"), [make_entry("0")])
    open_database(path, 1).connection.close()

    def noted() -> int:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return int(connection.execute("SELECT count(*) FROM uses").fetchone()[0])

    async def work(cache: ResponseCache) -> None:
        await asyncio.gather(*(cache.fetch(ask(text), Model().call(text)) for text in texts))
        await until(lambda: noted() == 1200)
        monkeypatch.setattr(keeper, "_USES_SECONDS", 0.01)
        await cache.fetch(ask("0", file="b.eval.yaml"), Model().call("0"))
        assert noted() == 1200
        await until(lambda: noted() == 1201)

    with_cache(path, work, recordings=recordings)


def test_an_error_that_is_no_error_of_a_provider_goes_through(path: Path) -> None:
    async def work(cache: ResponseCache) -> None:
        with pytest.raises(ZeroDivisionError):
            await cache.fetch(ask("a"), Model().call("a", ZeroDivisionError()))
        with pytest.raises(ProviderError):
            await cache.fetch(ask("a"), Model().call("a", ProviderError("no")))

    with_cache(path, work)
    assert claimed(path) == 0


def test_responses_that_are_too_long_together_are_read_one_by_one(path: Path) -> None:
    with contextlib.closing(open_database(path, 0.1).connection) as connection:
        entries = [make_entry(text, text * 600) for text in ("a", "b")]
        save_entries(connection, "s1", entries)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1000)

        found = find_responses(connection, [entry.key for entry in entries], None)

    assert found == {entry.key: entry.response for entry in entries}
