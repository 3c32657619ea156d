from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_promptevals.cli import merge as command
from pytest_promptevals.history.history_file import HistoryFile
from tests.support.sample_results import FILE, make_result
from tests.unit.cli.history_project import add_run, call, open_store

ONE = "20261122-120001-aaaaaa"
TWO = "20261122-120002-bbbbbb"


class Pytest:
    """Stands for the process that decides: remembers its arguments."""

    def __init__(self) -> None:
        self.arguments: list[str] = []
        self.status = 0

    def run(self, arguments: Sequence[str], *, check: bool) -> SimpleNamespace:
        assert not check
        self.arguments = list(arguments)
        return SimpleNamespace(returncode=self.status)

    def named(self, option: str) -> list[str]:
        return [argument for argument in self.arguments if argument.startswith(option)]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    path = Path(FILE)
    path.parent.mkdir()
    path.write_text("cases: []\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def decider(monkeypatch: pytest.MonkeyPatch) -> Pytest:
    stand_in = Pytest()
    monkeypatch.setattr(
        command, "subprocess", SimpleNamespace(run=stand_in.run, CalledProcessError=subprocess.CalledProcessError)
    )
    return stand_in


def add_shares() -> None:
    add_run(ONE, make_result("a"), shard="1/2", selection="s", selected=2)
    add_run(TWO, make_result("b"), shard="2/2", selection="s", selected=2)


def test_the_whole_is_handed_to_pytest_with_its_files_and_what_the_user_adds(project: Path, decider: Pytest) -> None:
    add_shares()
    decider.status = 1

    printed = call("merge", "--junitxml", "out.xml", "--", "-k", "x", status=1)

    assert decider.arguments[:4] == [sys.executable, "-m", "pytest", str(project / FILE)]
    assert decider.arguments[5:7] == ["-k", "x"]
    assert decider.arguments[-1] == "--junitxml=out.xml"
    assert {"--evals", "--evals-shard=", "--maxfail=0", f"--rootdir={project}"} <= set(decider.arguments)
    assert printed.startswith("2 runs with 2 results merged into run 20261122-120000-")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("-n auto", ["-n0"]),
        ("-v -n2", ["-n0"]),
        ("--numprocesses=2", ["-n0"]),
        ("--no-header -p no:xdist", []),
        ("-n 2 -p no:xdist", []),
        ("--tb=no-n", []),
    ],
)
def test_workers_that_the_project_asks_for_are_switched_off(decider: Pytest, options: str, found: list[str]) -> None:
    add_shares()
    Path("pytest.ini").write_text(f"[pytest]\naddopts = {options}\n", encoding="utf-8")

    call("merge")

    assert decider.named("-n0") == found


def test_another_history_is_handed_on_and_made(project: Path, decider: Pytest) -> None:
    add_shares()

    call("merge", ".promptevals/history.db", "--history", "other.db")

    assert decider.named("--evals-history") == [f"--evals-history={project / 'other.db'}"]
    assert Path("other.db").is_file()


def test_shares_stay_as_they_are_where_no_verdict_was_reached(decider: Pytest) -> None:
    add_shares()
    decider.status = 2

    call("merge", status=2)

    with open_store() as store:
        assert {run.kind.value for run in store.runs()} == {"run"}


def test_files_in_folders_are_found(decider: Pytest) -> None:
    add_shares()
    for number, run_id in enumerate((ONE, TWO)):
        folder = Path("jobs", str(number), ".promptevals")
        folder.mkdir(parents=True)
        with open_store() as store:
            run, results = store.run(run_id), store.results(run_id)
        with HistoryFile.open(folder / "history.db") as history:
            history.add_run(run, results, ())

    printed = call("merge", "jobs")

    assert "2 runs with 2 results" in printed
    assert decider.arguments


NEITHER = "There is no file or folder 'nope' either."
ALONE = "each job leaves its own at .promptevals/history.db"


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (["x/h.db"], f"x/h.db: there is no such file or folder; {ALONE}"),
        (["h.db"], f"h.db: there is no such file or folder; {ALONE}"),
        (["shards/"], f"shards/: there is no such file or folder; {ALONE}"),
        (
            ["evals"],
            f"evals: no history.db in this folder or below it; {ALONE}, which has to be brought here",
        ),
        (["nope"], f"'nope' is no run or saved name that is known. Of the history, its newest run is {TWO}. {NEITHER}"),
    ],
)
def test_what_there_is_not_is_a_usage_error(sources: list[str], message: str) -> None:
    add_shares()

    assert call("merge", *sources, status=2).splitlines()[-1] == f"Error: {message}"


def test_without_a_history_a_name_that_means_nothing_is_named() -> None:
    printed = " ".join(call("merge", "shards", status=2).split())

    assert printed.startswith("Error: there is no history yet: .promptevals/history.db is not there.")
    assert printed.endswith("with --history. There is no file or folder 'shards' either.")


def test_where_options_of_pytest_stand_is_said() -> None:
    assert call("merge", "--tb=no", status=2).splitlines()[-1] == (
        "Error: No such option '--tb'. What pytest is to be told stands behind '--'."
    )


def test_shares_that_cannot_be_merged_are_no_red_verdict(decider: Pytest) -> None:
    add_run(ONE, make_result("a"), shard="1/2", selection="s", selected=2)

    printed = call("merge", status=2)

    assert printed.startswith("Error: share 2/2 of the run at ")
    assert not decider.arguments


def test_an_eval_file_that_is_gone_is_named(decider: Pytest) -> None:
    add_shares()
    Path(FILE).unlink()

    assert call("merge", status=2).splitlines()[-1] == (
        f"Error: {FILE} has results, and is not here: check out commit aaaaaaa, then merge again"
    )
    assert not decider.arguments


def test_records_of_another_schema_are_named_with_their_run() -> None:
    add_shares()
    with sqlite3.connect(".promptevals/history.db") as connection:
        connection.execute("UPDATE runs SET record_schema = 99 WHERE id = ?", (TWO,))
    connection.close()

    printed = call("merge", ".promptevals/history.db", status=2)

    assert printed.startswith(
        f"Error: history database .promptevals/history.db: run {TWO} was written with schema 99, this version of "
    )
