"""What notifications say."""

from __future__ import annotations

import pytest

from pytest_promptevals.records.comparisons import Comparison, GateResult, Metrics, Verdict
from pytest_promptevals.records.notifications import Event
from pytest_promptevals.reports.notification import RunNews, find_link, find_notification
from tests.support.hostile import DANGEROUS, hostile_strings, marker
from tests.support.sample_results import PLACE, make_run

ALL = frozenset(Event)
FIRST, SECOND = "evals/first.eval.yaml", "evals/second.eval.yaml"
RUN = make_run(cost=1.5, spent=0.25)


def make_file(file: str, *gates: tuple[str, Verdict, str]) -> Comparison:
    answers = tuple(GateResult(file, name, verdict, reason, PLACE) for name, verdict, reason in gates)
    return Comparison(file, Metrics(4, 3, 0, 0.75, 0.75), gates=answers)


PASSED = make_file(FIRST, ("score", Verdict.PASSED, "as it was"))
DROPPED = make_file(
    SECOND, ("min_score", Verdict.FAILED, "too low"), ("score", Verdict.REGRESSED, "mean score fell by 0.4")
)


def test_a_failing_gate_is_told_with_its_sentence_the_cost_and_where_to_look() -> None:
    told = find_notification(RunNews("shop", RUN, [PASSED, DROPPED], link="https://ci.test/7"), ALL)

    assert told is not None
    assert told.event is Event.REGRESSION
    assert told.title == "regressed: evals of shop on main, 1 of 2 eval files"
    assert told.body.splitlines() == [
        "evals/second.eval.yaml: 3 of 4 cases passed",
        "  [score] regressed: mean score fell by 0.4",
        "  [min_score] failed: too low",
        "",
        "cost $1.50, $0.25 of it paid now",
        "run 20261121-172600-1a2b3c, commit aaaaaaaaaa",
        "CI: https://ci.test/7",
        "look closer: promptevals show 20261121-172600-1a2b3c",
    ]


def test_a_green_run_tells_nobody() -> None:
    assert find_notification(RunNews("shop", RUN, [PASSED]), ALL) is None


def test_what_failed_before_and_passes_has_recovered() -> None:
    told = find_notification(RunNews("shop", RUN, [PASSED], failed_before={FIRST}), ALL)

    assert told is not None
    assert told.event is Event.RECOVERY
    assert told.title == "recovered: evals of shop on main, the gates of 1 eval file pass again"
    assert told.body.startswith("evals/first.eval.yaml: 3 of 4 cases passed\n\ncost")


def test_a_recovery_in_a_run_that_is_red_says_so() -> None:
    told = find_notification(RunNews("shop", RUN, [PASSED], failed_before={FIRST}, failed=2), ALL)

    assert told is not None
    assert told.title.endswith("pass again; the run is red all the same, with 2 failures")


def test_hostile_texts_stay_in_their_lines_and_can_be_read() -> None:
    texts = hostile_strings(10_000)
    for first in range(0, 10_000, 4):
        file, gate, reason, project = texts[first : first + 4]
        failing = make_file(file, (gate, Verdict.REGRESSED, reason))
        told = find_notification(RunNews(project, RUN, [failing]), ALL)

        assert told is not None
        lines = told.body.split("\n")
        assert len(lines) == 6
        assert "\n" not in told.title
        assert not DANGEROUS.search(f"{told.title}{''.join(lines)}")
        for number, text in enumerate(texts[first : first + 3], start=first):
            assert len(text) > 300 or marker(number) in told.body
        assert marker(first + 3) in told.title


def test_a_file_without_an_answer_has_not_recovered() -> None:
    unknown = make_file(FIRST, ("score", Verdict.NO_BASELINE, "there is no baseline"))

    assert find_notification(RunNews("shop", RUN, [unknown], failed_before={FIRST}), ALL) is None


def test_while_another_file_fails_nothing_has_recovered() -> None:
    told = find_notification(RunNews("shop", RUN, [PASSED, DROPPED], failed_before={FIRST}), ALL)

    assert told is not None
    assert told.event is Event.REGRESSION


def test_a_spent_budget_is_told_beside_what_failed_for_it() -> None:
    spent = find_notification(RunNews("shop", RUN, [PASSED], not_run=3), ALL)
    both = find_notification(RunNews("shop", RUN, [DROPPED], not_run=3), ALL)

    assert spent is not None
    assert both is not None
    assert spent.title == "budget spent: evals of shop on main, 3 cases not run"
    assert both.event is Event.REGRESSION
    assert "not run, as the budget was spent: 3 cases" in both.body


def test_only_what_is_wanted_is_told() -> None:
    news = RunNews("shop", RUN, [DROPPED], not_run=3)
    told = find_notification(news, {Event.BUDGET})

    assert find_notification(news, {Event.RECOVERY}) is None
    assert told is not None
    assert told.event is Event.BUDGET
    assert "[score] regressed" in told.body


def test_many_failing_gates_fit_into_a_short_message() -> None:
    files = [make_file(f"evals/{number}.eval.yaml", ("score", Verdict.REGRESSED, "x" * 900)) for number in range(40)]
    told = find_notification(RunNews("shop", RUN, files), ALL)

    assert told is not None
    assert len(told.body) < 1900
    assert "and 37 more failing gates" in told.body


def test_control_characters_become_visible() -> None:
    file = make_file("evil\x1b[31m\n.eval.yaml", ("score", Verdict.REGRESSED, "two\nlines\u202e"))
    told = find_notification(RunNews("shop\x07", RUN, [file]), ALL)

    assert told is not None
    assert told.title.startswith("regressed: evals of shop\\x07 on main")
    assert "evil\\x1b[31m\\n.eval.yaml: 3 of 4" in told.body
    assert "two\\nlines\\u202e" in told.body


@pytest.mark.parametrize(
    ("environment", "link"),
    [
        (
            {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"},
            "https://github.com/a/b/actions/runs/7",
        ),
        ({"CI_JOB_URL": "https://gitlab.test/a/-/jobs/7"}, "https://gitlab.test/a/-/jobs/7"),
        ({"BUILD_URL": "https://jenkins.test/job/7/"}, "https://jenkins.test/job/7/"),
        (
            {"SYSTEM_COLLECTIONURI": "https://dev.azure.com/a/", "SYSTEM_TEAMPROJECT": "b", "BUILD_BUILDID": "7"},
            "https://dev.azure.com/a/b/_build/results?buildId=7",
        ),
        ({"GITHUB_RUN_ID": "7"}, ""),
    ],
)
def test_the_job_of_a_ci_server_is_linked(environment: dict[str, str], link: str) -> None:
    assert find_link(environment) == link
