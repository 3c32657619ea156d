"""The controller's side of pytest-xdist: results arrive on the workers' reports."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from pytest_promptevals.pytest_glue.options import settings_of

if TYPE_CHECKING:
    from pytest_promptevals.pytest_glue.recording import RunRecorder


class Controller:
    """Hands what comes from workers to the recorder, which is made when the first result arrives."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the case's result off a worker's report."""
        if hasattr(report, "promptevals_result"):
            self._recorder().take(report)
        if hasattr(report, "promptevals_review"):
            self._recorder().restore_review(report)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Decide when all workers are done."""
        result = yield
        if self._config.pluginmanager.has_plugin("promptevals-recorder"):
            self._recorder().decide(session)
        return result

    def _recorder(self) -> RunRecorder:
        from pytest_promptevals.pytest_glue.recording import recorder_of  # noqa: PLC0415 - only for eval items

        return recorder_of(self._config, settings_of(self._config))
