"""``promptevals cache``, but for the recordings that nobody uses."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_promptevals.cache import store
from pytest_promptevals.cache.database import open_database
from pytest_promptevals.cache.entries import Entry
from pytest_promptevals.cache.recordings import recording_path, write_recording
from pytest_promptevals.cli import main
from pytest_promptevals.cli.project import find_project
from tests.support.wide_terminal import WIDE
from tests.unit.cache.asking import FILE, make_entry

CACHE = Path(".promptevals/cache.db")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project that commands run in."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("PROMPTEVALS_CACHE_FILE", "PROMPTEVALS_RECORDINGS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def fill(path: Path = CACHE, *texts: str, stored_at: int | None = None, **changes: Any) -> None:
    entries = [make_entry(text, **changes) for text in texts]
    with contextlib.closing(open_database(path, 1).connection) as connection:
        store.save_entries(connection, "s1", entries)
        for entry in entries if stored_at is not None else ():
            connection.execute("UPDATE responses SET stored_at = ? WHERE key = ?", (stored_at, entry.key))


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(main, ["cache", *arguments], env=WIDE if status else None)
    assert result.exit_code == status, result.output
    return result.output


def test_stats_say_what_there_is() -> None:
    fill(CACHE, "a", "b", stored_at=1_790_000_000)
    fill(CACHE, "c", "d", stored_at=1_790_090_000, cost=None, latency=0.75)
    with contextlib.closing(open_database(CACHE, 1).connection) as connection:
        request = make_entry("e").request.replace("gpt-5-mini", "gpt-9")
        store.save_entries(connection, "s1", [Entry("x" * 32, request, '{"text":""}')])
        connection.execute("UPDATE responses SET stored_at = 1790000001 WHERE session = 's1' AND key LIKE 'x%'")
    write_recording(recording_path(Path("rec"), FILE), [make_entry("a")])
    size = CACHE.stat().st_size / 1e6

    assert run("stats", "--recordings", "rec").splitlines() == [
        f"response cache {CACHE}: 5 responses, {size:.1f} MB, stored from 2026-09-21 to 2026-09-22",
        "model                responses                 cost    seconds",
        "-----------------  -----------  -------------------  ---------",
        "openai/gpt-5-mini            4  $0.0020 + 2 unknown          2",
        "openai/gpt-9                 1              unknown          0",
        "recordings rec: 1 response in 1 file, 0.0 MB",
    ]


def test_stats_of_nothing() -> None:
    assert run("stats") == f"response cache {CACHE}: there is none yet\n"
    fill()
    assert run("stats") == f"response cache {CACHE}: 0 responses, 0.0 MB\n"


def test_an_export_is_imported_elsewhere() -> None:
    fill(CACHE, "a", "b")

    assert run("export", "out.jsonl") == f"2 responses of {CACHE} written to out.jsonl\n"
    assert run("import", "out.jsonl", "--cache", "new.db") == "new.db: 2 added, 0 replaced, 0 kept as they were\n"
    assert run("import", "out.jsonl", "--cache", "new.db") == "new.db: 0 added, 0 replaced, 2 kept as they were\n"
    assert run("import", "out.jsonl", "--cache", "new.db", "--replace") == (
        "new.db: 0 added, 2 replaced, 0 kept as they were\n"
    )


def test_the_caches_of_other_machines_are_imported_and_stay_as_they_are() -> None:
    fill(Path("one.db"), "a", "b")
    fill(Path("two.db"), "b", "c")
    before = Path("one.db").read_bytes()

    assert run("import", "one.db", "two.db") == f"{CACHE}: 3 added, 0 replaced, 1 kept as they were\n"
    assert run("export", "out.jsonl") == f"3 responses of {CACHE} written to out.jsonl\n"
    assert Path("one.db").read_bytes() == before
    assert not Path("one.db-wal").exists()


def test_of_a_folder_all_caches_in_it_and_below_are_imported() -> None:
    for number, text in enumerate("abc"):
        place = Path("jobs", *(["deep"] * number), "cache.db")
        place.parent.mkdir(exist_ok=True)
        fill(place, text)
    write_recording(recording_path(Path("jobs"), FILE), [make_entry("d")])
    fill(Path("one.db"), "a", "e")

    assert run("import", "jobs", "one.db") == f"{CACHE}: 4 added, 0 replaced, 1 kept as they were\n"


def test_a_folder_without_a_cache_is_no_mistake_and_makes_none() -> None:
    """Jobs that ask no model leave none: what follows them in a script is to go on."""
    Path("jobs").mkdir()

    assert run("import", "jobs") == "jobs: no cache.db in this folder or below it, so there is nothing to import\n"
    assert not CACHE.exists()
    fill(CACHE, "a")
    fill(Path("one.db"), "b")
    assert run("import", "jobs", "one.db").splitlines() == [
        "jobs: no cache.db in this folder or below it, so there is nothing to import",
        f"{CACHE}: 1 added, 0 replaced, 0 kept as they were",
    ]


def test_a_database_that_is_no_cache_is_named(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect("other.db")) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    Path("cut.db").write_bytes(Path("other.db").read_bytes()[:200])

    assert run("import", "other.db", status=1) == (
        "Error: response cache other.db holds tables of something else (songs); name another file with "
        "'evals_cache_file'\n"
    )
    assert run("import", "cut.db", status=1).startswith("Error: response cache cut.db: ")


def test_what_is_wrong_is_said_without_a_traceback(folder: Path) -> None:
    Path("in.jsonl").write_text("{}\n", encoding="utf-8")

    assert run("import", "in.jsonl", status=1) == (
        "Error: in.jsonl:1: no recorded response with 'key', 'request' and 'response', but '{}'; nothing was imported; "
        "correct or delete the line\n"
    )
    assert run("export", "out.jsonl", status=1) == (
        f"Error: there is no response cache {folder / CACHE}; name its file with --cache\n"
    )


def test_the_cache_is_pruned_by_age_size_or_altogether() -> None:
    fill(CACHE, "a", "b", stored_at=1_700_000_000)
    fill(CACHE, "c")

    assert run("prune", "--older-than", "100000") == f"0 responses removed from {CACHE}\n"
    assert run("prune", "--older-than", "30", "--max-size", "1") == f"2 responses removed from {CACHE}\n"
    assert run("prune", "--max-size", "0.0001") == f"1 response removed from {CACHE}\n"
    fill(CACHE, "a", "b")
    assert run("prune", "--all") == f"2 responses removed from {CACHE}\n"


def test_without_recordings_prune_asks_what_to_remove() -> None:
    assert run("prune", status=2).splitlines()[-1] == (
        "Error: there are no recordings; say what to remove from the cache: --older-than DAYS, --max-size MB or --all"
    )


def test_the_places_are_those_of_the_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "pytest.ini").write_text("[pytest]\nevals_cache_file = kept/a.db\nevals_recordings = rec\n", "utf-8")
    fill(folder / "kept" / "a.db", "a")
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")

    assert "kept/a.db: 1 response," in run("stats")
    assert "recordings " in run("stats")
    assert run("stats", "--cache", "b.db", "--recordings", "r").splitlines() == [
        "response cache b.db: there is none yet",
        "recordings r: 0 responses in 0 files, 0.0 MB",
    ]
    monkeypatch.setenv("PROMPTEVALS_CACHE_FILE", "c.db")
    assert "c.db: there is none yet" in run("stats")
    monkeypatch.setenv("PROMPTEVALS_CACHE_FILE", "sqlite://")
    assert "Error: PROMPTEVALS_CACHE_FILE: 'sqlite://…' names no file" in run("stats", status=2)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.toml", "[pytest]\nevals_recordings = 'rec'"),
        (".pytest.toml", "[pytest]\nevals_recordings = 'rec'"),
        ("pytest.ini", "[pytest]\nevals_recordings = rec"),
        (".pytest.ini", "[pytest]\nevals_recordings = rec"),
        ("pyproject.toml", "[tool.pytest.ini_options]\nevals_recordings = 'rec'"),
        ("pyproject.toml", "[tool.pytest]\nevals_recordings = 'rec'"),
        ("tox.ini", "[pytest]\nevals_recordings = rec"),
        ("setup.cfg", "[tool:pytest]\nevals_recordings = rec"),
    ],
)
def test_every_ini_file_of_pytest_is_read(tmp_path: Path, name: str, text: str) -> None:
    folder = tmp_path / "project"
    (folder / "sub").mkdir(parents=True)
    (folder / name).write_text(text, encoding="utf-8")

    project = find_project(folder / "sub")

    assert project.rootdir == folder
    assert project.resolve({"recordings": None}).recordings == "rec"


def test_ini_files_of_others_are_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / "sub").mkdir(parents=True)
    for name in ("tox.ini", "setup.cfg"):
        (folder / "sub" / name).write_text("[other]\na = 1", encoding="utf-8")
    assert find_project(folder / "sub").rootdir == tmp_path  # by the pytest.ini of these tests

    (tmp_path / "pytest.ini").unlink()
    assert find_project(folder / "sub").rootdir == folder / "sub"
    (folder / "pyproject.toml").write_text("[project]\nname = 'a'", encoding="utf-8")
    assert find_project(folder / "sub").rootdir == folder
    (folder / "sub" / "pytest.toml").write_text("", encoding="utf-8")
    assert find_project(folder / "sub").rootdir == folder / "sub"
    (folder / "pytest.ini").write_text("", encoding="utf-8")
    assert find_project(folder).rootdir == folder


@pytest.mark.parametrize(
    ("name", "text"), [("pyproject.toml", "[tool"), ("tox.ini", "nonsense"), ("setup.cfg", "\xff")]
)
def test_an_ini_file_that_cannot_be_read_is_named(folder: Path, name: str, text: str) -> None:
    (folder / "pytest.ini").unlink()
    (folder / name).write_bytes(text.encode("latin-1"))

    assert run("stats", status=1).startswith(f"Error: {folder / name}")


def test_a_command_that_there_is_not_is_an_error() -> None:
    result = CliRunner().invoke(main, ["nonsense"])

    assert result.exit_code == 2
    assert "No such command 'nonsense'" in result.output
