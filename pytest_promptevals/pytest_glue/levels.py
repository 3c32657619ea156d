"""``--evals-level``: what a run says of itself when it leaves judges out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_promptevals.pytest_glue.options import settings_of
from pytest_promptevals.pytest_glue.writing import write_filled
from pytest_promptevals.records.partial import MAX_LEVEL, is_partial
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.reports.words import count_text


class LevelNotice:
    """Counts the cases of which a part of the judges, or none, ran, and says so at the end.

    Raises ``pytest.UsageError`` if their scores were to become baselines.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._level = settings_of(config).judged_level
        self._names: set[tuple[str, str]] = set()
        self._skipped: set[str] = set()
        settings = settings_of(config)
        if settings.save_baseline or settings.accept:
            option = "--evals-save-baseline" if settings.save_baseline else "--evals-accept"
            raise pytest.UsageError(
                f"{option} needs the scores of all judges, and level {self._level} leaves some out; "
                "save baselines with --evals-level 3"
            )

    def pytest_promptevals_case_finished(self, result: CaseResult) -> None:
        """Count a case that a part of its judges scored."""
        if is_partial(result.case_fingerprint):
            self._names.add((result.file, result.name))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a case that is skipped for want of a judge: its reason begins with the option, and no other does."""
        if report.skipped and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            if reason.startswith(f"--evals-level {self._level} "):
                self._skipped.add(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how many there were."""
        if terminalreporter.config.get_verbosity() >= 0:
            write_filled(terminalreporter, self._texts())

    def _texts(self) -> Iterator[str]:
        level = self._level
        if self._names:
            yield (
                f"level {level}: {count_text(len(self._names), 'case')} scored without their judges above level "
                f"{level}; the baseline's scores are taken without them, too"
            )
        if self._skipped:
            yield (
                f"level {level}: {count_text(len(self._skipped), 'case')} skipped: all judges that score them are "
                f"above level {level}; --evals-level {MAX_LEVEL} runs them"
            )
