from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_promptevals.records.run_reports import RunReport
from pytest_promptevals.records.runs import RunStatus
from pytest_promptevals.reports.annotations import AZURE, GITHUB, annotation_lines, azure_command, github_command
from pytest_promptevals.reports.azure_report import AzureReport
from pytest_promptevals.reports.findings import find_findings
from pytest_promptevals.reports.github_report import GithubReport
from tests.support.ci_logs import azure_commands, github_commands, read_azure, read_github
from tests.support.hostile import hostile_strings, marker
from tests.support.run_reports import (
    INCONCLUSIVE,
    REGRESSED,
    ROOTDIR,
    low_case,
    make_file,
    make_report,
    passed_case,
)
from tests.support.sample_results import FILE

REPORT = make_report(
    make_file(low_case("50%, a:b", 1.0, output="no\r\nidea 100%", line=12), gates=[REGRESSED, INCONCLUSIVE])
)


def github_lines(report: RunReport, environment: Mapping[str, str]) -> list[str]:
    return list(annotation_lines(GITHUB, find_findings(report), report.rootdir, environment))


def azure_lines(report: RunReport, environment: Mapping[str, str]) -> list[str]:
    return list(annotation_lines(AZURE, find_findings(report), report.rootdir, environment))


def test_annotations_for_github_are_escaped_as_its_runner_reads_them() -> None:
    assert list(github_lines(REPORT, {})) == [
        (
            "::error file=evals/support.eval.yaml,line=1,title=gate score%3A regressed::"
            "evals/support.eval.yaml: mean score fell by 0.300"
        ),
        (
            "::error file=evals/support.eval.yaml,line=12,title=50%25%2C a%3Ab now fails::"
            "exact failed, score 0.00 (was 1.00): expected something else of 50%25, a:b%0Aanswered: no idea 100%25"
        ),
        (
            "::warning file=evals/support.eval.yaml,line=1,title=gate judges.tone%3A inconclusive::"
            "evals/support.eval.yaml: may be chance"
        ),
    ]


def test_annotations_for_azure_are_escaped_as_its_agent_reads_them() -> None:
    _, flip, gate = azure_lines(REPORT, {})
    assert flip == (
        "##vso[task.logissue type=error;sourcepath=evals/support.eval.yaml;linenumber=12;]"
        "50%, a:b now fails: exact failed, score 0.00 (was 1.00): expected something else of 50%, a:b%0A"
        "answered: no idea 100%"
    )
    assert gate.startswith("##vso[task.logissue type=warning;")


def test_what_azure_would_take_for_a_code_is_written_as_one() -> None:
    (line,) = azure_lines(make_report(make_file(low_case("a]b;c", output="%0A##vso[x.y]z"))), {})
    command = read_azure(line)
    assert command is not None
    assert command.data.startswith("a]b;c fails: ")
    assert command.data.endswith("answered: %AZP250A##vso[x.y]z")


def test_no_more_is_shown_than_github_shows_and_the_rest_is_counted() -> None:
    cases = [dataclasses.replace(low_case(f"c{number}", 1.0), is_failure=number < 11) for number in range(25)]

    commands = github_commands("\n".join(github_lines(make_report(make_file(*cases)), {})))
    names = [command.name for command in commands]
    assert (names.count("error"), names.count("warning"), names.count("notice")) == (10, 10, 1)
    assert (
        commands[-1].data
        == "1 more error and 4 more warnings not shown here; 'promptevals report -o all.html' shows all of them"
    )
    last = azure_lines(make_report(make_file(*cases)), {})[-1]
    assert last == "##vso[task.logissue type=warning;]evals: 1 more error and 4 more warnings not shown here"


def test_of_cases_that_are_let_through_only_those_that_passed_before_are_shown() -> None:
    cases = [
        dataclasses.replace(low_case(f"c{n}", before), is_failure=False) for n, before in enumerate((1.0, 0.2, None))
    ]

    (line,) = github_lines(make_report(make_file(*cases)), {})
    assert line.startswith("::warning file=evals/support.eval.yaml,line=7,title=c0 now fails::")


def test_a_run_that_did_not_finish_is_an_error_of_its_own() -> None:
    report = make_report(make_file(passed_case("a")), status=RunStatus.INTERRUPTED, selected=2)
    said = f"run {report.run.id} stopped early, so there is no verdict; 1 of 1 case pass, 1 more has no result"

    assert github_lines(report, {}) == [f"::error file={FILE},line=1,title=the evals did not finish::{said}"]
    (line,) = azure_lines(report, {})
    assert "type=error;" in line
    assert line.count("the evals did not finish: run ") == 1


def test_a_good_run_has_none() -> None:
    report = make_report(make_file(passed_case("a")))
    assert (GithubReport().render(report), AzureReport().render(report)) == ("", "")


def test_the_reports_are_the_same_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(ROOTDIR.parent))
    assert GithubReport().render(REPORT).splitlines() == list(
        github_lines(REPORT, {"GITHUB_WORKSPACE": str(ROOTDIR.parent)})
    )
    monkeypatch.setenv("BUILD_SOURCESDIRECTORY", str(ROOTDIR))
    assert AzureReport().render(REPORT).count("##vso[task.logissue ") == 3


def test_paths_are_those_of_the_repository() -> None:
    (first, *_) = github_lines(REPORT, {"GITHUB_WORKSPACE": str(ROOTDIR.parent)})
    assert first.startswith(f"::error file={ROOTDIR.name}/{FILE},line=1,")


@pytest.mark.parametrize("kind", ["github", "azure"])
def test_a_hostile_text_comes_through_a_command_whole(kind: str) -> None:
    make, read = (github_command, read_github) if kind == "github" else (azure_command, read_azure)
    name = "error" if kind == "github" else "task.logissue"
    for text in hostile_strings(10_000):
        line = make(name, f"a{text}", title=text, file=FILE)
        command = read(line)
        assert "\n" not in line
        assert "\r" not in line
        assert command is not None
        assert command.name == name
        assert command.properties["file"] == FILE
        if kind == "github" or "%" not in text:
            assert (command.data, command.properties.get("title", "")) == (f"a{text}", text)


def test_hostile_cases_are_one_annotation_each() -> None:
    texts = hostile_strings(10_000)
    for first in range(0, 10_000, 10):
        report = make_report(make_file(*(low_case(text, output=text) for text in texts[first : first + 10])))
        github = github_commands("\n".join(github_lines(report, {})))
        azure = azure_commands("\n".join(azure_lines(report, {})))
        assert [command.properties["line"] for command in github] == ["7"] * 10
        assert [command.properties["linenumber"] for command in azure] == ["7"] * 10
        for number, (one, other) in enumerate(zip(github, azure, strict=True), start=first):
            assert marker(number) in one.data
            assert marker(number) in other.data


def test_a_rootdir_that_is_not_there_is_no_error() -> None:
    assert list(github_lines(make_report(), {"GITHUB_WORKSPACE": str(Path("nowhere").absolute())})) == []
