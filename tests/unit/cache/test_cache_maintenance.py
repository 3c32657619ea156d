from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

import pytest

from pytest_promptevals.cache import maintenance, store
from pytest_promptevals.cache.database import open_database
from pytest_promptevals.cache.entries import Entry
from pytest_promptevals.cache.maintenance import ImportCount, ModelStatistics
from pytest_promptevals.cache.recordings import recording_path, write_recording
from pytest_promptevals.errors import CacheError
from tests.unit.cache.asking import FILE, make_entry

DAY = 24 * 3600


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


def fill(path: Path, *entries: Entry, days_ago: float = 0) -> None:
    with contextlib.closing(open_database(path, 1).connection) as connection:
        store.save_entries(connection, "s1", entries)
        for entry in entries:
            connection.execute(
                "UPDATE responses SET stored_at = ? WHERE key = ?", (int(time.time() - days_ago * DAY), entry.key)
            )


def keys(path: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {key for (key,) in connection.execute("SELECT key FROM responses")}


def test_statistics_add_up_by_model(path: Path) -> None:
    fill(path, make_entry("a"), make_entry("b", cost=None, latency=None), days_ago=2)
    other = Entry("k" * 32, '{"model":"m","provider":"acme"}', '{"text":"a"}')
    fill(path, other, Entry("n" * 32, "{}", '{"text":"a"}'))

    statistics = maintenance.read_statistics(path)

    assert statistics.models == (
        ModelStatistics("unknown", 1, 0.0, 1, 0.0),
        ModelStatistics("acme/m", 1, 0.0, 1, 0.0),
        ModelStatistics("openai/gpt-5-mini", 2, 0.001, 1, 0.25),
    )
    assert statistics.newest is not None
    assert statistics.oldest is not None
    assert statistics.newest - statistics.oldest == pytest.approx(2 * DAY, abs=5)
    assert statistics.size == path.stat().st_size


def test_an_empty_cache_has_no_dates(path: Path) -> None:
    fill(path)

    statistics = maintenance.read_statistics(path)

    assert (statistics.models, statistics.oldest, statistics.newest) == ((), None, None)


def test_what_is_not_there_is_not_made(path: Path) -> None:
    with pytest.raises(CacheError) as caught:
        maintenance.read_statistics(path)

    assert str(caught.value) == f"there is no response cache {path}; name its file with --cache"
    assert not path.exists()


def test_a_damaged_cache_is_named_and_left_alone(path: Path) -> None:
    path.write_bytes(b"nonsense" * 1000)

    with pytest.raises(CacheError, match="cache.db: file is not a database"):
        maintenance.read_statistics(path)

    assert path.read_bytes() == b"nonsense" * 1000


def test_recordings_are_counted(tmp_path: Path) -> None:
    first, second = recording_path(tmp_path, FILE), recording_path(tmp_path, "b.eval.yaml")
    write_recording(first, [make_entry("a"), make_entry("b")])
    write_recording(second, [make_entry("a")])

    count = maintenance.count_recordings(tmp_path)

    assert (count.files, count.responses, count.size) == (2, 3, first.stat().st_size + second.stat().st_size)


def test_an_export_is_sorted_and_can_be_imported_elsewhere(path: Path, tmp_path: Path) -> None:
    entries = [make_entry("a"), make_entry("b", "\ud800 Größe"), make_entry("c")]
    fill(path, *entries)
    target = tmp_path / "out.jsonl"

    assert maintenance.export_entries(path, target) == 3

    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines == sorted(entry.to_line() for entry in entries)
    other = tmp_path / "other.db"
    assert maintenance.import_entries(other, target, replace=False) == ImportCount(3, 0, 0)
    maintenance.export_entries(other, tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == target.read_bytes()


def test_an_export_that_cannot_be_written_is_an_error(path: Path, tmp_path: Path) -> None:
    fill(path)

    with pytest.raises(CacheError) as caught:
        maintenance.export_entries(path, tmp_path / "nowhere" / "out.jsonl")

    assert str(caught.value) == (
        f"{tmp_path / 'nowhere' / 'out.jsonl'} cannot be written: No such file or directory; name another file"
    )


@pytest.mark.parametrize(
    ("replace", "count", "answer"),
    [(False, ImportCount(1, 0, 1), "old"), (True, ImportCount(1, 1, 0), "new")],
    ids=["kept", "replaced"],
)
def test_what_is_there_is_kept_unless_it_is_to_be_replaced(
    path: Path, tmp_path: Path, *, replace: bool, count: ImportCount, answer: str
) -> None:
    fill(path, make_entry("a", "old"))
    source = tmp_path / "in.jsonl"
    write_recording(source, [make_entry("a", "new"), make_entry("b")])

    assert maintenance.import_entries(path, source, replace=replace) == count

    maintenance.export_entries(path, tmp_path / "out.jsonl")
    assert make_entry("a", answer).to_line() in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert keys(path) == {make_entry("a").key, make_entry("b").key}


def test_one_bad_line_and_nothing_is_imported(path: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    changed = make_entry("b").to_line().replace('"b"', '"c"')
    source.write_text(f"{make_entry('a').to_line()}\n\n{changed}\n", encoding="utf-8")

    with pytest.raises(CacheError) as caught:
        maintenance.import_entries(path, source, replace=False)

    old, new = make_entry("b").key, make_entry("c").key
    assert str(caught.value) == (
        f"{source}:3: key {old!r} is not that of the request, which is {new!r}; nothing was imported; correct or "
        "delete the line"
    )
    assert not path.exists()


def test_a_response_is_checked_before_it_is_imported(path: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(make_entry("a").to_line().replace('"cost"', '"costs"'), encoding="utf-8")

    with pytest.raises(CacheError, match="unknown field 'costs'"):
        maintenance.import_entries(path, source, replace=False)


def test_old_responses_are_removed(path: Path) -> None:
    fill(path, make_entry("a"), days_ago=3)
    fill(path, make_entry("b"), days_ago=1)

    assert maintenance.remove_old(path, 2) == 1
    assert keys(path) == {make_entry("b").key}
    assert maintenance.remove_old(path, 2) == 0


def test_the_oldest_are_removed_until_the_others_fit(path: Path) -> None:
    for days, text in enumerate("abcdefgh"):
        fill(path, make_entry(text, text * 100_000), days_ago=days)

    assert maintenance.remove_above(path, 350_000) == 5

    assert keys(path) == {make_entry(text).key for text in "abc"}
    assert path.stat().st_size < 350_000
    assert maintenance.remove_above(path, 350_000) == 0


def test_all_are_removed_and_the_room_is_given_back(path: Path) -> None:
    fill(path, *(make_entry(text, text * 100_000) for text in "abcdefgh"))

    assert maintenance.remove_all(path) == 8

    assert keys(path) == set()
    assert path.stat().st_size < 50_000


def test_room_that_another_process_holds_is_not_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "LOCK_SECONDS", 0.05)
    fill(path, make_entry("a"))
    with contextlib.closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM responses").fetchone()

        assert maintenance.remove_all(path) == 1


def test_a_cache_that_is_locked_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "LOCK_SECONDS", 0.05)
    fill(path, make_entry("a"))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")

        with pytest.raises(CacheError) as caught:
            maintenance.remove_all(path)

    assert str(caught.value) == (f"response cache {path}: another process keeps it locked; wait until that one is done")
