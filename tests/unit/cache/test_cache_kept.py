from __future__ import annotations

from pathlib import Path

from pytest_promptevals.cache.kept import find_kept
from pytest_promptevals.cache.recordings import recording_path, write_recording
from pytest_promptevals.cache.responses import ResponseCache
from tests.unit.cache.asking import FILE, Model, ask, make_entry, with_cache


def wanted(*texts: str, file: str = FILE) -> dict[str, str]:
    return {ask(text).key: file for text in texts}


def fill(path: Path, *texts: str) -> None:
    async def work(cache: ResponseCache) -> None:
        for text in texts:
            await cache.fetch(ask(text), Model().call(text))

    with_cache(path, work)


def test_what_is_stored_or_recorded_for_that_file_is_kept(tmp_path: Path) -> None:
    path, recordings = tmp_path / "cache.db", tmp_path / "rec"
    fill(path, "stored", "both")
    write_recording(recording_path(recordings, FILE), [make_entry("recorded"), make_entry("both")])
    write_recording(recording_path(recordings, "other.eval.yaml"), [make_entry("elsewhere")])

    kept = find_kept(path, recordings, wanted("stored", "recorded", "both", "elsewhere", "new"))

    assert kept == wanted("stored", "recorded", "both").keys()
    assert find_kept(path, None, wanted("stored", "recorded")) == wanted("stored").keys()


def test_many_are_looked_up(tmp_path: Path) -> None:
    texts = [str(number) for number in range(1100)]
    fill(tmp_path / "cache.db", texts[0], texts[501], texts[1099])

    kept = find_kept(tmp_path / "cache.db", None, wanted(*texts))

    assert kept == wanted(texts[0], texts[501], texts[1099]).keys()


def test_looking_makes_nothing(tmp_path: Path) -> None:
    assert find_kept(tmp_path / "x" / "cache.db", tmp_path / "rec", wanted("a")) == frozenset()
    assert list(tmp_path.iterdir()) == []


def test_what_is_damaged_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "cache.db").write_bytes(b"nonsense" * 1000)
    path = recording_path(tmp_path / "rec", FILE)
    path.parent.mkdir(parents=True)
    path.write_text("<<<<<<< HEAD\n", encoding="utf-8")

    assert find_kept(tmp_path / "cache.db", tmp_path / "rec", wanted("a")) == frozenset()
