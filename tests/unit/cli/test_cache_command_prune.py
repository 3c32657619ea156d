"""``promptevals cache prune``: recordings that nobody uses, found by running the evals without calling a model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_promptevals.cache.recordings import read_recording, recording_path, write_recording
from pytest_promptevals.cache.store import Use
from pytest_promptevals.cli import main
from pytest_promptevals.cli.replay import Replay
from tests.support.wide_terminal import WIDE
from tests.unit.cache.asking import ask, make_entry

# Stands in for the engine: it notes the uses of a file as the response cache does.
CONFTEST = """
import contextlib, json, os
from pathlib import Path
from pytest_promptevals.cache import store
from pytest_promptevals.cache.database import open_database

def pytest_sessionfinish(session):
    path = Path(session.config.getoption("--evals-cache-file"))
    uses = [store.Use(*use) for use in json.loads(Path("uses.json").read_text())]
    with contextlib.closing(open_database(path, 1).connection) as connection:
        store.note_uses(connection, os.environ["PROMPTEVALS_SESSION"], uses)
    options = [session.config.option.maxfail, session.config.getoption("--evals-cache")]
    Path("options.json").write_text(json.dumps(options))
"""
EVAL_FILE = """
model: scripted/m
providers: {scripted: {script: [{match: "", reply: "yes"}]}}
judges: [{contains: "yes"}]
cases:
  - {id: one, input: hi}
  - {id: two, input: ho}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with recordings of three responses of an eval file, whose evals use the first."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nevals_recordings = rec\naddopts = -x -k nothing -p no:randomly\n", encoding="utf-8"
    )
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "test_plain.py").write_text("def test_plain(): raise SystemExit('is not run')\n", encoding="utf-8")
    write_eval_file("a.eval.yaml")
    record("a.eval.yaml", "used", "unused", "old")
    note_uses(("a.eval.yaml", "used", False))
    return tmp_path


def write_eval_file(name: str, **changes: str) -> None:
    text = EVAL_FILE
    for old, new in changes.items():
        text = text.replace(f"id: {old}", f"id: {old}, {new}")
    Path(name).write_text(text, encoding="utf-8")


def record(file: str, *texts: str) -> None:
    write_recording(recording_path(Path("rec"), file), [make_entry(text) for text in texts])


def note_uses(*uses: tuple[str, str, bool]) -> None:
    lines = [(file, ask(text).key, is_missing) for file, text, is_missing in uses]
    Path("uses.json").write_text(json.dumps(lines), encoding="utf-8")


def left(file: str) -> set[str]:
    return set(read_recording(recording_path(Path("rec"), file)))


def keys(*texts: str) -> set[str]:
    return {ask(text).key for text in texts}


def prune(*arguments: str, status: int = 0) -> list[str]:
    result = CliRunner().invoke(main, ["cache", "prune", *arguments], env=WIDE if status else None)
    assert result.exit_code == status, result.output
    return result.output.splitlines()


def replayed(monkeypatch: pytest.MonkeyPatch, *uses: tuple[str, str, bool], unfinished: Sequence[str] = ()) -> None:
    """Say what a run of the evals used, without a run."""
    replay = Replay([Use(file, ask(text).key, is_missing) for file, text, is_missing in uses], unfinished)
    monkeypatch.setattr("pytest_promptevals.cli.cache.replay_evals", lambda *_: replay)


@pytest.mark.usefixtures("folder")
def test_pytest_runs_all_evals_and_nothing_else_whatever_the_project_says() -> None:
    assert prune() == [
        "a.eval.yaml.jsonl: 2 of 3 responses not used",
        "nothing was deleted; --yes deletes 2 responses",
    ]
    assert json.loads(Path("options.json").read_text("utf-8")) == [0, "replay"]


@pytest.mark.usefixtures("folder")
def test_files_with_cases_that_were_not_run_are_left_alone() -> None:
    """One by a skip, one by an error; an expected failure was run."""
    write_eval_file("a.eval.yaml", one="skip: later")
    write_eval_file("b.eval.yaml", one="judges: [{python: 'broken:judge'}]")
    write_eval_file("c.eval.yaml", one="xfail: known, expected: x, judges: [exact]")
    Path("broken.py").write_text("def judge(output):\n    raise ValueError('no')\n", encoding="utf-8")
    for name in ("b.eval.yaml", "c.eval.yaml"):
        record(name, "used", "unused")
    note_uses(*((name, "used", False) for name in ("a.eval.yaml", "b.eval.yaml", "c.eval.yaml")))

    doubt = "but 1 case had an error or was skipped: only --force deletes them"
    assert prune("--yes") == [
        f"a.eval.yaml.jsonl: 2 of 3 responses not used, {doubt}",
        f"b.eval.yaml.jsonl: 1 of 2 responses not used, {doubt}",
        "c.eval.yaml.jsonl: 1 of 2 responses not used",
        "1 response deleted from rec",
    ]


@pytest.mark.usefixtures("folder")
def test_an_eval_file_that_cannot_be_collected_ends_it_unless_it_is_left_out() -> None:
    Path("b.eval.yaml").write_text("cases: nonsense\n", encoding="utf-8")

    first, *rest = prune("--yes", status=1)

    assert first == (
        "Error: pytest could not run all evals (exit status 2), so nothing is known to be unused. Mend what it says; "
        "arguments for it may stand after '--'."
    )
    assert any("b.eval.yaml" in line for line in rest)
    assert left("a.eval.yaml") == keys("used", "unused", "old")
    assert prune("--", "a.eval.yaml")[0] == "a.eval.yaml.jsonl: 2 of 3 responses not used"


@pytest.mark.usefixtures("folder")
def test_a_project_without_any_evals_left_has_stale_recordings_only() -> None:
    Path("a.eval.yaml").unlink()
    note_uses()

    assert prune()[-1] == "nothing was deleted; --yes deletes 3 responses"


@pytest.mark.usefixtures("folder")
def test_a_cache_that_cannot_tell_what_was_used_is_named() -> None:
    Path("conftest.py").unlink()
    Path(".promptevals").mkdir(exist_ok=True)
    Path(".promptevals/cache.db").write_text("no database\n" * 1000, encoding="utf-8")

    assert prune(status=1)[0].startswith("Error: response cache ")


@pytest.mark.usefixtures("folder")
def test_unused_entries_are_deleted_only_if_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    replayed(monkeypatch, ("a.eval.yaml", "used", False))
    listed = "a.eval.yaml.jsonl: 2 of 3 responses not used"

    assert prune() == [listed, "nothing was deleted; --yes deletes 2 responses"]
    assert left("a.eval.yaml") == keys("used", "unused", "old")

    assert prune("--yes") == [listed, "2 responses deleted from rec"]
    assert left("a.eval.yaml") == keys("used")

    assert prune("--yes") == ["all recordings in rec are used"]


@pytest.mark.usefixtures("folder")
def test_where_not_all_could_be_replayed_only_force_deletes(monkeypatch: pytest.MonkeyPatch) -> None:
    replayed(monkeypatch, ("a.eval.yaml", "used", False), ("a.eval.yaml", "new", True))
    listed = "a.eval.yaml.jsonl: 2 of 3 responses not used, but 1 call could not be replayed: only --force deletes them"

    assert prune("--yes") == [listed, "0 responses deleted from rec"]
    assert left("a.eval.yaml") == keys("used", "unused", "old")

    assert prune("--yes", "--force") == [listed, "2 responses deleted from rec"]


@pytest.mark.usefixtures("folder")
def test_the_cases_of_test_functions_are_told_by_their_module(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = ("tests/test_a.py::test_one", "tests/test_b.py::TestAll::test_two")
    Path("tests").mkdir()
    for file in functions:
        record(file, "used", "unused")
        Path(file.partition("::")[0]).write_text("", encoding="utf-8")
    uses = [(file, "used", False) for file in (*functions, "a.eval.yaml")]
    replayed(monkeypatch, *uses, unfinished=["tests.test_b.TestAll", "tests.test_b", "tests.test_ab"])

    doubt = "but 2 cases had an error or were skipped: only --force deletes them"
    assert prune()[1:3] == [
        "tests/test_a.py-test_one.jsonl: 1 of 2 responses not used",
        f"tests/test_b.py-TestAll-test_two.jsonl: 1 of 2 responses not used, {doubt}",
    ]


@pytest.mark.usefixtures("folder")
def test_an_eval_file_that_asked_for_nothing_is_doubted_and_one_that_is_gone_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record("gone.eval.yaml", "b", "c")
    replayed(monkeypatch)

    assert prune("--yes") == [
        "a.eval.yaml.jsonl: 3 of 3 responses not used, but its eval file asked for nothing: only --force deletes them",
        "gone.eval.yaml.jsonl: 2 of 2 responses not used, since its eval file is no more",
        "2 responses deleted from rec",
    ]
    assert not recording_path(Path("rec"), "gone.eval.yaml").exists()


@pytest.mark.usefixtures("folder")
def test_damaged_recordings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    replayed(monkeypatch)
    recording_path(Path("rec"), "a.eval.yaml").write_text("<<<<<<< HEAD\n", encoding="utf-8")

    assert "a merge conflict is not resolved" in prune(status=1)[0]
