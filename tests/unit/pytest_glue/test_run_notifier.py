"""What a session counts for its notifications, and which runs it looks at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pytest_promptevals.notifying import Receiver
from pytest_promptevals.pytest_glue import notifying
from pytest_promptevals.pytest_glue.notifying import RunNotifier
from pytest_promptevals.records.comparisons import Comparison
from pytest_promptevals.records.notifications import Notification
from pytest_promptevals.records.results import ErrorRecord
from pytest_promptevals.records.runs import RunStatus
from pytest_promptevals.settings import Settings
from tests.support.run_reports import PASSED, make_file, passed_case
from tests.support.sample_results import FILE, make_result, make_run

UNPAID = make_result("a", None, error=ErrorRecord("budget", "the budget is spent"))
GREEN: list[Comparison] = [make_file(passed_case("a"), gates=[PASSED]).comparison]


@pytest.fixture
def notifier(tmp_path: Path) -> Callable[..., RunNotifier]:
    """Make a notifier for those events."""

    def make(*events: str) -> RunNotifier:
        config = cast("Any", SimpleNamespace(rootpath=tmp_path))
        return RunNotifier(config, Settings(notify=("json://127.0.0.1:9/",), notify_on=events), lambda _: None)

    return make


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Titles of what was sent; every eval file failed before."""
    titles: list[str] = []

    def keep(_: Sequence[Receiver], notification: Notification) -> list[str]:
        titles.append(notification.title)
        return []

    monkeypatch.setattr(notifying, "send", keep)
    monkeypatch.setattr(notifying, "find_failed_before", lambda *_: frozenset({FILE}))
    return titles


def test_a_case_that_further_trials_did_run_is_not_counted_as_not_run(
    notifier: Callable[..., RunNotifier], sent: list[str]
) -> None:
    told = notifier("budget")
    told.pytest_promptevals_case_finished(UNPAID)
    told.pytest_promptevals_case_finished(make_result("a"))
    told.pytest_promptevals_run_finished(make_run(status=RunStatus.FINISHED), GREEN)
    assert sent == []

    told.pytest_promptevals_case_finished(UNPAID)
    told.pytest_promptevals_case_finished(UNPAID)
    told.pytest_promptevals_run_finished(make_run(status=RunStatus.FINISHED), GREEN)
    assert [title.rpartition(", ")[2] for title in sent] == ["1 case not run"]


def test_half_a_run_is_no_recovery(notifier: Callable[..., RunNotifier], sent: list[str]) -> None:
    told = notifier("recovery")

    told.pytest_promptevals_run_finished(make_run(status=RunStatus.INTERRUPTED), GREEN)
    assert sent == []
    told.pytest_promptevals_run_finished(make_run(status=RunStatus.FINISHED), GREEN)
    assert [title.partition(":")[0] for title in sent] == ["recovered"]
