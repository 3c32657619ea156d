"""Reports that a session writes at its end."""

from __future__ import annotations

import os

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.runs import ItemOutcome, OutcomeKind
from pytest_promptevals.reports import annotations as github
from pytest_promptevals.reports import run_report
from tests.support.project import EvalProject

CONFTEST = """
    class Names:
        description = "names"
        ending = ".html"

        def render(self, report):
            lines = [f"{file.file} {file.verdict}" for file in report.files]
            lines += [f"failed: {nodeid}" for nodeid in report.failures]
            for file in report.files:
                for case in file.cases:
                    lines.append(f"{case.result.name}: {case.output_before} -> {case.result.output}")
            return "\\n".join(lines)


    class Broken(Names):
        def render(self, report):
            raise KeyError("no such thing")


    def pytest_promptevals_reports():
        return {"names": Names(), "broken": Broken()}
"""


def write_eval(project: EvalProject, answer: str) -> None:
    head = f"judges: [exact]\nmodel: scripted/m\nproviders: {{scripted: {{script: [{{match: x, reply: {answer}}}]}}}}\n"
    project.write_cases("some.eval.yaml", [{"id": "a", "input": "x", "expected": "right"}], head)


@pytest.fixture
def reported(project: EvalProject) -> EvalProject:
    """A project with a committed baseline, whose plugin writes reports of its own."""
    project.write("conftest.py", CONFTEST)
    write_eval(project, "right")
    project.run("--evals-save-baseline").assert_outcomes(passed=1)
    write_eval(project, "wrong")
    return project


@pytest.mark.parametrize("more", [[], ["-o", "evals_history=off"], ["-n", "2"]], ids=["history", "without", "xdist"])
def test_a_report_has_the_outputs_of_before_and_now(reported: EvalProject, more: list[str]) -> None:
    result = reported.run("--evals-report", "names=out/report.html", *more)

    result.stdout.fnmatch_lines(["report written to out/report.html"])
    text = (reported.path / "out" / "report.html").read_text("utf-8")
    assert text.splitlines() == ["some.eval.yaml Verdict.INCONCLUSIVE", "a: right -> wrong"]


def test_the_baseline_that_is_saved_beside_the_report_is_not_the_one_of_before(reported: EvalProject) -> None:
    reported.run("--evals-report", "names=report.html", "--evals-save-baseline")

    assert (reported.path / "report.html").read_text("utf-8").endswith("a: right -> wrong")


def test_a_report_that_cannot_be_written_changes_no_verdict(reported: EvalProject) -> None:
    write_eval(reported, "right")
    (reported.path / "taken").mkdir()
    taken = reported.run("--evals-report", "names=taken")
    broken = reported.run("--evals-report", "broken=report.html")

    taken.assert_outcomes(passed=2)
    taken.stdout.fnmatch_lines(["the report taken cannot be written: Is a directory"])
    broken.assert_outcomes(passed=2)
    broken.stdout.fnmatch_lines(["the report report.html is not written: KeyError: 'no such thing'"])


@pytest.mark.parametrize("more", [(), ("-n", "2")], ids=["plain", "xdist"])
@pytest.mark.parametrize("place", ["--evals-report", "evals_report"])
def test_a_format_that_there_is_not_is_told_before_anything_is_paid(
    reported: EvalProject, place: str, more: tuple[str, ...]
) -> None:
    asked = ("--evals-report", "nmes=x.html") if place.startswith("-") else ("-o", "evals_report=nmes=x.html")
    result = reported.run(*asked, *more)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {place}: there is no format 'nmes'. Did you mean 'names'?"])
    result.stdout.no_fnmatch_line("some.eval.yaml*")


@pytest.mark.parametrize("service", ["github", "off"])
def test_a_history_that_somebody_else_has_changed_costs_only_the_report(
    reported: EvalProject, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    write_eval(reported, "right")
    monkeypatch.setattr(run_report, "_in_order", lambda *_: {"": 0}["foreign"])
    result = reported.run("--evals-report", "names=report.html", "--evals-annotations", service)

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["no report is written: KeyError: 'foreign'"])


def test_annotations_that_cannot_be_made_cost_only_themselves(
    reported: EvalProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github, "annotation_lines", lambda *_: {"": 0}["mistake"])
    result = reported.run("--evals-annotations", "github")

    result.stdout.fnmatch_lines(["no annotations are written: KeyError: 'mistake'", "FAILED *"])


@pytest.mark.parametrize("form", ["markdown", "github", "gitlab"])
def test_a_report_of_the_history_says_the_same_as_that_of_the_session(project: EvalProject, form: str) -> None:
    """The history knows what was let through, what was expected to fail, and what else failed."""
    cases = [
        {"id": "low", "input": "x", "expected": "y"},
        {"id": "expected", "input": "x", "expected": "y", "xfail": "known"},
        {"id": "fine", "input": "x", "expected": "x"},
    ]
    project.write_cases("some.eval.yaml", cases, head="model: scripted/echo\njudges: [exact]\ncase_policy: gate\n")
    green = project.run("--evals-report", f"{form}=green.txt")
    green_again = CliRunner().invoke(main, ["report", "--format", form])
    project.write("test_x.py", "def test_x(): assert 0")
    red = project.run("--evals-report", f"{form}=red.txt")
    red_again = CliRunner().invoke(main, ["report", "--format", form])

    assert (green.ret, red.ret) == (0, 1)
    with HistoryStore.open(project.path / ".promptevals" / "history.db") as store:
        kept = [store.run(run.id).outcomes for run in store.runs()]
    of_cases = (
        ItemOutcome("some.eval.yaml::low", OutcomeKind.LET_THROUGH),
        ItemOutcome("some.eval.yaml::expected", OutcomeKind.XFAILED, "known"),
    )
    assert kept == [(*of_cases, ItemOutcome("test_x.py::test_x", OutcomeKind.FAILED, "assert 0")), of_cases]
    assert (project.path / "green.txt").read_text("utf-8").strip() == green_again.stdout.strip()
    assert (project.path / "red.txt").read_text("utf-8").strip() == red_again.stdout.strip()
    if form == "markdown":
        assert "✅" in green_again.stdout
        assert "❌" in red_again.stdout
    if form == "github":
        assert "::error" not in green_again.stdout


def test_what_the_results_tell_is_not_kept_twice(project: EvalProject) -> None:
    cases = [{"id": "low", "input": "x", "expected": "y"}]
    project.write_cases("some.eval.yaml", cases, head="model: scripted/echo\njudges: [exact]\n")
    project.run().assert_outcomes(failed=1)
    project.write("test_x.py", "def test_x(): assert 0")
    project.run("-k", "test_x").assert_outcomes(failed=1, deselected=1)

    with HistoryStore.open(project.path / ".promptevals" / "history.db") as store:
        (run,) = store.runs()  # without a case there is none
        assert store.run(run.id).outcomes == ()


def test_files_that_cannot_be_used_and_ordinary_tests_that_fail_are_in_the_report(reported: EvalProject) -> None:
    write_eval(reported, "right")
    reported.write("a.eval.yaml", "cases: 3\n")
    reported.write("test_x.py", "def test_x():\n    assert 0\n")
    reported.write("rows.jsonl", '{"id": "row"}\n')
    reported.write("test_y.py", "import pytest\n@pytest.mark.evals('rows.jsonl')\ndef test_y(case):\n    assert 0\n")
    reported.run("--evals-report", "names=report.txt", "--continue-on-collection-errors")

    lines = (reported.path / "report.txt").read_text("utf-8").splitlines()
    assert sorted(line for line in lines if line.startswith("failed: ")) == [
        "failed: a.eval.yaml",
        "failed: test_x.py::test_x",
    ]


def test_a_gate_that_fails_is_known_as_a_gate(reported: EvalProject) -> None:
    gated = ("--evals-case-policy=gate", "--evals-min-score=0.9")
    reported.run("--evals-report", "names=report.txt", *gated).assert_outcomes(failed=1)

    text = (reported.path / "report.txt").read_text("utf-8")
    assert "Verdict.FAILED" in text
    assert "failed: " not in text


def test_what_the_ini_file_says_is_from_there(reported: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    reported.write("pytest.ini", "[pytest]\nevals_report = names=out/report.html\n")
    (reported.path / "deep").mkdir()
    monkeypatch.chdir(reported.path / "deep")
    reported.run("..")

    assert (reported.path / "out" / "report.html").is_file()


@pytest.mark.parametrize("more", [[], ["-n", "2"]], ids=["plain", "xdist"])
def test_a_session_without_cases_says_that_it_writes_none(reported: EvalProject, more: list[str]) -> None:
    result = reported.run("--evals-report", "names=report.html", "-k", "nothing", *more)

    assert not (reported.path / "report.html").exists()
    result.stdout.fnmatch_lines(["no case ran, so the report report.html is not written"])


def test_a_report_of_an_earlier_run_is_not_taken_for_this_one(reported: EvalProject) -> None:
    earlier = reported.write("page.html", "earlier")
    reported.write("some.eval.yaml", "cases: {oops")
    result = reported.run("--evals-html", "page.html")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["no case ran, so the report page.html is not written; the file of that name is of", "  an earlier run"]
    )
    assert earlier.read_text("utf-8") == "earlier"


def test_cases_that_are_skipped_make_no_report(reported: EvalProject) -> None:
    reported.write_cases(
        "some.eval.yaml",
        [{"id": "a", "input": "x", "output": "x", "expected": "x", "skip": "later"}],
        "judges: [exact]\n",
    )
    result = reported.run("--evals-html", "page.html")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["no case ran, so the report page.html is not written"])


def test_of_the_ini_file_s_reports_only_a_file_of_an_earlier_run_is_worth_a_line(reported: EvalProject) -> None:
    reported.write("pytest.ini", "[pytest]\nevals_report = names=report.html\n")
    said = "*the report report.html is not written*"

    reported.run("-k", "nothing").stdout.no_fnmatch_line(said)
    reported.write("report.html", "earlier")
    reported.run("-k", "nothing").stdout.fnmatch_lines([said])
    reported.run("--collect-only").stdout.no_fnmatch_line(said)


def test_a_wrong_pair_is_told_before_anything_is_run(reported: EvalProject) -> None:
    result = reported.run("--evals-report", "report.html")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --evals-report: 'report.html' is no pair of a format and a file; write it as FORMAT=FILE, such as*"]
    )


def test_a_format_that_there_is_not_is_told_by_where_it_was_asked_for(
    reported: EvalProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTEVALS_REPORT", "gone=report.txt")

    reported.run().stderr.fnmatch_lines(["ERROR: PROMPTEVALS_REPORT: *gone*"])


def test_a_file_whose_name_no_encoding_has_is_reported_each_time(project: EvalProject) -> None:
    try:
        path = project.path / os.fsdecode(b"caf\xe9.eval.yaml")
        path.write_text("model: scripted/echo\njudges: [exact]\ncases: [{id: a, input: x, expected: x}]\n")
    except OSError:
        pytest.skip("this file system takes names in UTF-8 alone")

    for _ in range(2):
        result = project.run("--evals-report", "markdown=r.md")
        assert result.ret == pytest.ExitCode.OK
        result.stdout.fnmatch_lines(["report written to r.md"])
    assert "no regression" in (project.path / "r.md").read_text(encoding="utf-8")
