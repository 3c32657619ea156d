from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest

from pytest_promptevals.cache import store
from pytest_promptevals.cache.database import open_database
from pytest_promptevals.cache.recordings import (
    LISTING,
    Recordings,
    find_unused,
    read_recording,
    recording_path,
    remove_unused,
    take_uses,
    write_recording,
    write_recordings,
)
from pytest_promptevals.cache.responses import ResponseCache
from pytest_promptevals.errors import CacheError
from tests.unit.cache.asking import FILE, Model, ask, make_entry, with_cache

ADVICE = "take either side, or delete the line and have the response recorded anew with 'pytest --evals-cache use'"


def use(path: Path, *texts: str, file: str = FILE, session: str = "s1", mode: str = "use", **changes: str) -> list[str]:
    """Fetch that in a run of its own which records; return what was called for."""
    model = Model()

    async def work(cache: ResponseCache) -> None:
        for text in texts:
            await cache.fetch(ask(text, file=file), model.call(text + changes.get("answer", "")))

    with_cache(path / "cache.db", work, mode=mode, recordings=path / "rec", session=session)
    return model.asked


def record(path: Path, session: str = "s1") -> list[str]:
    return write_recordings(path / "rec", path / "cache.db", session)


def recorded(path: Path, file: str = FILE) -> list[str]:
    return sorted(entry.key for entry in read_recording(recording_path(path / "rec", file)).values())


def keys(*texts: str) -> list[str]:
    return sorted(ask(text).key for text in texts)


def error_of(path: Path) -> str:
    with pytest.raises(CacheError) as caught:
        read_recording(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("evals/a.eval.yaml", "evals/a.eval.yaml.jsonl"),
        ("tests/test_a.py::test_b", "tests/test_a.py-test_b.jsonl"),
        ("", "_unknown.jsonl"),
        ("/home/ada/a.eval.yaml", "_outside/home/ada/a.eval.yaml.jsonl"),
        ("../../a.eval.yaml", "_outside/a.eval.yaml.jsonl"),
        ("C:\\a.eval.yaml", "C--a.eval.yaml.jsonl"),
        ("\udcff.eval.yaml", "?.eval.yaml.jsonl"),
    ],
)
def test_the_name_of_an_eval_file_gives_that_of_its_recordings_and_never_leads_out(file: str, name: str) -> None:
    assert recording_path(Path("/rec"), file) == Path("/rec") / name


def test_what_a_run_used_is_recorded_by_eval_file_whoever_paid_for_it(tmp_path: Path) -> None:
    use(tmp_path, "a", "b", session="earlier")
    use(tmp_path, "b", "c")
    use(tmp_path, "d", file="evals/other.eval.yaml")

    assert record(tmp_path) == []

    assert recorded(tmp_path) == keys("b", "c")
    assert recorded(tmp_path, "evals/other.eval.yaml") == keys("d")


def test_the_name_of_a_file_may_hold_any_bytes(tmp_path: Path) -> None:
    file = "\udcff.eval.yaml"
    use(tmp_path, "a", file=file)

    assert record(tmp_path) == []
    assert recorded(tmp_path, file) == keys("a")


def test_what_is_recorded_needs_no_call_and_no_database(tmp_path: Path) -> None:
    use(tmp_path, "a")
    record(tmp_path)
    (tmp_path / "cache.db").unlink()

    assert use(tmp_path, "a", mode="replay", session="s2") == []


def test_recordings_are_not_kept_without_being_asked_for(tmp_path: Path) -> None:
    async def work(cache: ResponseCache) -> None:
        await cache.fetch(ask("a"), Model().call("a"))

    with_cache(tmp_path / "cache.db", work)

    assert record(tmp_path) == []
    assert not (tmp_path / "rec").exists()


def test_a_refreshed_response_takes_the_place_of_the_recorded_one(tmp_path: Path) -> None:
    use(tmp_path, "a", "b")
    record(tmp_path)

    assert use(tmp_path, "a", mode="refresh", session="s2", answer=" again") == ["a again"]
    record(tmp_path, "s2")

    entries = read_recording(recording_path(tmp_path / "rec", FILE))
    assert '"answer to a again"' in entries[ask("a").key].response
    assert '"answer to b"' in entries[ask("b").key].response


def test_a_recorded_response_stays_whatever_the_cache_has(tmp_path: Path) -> None:
    use(tmp_path, "a")
    record(tmp_path)
    before = recording_path(tmp_path / "rec", FILE).read_bytes()
    with contextlib.closing(open_database(tmp_path / "cache.db", 1).connection) as connection:
        store.save_entries(connection, "elsewhere", [make_entry("a", "another answer")])

    use(tmp_path, "a", session="s2")
    record(tmp_path, "s2")

    assert recording_path(tmp_path / "rec", FILE).read_bytes() == before


def test_a_file_whose_bytes_would_not_change_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    assert write_recording(path, [make_entry("a"), make_entry("b")])
    before = path.stat()

    assert not write_recording(path, [make_entry("b"), make_entry("a")])
    assert path.stat() == before
    assert write_recording(path, [make_entry("b")])


def test_a_file_of_which_nothing_is_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_recording(path, [make_entry("a")])

    assert write_recording(path, [])
    assert not path.exists()
    assert not write_recording(path, [])


def test_recordings_are_lines_of_text_sorted_by_key(tmp_path: Path) -> None:
    path = tmp_path / "rec" / "a.jsonl"
    entries = [make_entry(text) for text in ("a", "b", "Größe")]

    write_recording(path, entries)

    lines = path.read_bytes().decode("utf-8").split("\n")
    assert lines == [*sorted(entry.to_line() for entry in entries), ""]
    assert "Größe" in path.read_text(encoding="utf-8")


def test_line_ends_of_windows_are_no_change(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_recording(path, [make_entry("a")])
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert not write_recording(path, [make_entry("a")])


def test_a_damaged_line_is_named_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rec" / "a.jsonl"
    write_recording(path, [make_entry("a")])
    text = path.read_text(encoding="utf-8")

    path.write_text(f"{text}\n=======\n", encoding="utf-8")
    assert error_of(path) == f"recordings rec/a.jsonl:3: a merge conflict is not resolved: '======='; {ADVICE}"

    path.write_text(text + text, encoding="utf-8")
    assert error_of(path) == (
        f"recordings rec/a.jsonl:2: key {ask('a').key!r} stands twice, first in line 1; remove one of the two lines"
    )

    path.write_bytes(b"\xff")
    assert error_of(path) == "recordings rec/a.jsonl:1: byte 0xFF is not UTF-8; save the file as UTF-8"


def test_a_response_of_another_version_is_named_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = recording_path(tmp_path, FILE)
    write_recording(path, [make_entry("a"), make_entry("b")])
    path.write_text(path.read_text(encoding="utf-8").replace('"cost"', '"costs"'), encoding="utf-8")
    number = 1 + keys("a", "b").index(ask("a").key)

    with pytest.raises(CacheError) as caught:
        Recordings(tmp_path).find(FILE, ask("a").key)

    assert str(caught.value) == f"recordings {FILE}.jsonl:{number}: Response: unknown field 'costs'; {ADVICE}"


def test_a_damaged_file_is_read_once_and_named_to_all_who_ask(tmp_path: Path) -> None:
    path = recording_path(tmp_path, FILE)
    path.parent.mkdir(parents=True)
    path.write_text("<<<<<<< HEAD\n", encoding="utf-8")
    recordings = Recordings(tmp_path)
    errors = []

    for text in ("a", "b"):
        with pytest.raises(CacheError, match="merge conflict") as caught:
            recordings.find(FILE, ask(text).key)
        errors.append(caught.value)
        path.unlink(missing_ok=True)

    assert errors[0] is not errors[1]


def test_a_file_that_cannot_be_read_is_no_missing_one(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").mkdir()

    assert error_of(tmp_path / "a.jsonl").endswith("a.jsonl: is a folder; name a file inside of it")
    assert error_of(tmp_path / ("x" * 300)).endswith("cannot be read: File name too long; check its permissions")
    with pytest.raises(CacheError) as caught:
        write_recording(tmp_path / "a.jsonl", [make_entry()])
    assert str(caught.value) == (
        f"recordings {tmp_path / 'a.jsonl'} cannot be written: Is a directory; check the permissions"
    )


def test_damaged_recordings_are_left_as_they_are_and_named(tmp_path: Path) -> None:
    use(tmp_path, "a")
    use(tmp_path, "b", file="other.eval.yaml")
    path = recording_path(tmp_path / "rec", FILE)
    path.parent.mkdir(parents=True)
    path.write_text("<<<<<<< HEAD\n", encoding="utf-8")

    (notice,) = record(tmp_path)

    assert notice == (
        f"nothing was recorded there: recordings {path}:1: a merge conflict is not resolved: '<<<<<<< HEAD'; {ADVICE}"
    )
    assert path.read_text(encoding="utf-8") == "<<<<<<< HEAD\n"
    assert recorded(tmp_path, "other.eval.yaml") == keys("b")
    path.unlink()
    assert record(tmp_path) == []
    assert recorded(tmp_path) == keys("a")


def test_what_was_used_is_forgotten_once_it_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(tmp_path, "a")
    use(tmp_path, "b", session="crashed")
    use(tmp_path, "c", session="at work")
    with contextlib.closing(sqlite3.connect(tmp_path / "cache.db")) as connection, connection:
        connection.execute("UPDATE uses SET noted_at = noted_at - ? WHERE session = 'crashed'", (store.KEEP_USES + 10,))

    record(tmp_path)

    with contextlib.closing(sqlite3.connect(tmp_path / "cache.db")) as connection:
        assert connection.execute("SELECT session FROM uses").fetchall() == [("at work",)]


def test_without_a_database_nothing_is_recorded_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "cache.db").mkdir()
    reason = "it cannot be opened; check the permissions of the file and its folder"
    assert record(tmp_path) == [f"nothing was recorded: response cache {tmp_path / 'cache.db'}: {reason}"]

    (tmp_path / "cache.db").rmdir()
    (tmp_path / "cache.db").write_bytes(b"nonsense" * 1000)
    assert record(tmp_path) == [f"nothing was recorded: response cache {tmp_path / 'cache.db'}: file is not a database"]


def test_a_database_that_fails_on_the_way_is_named(tmp_path: Path) -> None:
    use(tmp_path, "a")
    with contextlib.closing(sqlite3.connect(tmp_path / "cache.db")) as connection:
        connection.execute("ALTER TABLE responses RENAME COLUMN response TO other")

    assert record(tmp_path) == [
        f"not all was recorded: response cache {tmp_path / 'cache.db'}: no such column: response"
    ]


def test_a_session_that_only_lists_records_nothing_and_tells_what_it_used(tmp_path: Path) -> None:
    use(tmp_path, "a", session="earlier")
    session = f"{LISTING}1"
    with pytest.raises(Exception, match="no kept response"):
        use(tmp_path, "a", "b", session=session, mode="replay")

    assert record(tmp_path, session) == []
    assert not (tmp_path / "rec").exists()
    assert sorted(take_uses(tmp_path / "cache.db", session)) == sorted(
        [store.Use(FILE, ask("a").key, is_missing=False), store.Use(FILE, ask("b").key, is_missing=True)]
    )
    assert take_uses(tmp_path / "cache.db", session) == []


def test_uses_of_a_damaged_cache_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "cache.db").write_bytes(b"nonsense" * 1000)

    with pytest.raises(CacheError, match="file is not a database"):
        take_uses(tmp_path / "cache.db", "s1")


def write(path: Path, file: str, texts: Iterable[str]) -> Path:
    target = recording_path(path / "rec", file)
    write_recording(target, [make_entry(text) for text in texts])
    return target


def test_unused_entries_are_found_and_can_be_removed(tmp_path: Path) -> None:
    path = write(tmp_path, FILE, ["a", "b", "c"])
    write(tmp_path, "used.eval.yaml", ["d"])

    (unused,) = find_unused(tmp_path / "rec", {FILE: [ask("b").key, "other"], "used.eval.yaml": keys("d")})

    assert (unused.path, unused.name, unused.total) == (path, f"{FILE}.jsonl", 3)
    assert list(unused.keys) == keys("a", "c")
    assert not unused.is_stale
    remove_unused(unused)
    assert recorded(tmp_path) == keys("b")


def test_recordings_without_their_eval_file_are_stale(tmp_path: Path) -> None:
    files = [
        "here.eval.yaml",
        "gone.eval.yaml",
        "test_here.py::test_a",
        "test_gone.py::test_a",
        "",
        "/outside.eval.yaml",
    ]
    for number, file in enumerate([*files, "virtual.eval.yaml"]):
        write(tmp_path, file, [f"{number}"])
    for name in ("here.eval.yaml", "test_here.py"):
        (tmp_path / name).write_text("", encoding="utf-8")

    found = find_unused(tmp_path / "rec", {"virtual.eval.yaml": []}, tmp_path)

    assert len(found) == 7
    assert [unused.name for unused in found if unused.is_stale] == ["gone.eval.yaml.jsonl", "test_gone.py-test_a.jsonl"]
    assert not any(unused.is_stale for unused in find_unused(tmp_path / "rec", {}))
