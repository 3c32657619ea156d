from __future__ import annotations

import dataclasses

from pytest_promptevals.errors import FileProblem
from pytest_promptevals.records.cases import Location
from pytest_promptevals.reports.findings import Finding, FindingKind, find_findings, merge_alike, of_problem
from tests.support.run_reports import (
    INCONCLUSIVE,
    PASSED,
    REGRESSED,
    failed_case,
    low_case,
    make_file,
    make_report,
    passed_case,
)
from tests.support.sample_results import FILE, PLACE


def test_the_most_important_comes_first() -> None:
    cases = [
        failed_case("error"),
        low_case("worse but failed before", 0.4, 0.2),
        low_case("low", None, 0.4),
        low_case("lower", None, 0.1),
        low_case("small flip", 0.6, 0.4),
        low_case("large flip", 1.0, 0.0),
        passed_case("fine"),
    ]

    findings = find_findings(make_report(make_file(*cases, gates=[INCONCLUSIVE, PASSED, REGRESSED])))
    assert [(finding.kind.value, finding.name) for finding in findings] == [
        ("gate", "score"),
        ("flip", "large flip"),
        ("flip", "small flip"),
        ("failure", "worse but failed before"),
        ("failure", "lower"),
        ("failure", "low"),
        ("error", "error"),
        ("inconclusive", "judges.tone"),
    ]


def test_a_finding_says_what_is_the_matter_and_where() -> None:
    file = make_file(low_case("refund", 1.0, output="no\nidea", line=12), failed_case("down"), gates=[REGRESSED])

    gate, flip, error = find_findings(make_report(file))
    assert gate == Finding(
        FindingKind.GATE,
        FILE,
        "score",
        PLACE,
        "gate score: regressed",
        "evals/support.eval.yaml: mean score fell by 0.300",
        is_failure=True,
    )
    assert (flip.title, flip.location) == ("refund now fails", Location(FILE, 12))
    assert flip.message == ("exact failed, score 0.00 (was 1.00): expected something else of refund\nanswered: no idea")
    assert (error.title, error.message) == ("down ended in an error", "provider error: the server is down")


def test_cases_that_pytest_let_through_are_no_failures() -> None:
    cases = [
        dataclasses.replace(low_case(str(is_failure)), is_failure=is_failure) for is_failure in (True, False, None)
    ]

    findings = find_findings(make_report(make_file(*cases, gates=[INCONCLUSIVE])))
    assert {finding.name: finding.is_failure for finding in findings} == {
        "True": True,
        "False": False,
        "None": True,
        "judges.tone": False,
    }


def test_errors_of_one_cause_are_one_finding() -> None:
    cases = [failed_case(f"c{number}") for number in range(30)]
    report = make_report(make_file(*cases, failed_case("other", "no key"), low_case("low"), gates=[INCONCLUSIVE]))

    merged = list(merge_alike(find_findings(report)))
    assert [finding.title for finding in merged] == [
        "low fails",
        "c0 ended in an error, and 29 cases more",
        "other ended in an error",
        "gate judges.tone: inconclusive",
    ]


def test_long_answers_are_cut() -> None:
    (finding,) = find_findings(make_report(make_file(low_case("a", output="x" * 10**6))))
    assert len(finding.message) < 600


def test_a_case_without_an_answer_says_none() -> None:
    case = low_case("a")
    bare = dataclasses.replace(case, result=dataclasses.replace(case.result, trials=()))

    (finding,) = find_findings(make_report(make_file(bare)))
    assert "answered" not in finding.message


def test_a_problem_of_a_file_stands_at_its_line() -> None:
    problem = FileProblem("is none of: a, b", path="evals/a.eval.yaml", line=3, field="cases[0].judge")

    finding = of_problem(problem)
    assert (finding.location, finding.is_failure) == (Location("evals/a.eval.yaml", 3), True)
    assert (finding.title, finding.message) == ("eval file cannot be used", "cases[0].judge: is none of: a, b")
    assert of_problem(FileProblem("is empty", path="a.eval.yaml")).location.line == 1
