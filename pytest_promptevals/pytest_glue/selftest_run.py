"""``--evals-selftest``: answers that know nothing are put to the judges, in the place of the run."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from pytest_promptevals.pytest_glue.options import settings_of
from pytest_promptevals.pytest_glue.writing import width_of, write_lines

if TYPE_CHECKING:
    from pytest_promptevals.engine.planning import PlannedCase
    from pytest_promptevals.engine.selftest import FileTest


class SelftestRun:
    """Takes the items from the loop that runs the tests, and puts their cases to the test instead.

    Raises ``pytest.UsageError`` together with ``--evals-plan``.
    """

    def __init__(self, config: pytest.Config) -> None:
        if settings_of(config).plan:
            raise pytest.UsageError(
                "--evals-plan and --evals-selftest both take the place of the run; give one of them"
            )
        self._config = config
        self._tests: tuple[FileTest, ...] | None = None
        # The judges of thousands of cases answer within seconds: workers would take longer to start.
        config.option.dist = "no"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Leave nothing to run, and test the cases. What is wrong with the collected files is pytest's to say."""
        if session.config.option.collectonly:
            return (yield)
        cases = _take_cases(session)
        returned = yield
        self._tests = self._test(cases)
        return returned

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Set the exit status: 1 for a dead case, 5, as without any tests, if no case was selected."""
        if self._tests is None or session.exitstatus != pytest.ExitCode.OK:
            return
        if any(test.dead for test in self._tests):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        elif not self._tests:
            session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what came of it."""
        if self._tests is None:
            return
        from pytest_promptevals.reports.selftest import selftest_lines  # noqa: PLC0415 - only for a self-test

        terminalreporter.write_sep("=", "evals selftest")
        lines = selftest_lines(self._tests, width=width_of(terminalreporter), verbosity=self._config.get_verbosity())
        write_lines(terminalreporter, lines)

    def _test(self, cases: list[PlannedCase]) -> tuple[FileTest, ...]:
        if not cases:
            return ()
        from pytest_promptevals.engine.selftest import run_selftest  # noqa: PLC0415 - only for a self-test
        from pytest_promptevals.pytest_glue.session import session_of  # noqa: PLC0415 - likewise

        tests: tuple[FileTest, ...] = session_of(self._config).run(lambda pipeline: run_selftest(cases, pipeline))
        return tests


def _take_cases(session: pytest.Session) -> list[PlannedCase]:
    """Return the cases of the eval items, and leave no item to run."""
    from pytest_promptevals.pytest_glue.running import CaseItem  # noqa: PLC0415 - only for a self-test

    cases = [item.planned for item in session.items if isinstance(item, CaseItem)]
    session.items.clear()
    return [planned for planned in cases if planned.case.skip is None]
