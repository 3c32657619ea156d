"""``--evals-level``: what a run says of itself when it leaves judges out."""

from __future__ import annotations

import shutil

import pytest

from pytest_promptevals.pytest_glue.options import settings_of
from pytest_promptevals.records.partial import is_partial
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.reports.terminal import fill_lines
from pytest_promptevals.reports.words import count_text


class LevelNotice:
    """Counts the cases of which only a part of the judges ran, and says so at the end.

    Raises ``pytest.UsageError`` if their scores were to become baselines.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._level = settings_of(config).judged_level
        self._names: set[tuple[str, str]] = set()
        if settings_of(config).save_baseline:
            raise pytest.UsageError(
                f"--evals-save-baseline needs the scores of all judges, and level {self._level} leaves some out; "
                "save baselines with --evals-level 3"
            )

    def pytest_promptevals_case_finished(self, result: CaseResult) -> None:
        """Count a case."""
        if is_partial(result.case_fingerprint):
            self._names.add((result.file, result.name))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how many there were."""
        if not self._names or terminalreporter.config.get_verbosity() < 0:
            return
        text = (
            f"level {self._level}: {count_text(len(self._names), 'case')} without the judges above it, compared with "
            "what the others said before"
        )
        for row in fill_lines(text, shutil.get_terminal_size().columns):
            terminalreporter.write_line(row)
