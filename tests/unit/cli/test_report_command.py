from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from pytest_promptevals.cli import report as command
from pytest_promptevals.records.run_reports import RunReport
from pytest_promptevals.records.runs import GitState
from pytest_promptevals.reports import registry
from tests.support.checkouts import Checkout
from tests.support.sample_results import make_result
from tests.unit.cli.history_project import add_run, call

FIRST = "20261120-080000-aaaaaa"
SECOND = "20261121-080000-bbbbbb"


class Names:
    """A report that names the run and its cases."""

    description = "names"
    ending = ".names"

    def render(self, report: RunReport) -> str:
        cases = [case.result.name for file in report.files for case in file.cases]
        return f"{report.run.id}: {', '.join(cases)} \N{SNOWMAN}\ud800\n"


class Twin(Names):
    """Another one of the same ending."""


def give(monkeypatch: pytest.MonkeyPatch, reports: dict[str, Any]) -> None:
    """Put those reports in the place of the package's own."""
    monkeypatch.setattr(registry, "builtin", SimpleNamespace(pytest_promptevals_reports=lambda: reports))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two runs, and reports of plugins."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PROMPTEVALS_HISTORY", raising=False)

    give(monkeypatch, {"markdown": Names(), "twin": Twin(), "html": "no_such_module:Html"})
    add_run(FIRST, make_result("a"), make_result("b"))
    add_run(SECOND, make_result("c"))
    return tmp_path


def test_the_newest_run_is_reported_unless_another_one_is_named() -> None:
    assert call("report").startswith(f"{SECOND}: c ")
    assert call("report", "20261120").startswith(f"{FIRST}: a, b ")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A project in a git repository, which the current folder is."""
    made = Checkout(tmp_path / "checkout", monkeypatch)
    made.write("pytest.ini", "[pytest]\n")
    monkeypatch.chdir(made.path)
    return made


def test_a_newest_run_of_another_commit_is_no_verdict_on_this_one_and_that_is_said(checkout: Checkout) -> None:
    add_run(FIRST, git=GitState(checkout.first, "main", is_dirty=False))
    here = CliRunner().invoke(main, ["report"])
    second = checkout.commit()

    there, named = (CliRunner().invoke(main, ["report", *run]) for run in ([], [FIRST]))

    assert here.stderr == named.stderr == ""
    assert " ".join(there.stderr.split()) == (
        f"the newest run is of commit {checkout.first[:7]}, the checkout is at {second[:7]}: pytest recorded no run of "
        "it"
    )
    assert here.stdout == there.stdout == named.stdout


@pytest.mark.usefixtures("checkout")
def test_a_run_without_a_commit_needs_no_word_about_it() -> None:
    add_run(FIRST, git=None)

    assert CliRunner().invoke(main, ["report"]).stderr == ""


def test_a_report_goes_to_a_file_whatever_a_model_wrote(project: Path) -> None:
    said = call("report", "-o", "out.txt", "--format", "twin")

    assert said == f"report of run {SECOND} written to out.txt\n"
    assert (project / "out.txt").read_bytes() == f"{SECOND}: c \N{SNOWMAN}\\ud800\n".encode()


def test_the_name_of_the_file_says_the_format(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    monkeypatch.setattr(Twin, "ending", ".twin")
    give(monkeypatch, {"markdown": Names(), "twin": Twin()})
    call("report", "-o", "out.TWIN")

    assert (project / "out.TWIN").is_file()
    assert call("report", "-o", "out.pdf", status=2).splitlines()[-1] == (
        "Error: the name 'out.pdf' does not say which format is meant; add --format: markdown, twin"
    )


def test_an_ending_of_two_formats_has_to_be_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, {"markdown": Names(), "twin": Twin()})

    assert call("report", "-o", "out.names", status=2).splitlines()[-1] == (
        "Error: the name 'out.names' does not say which format is meant; add --format: markdown, twin"
    )


def test_junit_is_written_by_pytest() -> None:
    assert call("report", "--format", "junit", status=2).splitlines()[-1] == (
        "Error: JUnit files are pytest's own: pytest --junitxml=FILE"
    )


def test_a_wrong_format_names_the_right_one() -> None:
    assert call("report", "--format", "twins", status=2).splitlines()[-1] == (
        "Error: there is no format 'twins'. Did you mean 'twin'?"
    )
    assert "report 'html': there is no 'no_such_module:Html'" in call("report", "--format", "html", status=2)


def test_two_plugins_of_one_name_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_reports", lambda: registry.find_reports(_Relay()))

    assert "two plugins register a report named 'twin'; uninstall one of them" in call("report", status=1)


def test_the_help_names_the_formats() -> None:
    assert "One of: markdown, twin, html." in " ".join(call("report", "--help").split())


class _Relay:
    """Hooks of a plugin that takes a name of the package."""

    def __getattr__(self, name: str) -> Any:
        return lambda: [{"twin": Twin()}]
