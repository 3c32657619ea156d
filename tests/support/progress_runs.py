"""Projects whose pytest runs show a progress line with made-up numbers, and ways to look at them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pytest

from tests.support.project import EvalProject
from tests.support.screen import Action, ScreenRun, run_on_screen

CONFTEST = '''
    import os

    import pytest

    from pytest_promptevals.pytest_glue.live_line import LiveLine
    from pytest_promptevals.pytest_glue.progress import ProgressReporter
    from pytest_promptevals.records.progress import Progress

    LiveLine.seconds = float(os.environ.get("SECONDS", "0.01"))
    NUMBERS = Progress(total=1000, done=412, running=64, cached=120, spent=0.4213, unpriced=3, limit=64)


    class Starter:
        """Does what the session does when its first eval item runs."""

        reporter = None

        def __init__(self, config):
            self.config = config

        def begin(self):
            if self.reporter is None:
                interval = float(os.environ.get("INTERVAL", "30"))
                mode = os.environ.get("MODE", "auto")
                self.reporter = ProgressReporter(self.config, mode, lambda: NUMBERS, interval=interval)
                self.config.pluginmanager.register(self.reporter)
                self.reporter.start()
                self.reporter.start()

        def pytest_runtest_setup(self):
            self.begin()

        def pytest_runtest_logstart(self):
            if self.config.getoption("dist", "no") != "no":
                self.begin()


    def pytest_configure(config):
        config.pluginmanager.register(Starter(config), "starter")
'''
SOME_TESTS = """
    import time
    import warnings

    import pytest


    @pytest.mark.parametrize("number", range(60))
    def test_some(number):
        print("hello")
        time.sleep(0.004)
        if number == 7:
            warnings.warn("careful")
        if number == 9:
            pytest.skip("because it is so, as it was always so and as it will ever be, in all eternity")
        assert number % 31 != 5
"""
THEIR_REPORTER = """


    class Theirs(pytest.TerminalReporter):
        pass


    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(session):
        plugins = session.config.pluginmanager
        plugins.unregister(name="terminalreporter")
        reporter = Theirs(session.config)
        reporter._session = session
        reporter._session_start = pytest_timing.Instant()
        plugins.register(reporter, "terminalreporter")


    from _pytest import timing as pytest_timing
"""
"""A conftest that puts a reporter of its own in place of pytest's, as plugins do."""
PLAIN = "evals  412/1000 done · 64 running · 524 queued · $0.4213 spent (+3 unpriced) · 120 cached · limit 64"
"""A whole line."""


def make_runs(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> EvalProject:
    """Return a project whose runs show a progress line with made-up numbers."""
    # Plugins of the developer's environment would only make the many processes slower.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PROMPTEVALS_HISTORY", "off")
    monkeypatch.delenv("COLUMNS")
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    project.write("conftest.py", CONFTEST)
    project.write(
        "pytest.ini", "[pytest]\ndisable_test_id_escaping_and_forfeit_all_rights_to_community_support = true\n"
    )
    project.write("test_some.py", SOME_TESTS)
    return project


def watch(
    runs: EvalProject,
    *arguments: str,
    rows: int = 24,
    columns: int = 80,
    actions: Sequence[Action] = (),
    environment: Mapping[str, str] | None = None,
) -> ScreenRun:
    """Run pytest on a terminal of that size."""
    plugins = ["-p", "pytest_promptevals.plugin", "-p", "no:cacheprovider"]
    return run_on_screen(
        runs.path,
        ["-m", "pytest", *plugins, *arguments],
        rows=rows,
        columns=columns,
        environment=environment,
        actions=actions,
    )


def log_of(runs: EvalProject, *arguments: str) -> str:
    """Run pytest with its output in a pipe and return it."""
    result = runs.run_process("-p", "pytest_promptevals.plugin", "-p", "no:cacheprovider", *arguments)
    return result.stdout.str()


def without_times(lines: Sequence[str]) -> list[str]:
    """Return lines whose durations are all the same."""
    return [re.sub(r"\d+\.\d\ds", "0.00s", line) for line in lines]
