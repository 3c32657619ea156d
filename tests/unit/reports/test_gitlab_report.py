from __future__ import annotations

import dataclasses
import json
from typing import Any

from pytest_promptevals.records.comparisons import GateResult, Verdict
from pytest_promptevals.records.run_reports import RunReport
from pytest_promptevals.records.runs import RunStatus
from pytest_promptevals.reports.gitlab_report import GitlabReport
from tests.support.hostile import hostile_strings, marker
from tests.support.run_reports import (
    INCONCLUSIVE,
    REGRESSED,
    failed_case,
    low_case,
    make_file,
    make_report,
    passed_case,
)
from tests.support.sample_results import FILE, PLACE


def issues(report: RunReport) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(GitlabReport().render(report))
    return found


def test_each_finding_is_an_issue_with_its_place_and_severity() -> None:
    cases = [failed_case("down"), low_case("flip", 1.0, line=12), low_case("low")]

    found = issues(make_report(make_file(*cases, gates=[REGRESSED, INCONCLUSIVE])))
    assert [(issue["check_name"], issue["severity"]) for issue in found] == [
        ("promptevals.gate", "critical"),
        ("promptevals.flip", "major"),
        ("promptevals.failure", "minor"),
        ("promptevals.error", "major"),
        ("promptevals.inconclusive", "info"),
    ]
    assert found[1]["description"] == (
        "flip now fails: exact failed, score 0.00 (was 1.00): expected something else of flip answered: what came back"
    )
    assert found[1]["location"] == {"path": FILE, "lines": {"begin": 12}}


def test_a_fingerprint_stays_while_the_case_does_not_pass_wherever_it_stands() -> None:
    before = issues(make_report(make_file(low_case("a", 1.0, line=3), gates=[REGRESSED])))
    later = issues(make_report(make_file(low_case("a", 0.0, 0.1, line=9), gates=[INCONCLUSIVE, REGRESSED])))

    assert [issue["fingerprint"] for issue in before] == [issue["fingerprint"] for issue in later[:2]]
    prints = [issue["fingerprint"] for issue in later]
    assert len(set(prints)) == len(prints) == 3


def test_a_gate_is_the_same_finding_whatever_it_answers() -> None:
    regressed = GateResult(FILE, "score", Verdict.REGRESSED, "it fell", PLACE)
    unsure = dataclasses.replace(regressed, verdict=Verdict.INCONCLUSIVE, is_accepted=True)

    before, later = (issues(make_report(make_file(passed_case("a"), gates=[gate]))) for gate in (regressed, unsure))
    assert [issue["check_name"] for issue in (*before, *later)] == ["promptevals.gate", "promptevals.inconclusive"]
    assert before[0]["fingerprint"] == later[0]["fingerprint"]


def test_a_gate_and_a_case_of_one_name_are_two_findings() -> None:
    gate = GateResult(FILE, "score", Verdict.REGRESSED, "it fell", PLACE)

    found = issues(make_report(make_file(low_case("score"), gates=[gate])))
    assert len({issue["fingerprint"] for issue in found}) == 2


def test_a_run_that_did_not_finish_is_no_clean_report() -> None:
    killed = make_report(status=RunStatus.RUNNING, selected=8)
    later = make_report(make_file(passed_case("a")), status=RunStatus.INTERRUPTED, selected=8)

    (found,) = issues(killed)
    assert (found["check_name"], found["severity"]) == ("promptevals.stopped", "blocker")
    assert found["location"] == {"path": ".", "lines": {"begin": 1}}
    assert found["description"] == (
        f"the evals did not finish: run {killed.run.id} did not come to its end: it was killed, or is still running, "
        "so there is no verdict; none of 8 cases has a result"
    )
    (again,) = issues(later)
    assert again["fingerprint"] == found["fingerprint"]
    assert again["location"]["path"] == FILE
    assert again["description"].endswith(
        "stopped early, so there is no verdict; 1 of 1 case pass, 7 more have no result"
    )


def test_a_good_run_has_none() -> None:
    assert GitlabReport().render(make_report(make_file(passed_case("a")))) == "[]\n"


def test_hostile_texts_are_json_that_every_reader_takes() -> None:
    texts = hostile_strings(10_000)

    text = GitlabReport().render(make_report(make_file(*(low_case(text, output=text) for text in texts))))
    found = json.loads(text.encode("ascii"))
    assert len({issue["fingerprint"] for issue in found}) == 10_000
    said = "\n".join(issue["description"] for issue in found)
    said.encode("utf-8")  # no halves of pairs
    assert "\0" not in said  # which PostgreSQL, in which GitLab keeps it, does not take
    assert max(len(issue["description"]) for issue in found) <= 500
    assert marker(9_999) in said
