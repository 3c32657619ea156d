"""Runs as a table."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from pytest_promptevals.records.run_filters import RunSummary
from pytest_promptevals.records.runs import GitState, RunKind, RunStatus
from pytest_promptevals.reports.run_list import age_text, git_text, percent_text, result_text, run_table, short_ids
from tests.support.sample_results import make_run

NOW = dt.datetime(2026, 11, 21, 18, 26, tzinfo=dt.UTC)


def summary(run_id: str = "20261121-172600-1a2b3c", **changes: Any) -> RunSummary:
    fields = {name: changes.pop(name) for name in list(changes) if name in RunSummary.__dataclass_fields__}
    run = make_run(run_id, **{"status": RunStatus.FINISHED, "calls": 12, "cost": 0.0123, **changes})
    whole = {"files": 1, "cases": 12, "errors": 0, "mean_score": 0.934, "passed": 11, "verdicts": ("passed",)}
    return RunSummary(run, **{**whole, **fields})


def test_a_table_has_a_line_for_each_run() -> None:
    running = summary(
        "20261121-182530-ffffff",
        status=RunStatus.RUNNING,
        started_at="2026-11-21T18:25:30.000+00:00",
        git=None,
        cost=None,
        cases=3,
        errors=None,
        mean_score=None,
        passed=None,
        verdicts=(),
    )

    assert run_table([running, summary()], NOW, 80).splitlines() == [
        "run              when  git            result   cases  score  pass     cost",
        "---------------  ----  -------------  -------  -----  -----  ----  -------",
        "20261121-182530   now                 running      3",
        "20261121-172600   1 h  main@aaaaaaa*  passed      12   0.93  92 %  $0.0123",
    ]


def test_columns_of_what_only_some_runs_have_are_there_where_one_has_it() -> None:
    rejudged = summary("20261121-182530-ffffff", kind=RunKind.REJUDGE, name="release", files=3)

    assert run_table([rejudged, summary()], NOW, 120).splitlines() == [
        "run              when  git            kind     name     result  files  cases  score  pass     cost",
        "---------------  ----  -------------  -------  -------  ------  -----  -----  -----  ----  -------",
        "20261121-182530   1 h  main@aaaaaaa*  rejudge  release  passed      3     12   0.93  92 %  $0.0123",
        "20261121-172600   1 h  main@aaaaaaa*                    passed      1     12   0.93  92 %  $0.0123",
    ]


def test_a_table_fits_the_terminal() -> None:
    long = summary(
        git=GitState("b" * 40, "feature/a-rather-long-name", is_dirty=True),
        name="before-the-great-change",
        files=12,
        cases=100_000,
        passed=92_000,
        verdicts=("insufficient data",),
    )

    wide, narrow = run_table([long], NOW, 110), run_table([long], NOW, 80)

    git, name = "fe...@bbbbbbb*", "before-the-g..."
    assert wide.splitlines()[2] == (
        f"20261121-172600   1 h  {git}  {name}  insufficient data     12  100000   0.93  92 %  $0.0123"
    )
    assert max(map(len, wide.splitlines())) <= 110
    assert narrow.splitlines()[0].split() == ["run", "git", "name", "result", "cases", "score", "cost"]
    assert narrow.splitlines()[-1] == "no room for when, files, pass; a wider terminal shows more"
    assert max(map(len, narrow.splitlines())) <= 80


def test_a_text_is_no_shorter_than_it_must_be_for_the_columns_that_stay() -> None:
    table = run_table([summary(git=GitState("b" * 40, "feature", is_dirty=False), name="before")], NOW, 77)

    assert table.splitlines()[0].split() == ["run", "git", "name", "result", "cases", "score", "pass", "cost"]
    assert "feature@bbbbbbb" in table


def test_errors_have_a_column_where_there_are_any_and_count_as_not_passed() -> None:
    half = summary("20261121-182530-ffffff", cases=6, errors=4, mean_score=1.0, passed=2, verdicts=("failed",))

    assert run_table([half, summary()], NOW, 90).splitlines() == [
        "run              when  git            result  cases  errors  score  pass     cost",
        "---------------  ----  -------------  ------  -----  ------  -----  ----  -------",
        "20261121-182530   1 h  main@aaaaaaa*  failed      6       4   1.00  33 %  $0.0123",
        "20261121-172600   1 h  main@aaaaaaa*  passed     12           0.93  92 %  $0.0123",
    ]


def test_of_a_long_branch_the_end_goes_before_its_commit() -> None:
    table = run_table([summary(git=GitState("b" * 40, "feature/longer", is_dirty=False))], NOW, 74)

    assert "fea...@bbbbbbb  passed" in table


def test_an_id_is_as_short_as_it_can_be() -> None:
    ids = ["20261121-172600-1a2b3c", "20261121-172600-1a3000", "20261121-172601-000000", "x"]

    assert list(short_ids(ids).values()) == ["20261121-172600-1a2", "20261121-172600-1a3", "20261121-172601", "x"]
    assert short_ids(["same", "same"]) == {"same": "same"}


def test_a_checkout_is_branch_and_commit() -> None:
    assert git_text(None) == ""
    assert git_text(GitState("c" * 40, None, is_dirty=False)) == "@ccccccc"
    assert git_text(GitState("c" * 40, "\x1b[1m", is_dirty=True)) == "\\x1b[1m@ccccccc*"


def test_what_became_of_a_run_is_its_worst_verdict_or_how_far_it_got() -> None:
    assert result_text(summary(verdicts=("regressed", "passed"))) == "regressed"
    assert result_text(summary(verdicts=())) == "finished"
    assert result_text(summary(status=RunStatus.INTERRUPTED)) == "interrupted"


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, ""), (0.0, "0 %"), (0.001, "1 %"), (0.5, "50 %"), (0.999, "99 %"), (1.0, "100 %")],
)
def test_only_what_is_all_or_nothing_is_shown_as_such(share: float | None, text: str) -> None:
    assert percent_text(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "now"), (59, "now"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86399, "23 h"), (86400 * 40, "40 d")],
)
def test_ages_are_in_one_unit(seconds: int, text: str) -> None:
    assert age_text((NOW - dt.timedelta(seconds=seconds)).isoformat(), NOW) == text
