"""``evals_notify``: tells people of a run whose gates fail, of its recovery, and of a budget that is spent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence

import pytest

from pytest_promptevals.history.failed_before import find_failed_before
from pytest_promptevals.history.place import OFF, locate_history
from pytest_promptevals.notifying import find_problems, find_receivers, send
from pytest_promptevals.pytest_glue.saying import say
from pytest_promptevals.pytest_glue.selection import is_eval
from pytest_promptevals.records.comparisons import Comparison
from pytest_promptevals.records.notifications import Event
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run, RunKind, RunStatus
from pytest_promptevals.reports.lines import fill_lines
from pytest_promptevals.reports.notification import RunNews, find_link, find_notification
from pytest_promptevals.settings import Settings

_BUDGET = "budget"
"""``ErrorRecord.kind`` of a case that the budget kept from running."""


class RunNotifier:
    """Sends notifications when a run is decided. They never change its verdict.

    Args:
        config: pytest's, that of a process which records a run.
        settings: those of the session.
        add_notices: tells the user lines at the end.
    """

    def __init__(self, config: pytest.Config, settings: Settings, add_notices: Callable[[Sequence[str]], None]) -> None:
        self._config = config
        self._settings = settings
        self._add_notices = add_notices
        self._wanted = frozenset(map(Event, settings.notify_on))
        self._receivers, self._problems = find_receivers(settings.notify, os.environ)
        self._is_checked = False
        self._not_run: set[tuple[str, str]] = set()
        self._is_known = False
        self._failed = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what fails."""
        self._failed += report.failed

    def pytest_report_collectionfinish(self, items: Sequence[pytest.Item]) -> list[str]:
        """Say what keeps notifications from being sent, before anything is paid."""
        if self._config.option.collectonly or self._settings.plan or not any(map(is_eval, items)):
            return []
        width = shutil.get_terminal_size().columns
        return [line for text in self._check() for line in fill_lines(text, width)]

    def pytest_promptevals_run_started(self, run: Run) -> None:
        """Say the same where workers of pytest-xdist collect."""
        self._is_known = run.status is RunStatus.FINISHED
        for problem in [] if self._is_checked else self._check():
            say(self._config, problem)

    def pytest_promptevals_case_finished(self, result: CaseResult) -> None:
        """Count a case that the budget kept from running; its result may come a second time, with further trials."""
        item = (result.file, result.name)
        if result.error is not None and result.error.kind == _BUDGET:
            self._not_run.add(item)
        else:
            self._not_run.discard(item)

    @pytest.hookimpl(trylast=True)
    def pytest_promptevals_run_finished(self, run: Run, comparisons: Sequence[Comparison]) -> None:
        """Send what is to be told of the run."""
        # Somebody sits before the others, or, with shards, the run that they are merged into tells.
        # So does whoever has a run printed once more that was merged before.
        if run.kind is not RunKind.RUN or run.shard is not None or self._is_known:
            return
        notification = find_notification(self._news(run, comparisons), self._wanted)
        if notification is not None:
            self._add_notices([*self._problems, *send(self._receivers, notification)])

    def _check(self) -> list[str]:
        self._is_checked = True
        return [*self._problems, *find_problems(self._receivers)]

    def _news(self, run: Run, comparisons: Sequence[Comparison]) -> RunNews:
        return RunNews(
            project=self._config.rootpath.name,
            run=run,
            comparisons=comparisons,
            not_run=len(self._not_run),
            failed_before=self._failed_before(run),
            failed=self._failed,
            link=find_link(os.environ),
        )

    def _failed_before(self, run: Run) -> frozenset[str]:
        setting = self._settings.history
        if Event.RECOVERY not in self._wanted or setting == OFF or run.status is not RunStatus.FINISHED:
            return frozenset()
        return find_failed_before(locate_history(self._config.rootpath, setting), run)
