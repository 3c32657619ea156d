"""The progress line where there is no terminal: whole lines in logs, with xdist and at a pause."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from tests.support.progress_runs import CONFTEST, PLAIN, THEIR_REPORTER, log_of, make_runs, without_times
from tests.support.project import EvalProject


@pytest.fixture
def runs(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> EvalProject:
    return make_runs(project, monkeypatch)


def test_a_reporter_of_somebody_else_gets_whole_lines_in_a_log(
    runs: EvalProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.write("conftest.py", CONFTEST + THEIR_REPORTER)
    monkeypatch.setenv("INTERVAL", "0.05")

    assert PLAIN in log_of(runs).splitlines()


def test_workers_show_nothing(runs: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERVAL", "0.05")
    runs.write(
        "test_some.py",
        """
        def test_some(pytestconfig):
            assert pytestconfig.pluginmanager.getplugin("starter").reporter._thread is None
        """,
    )

    assert "1 passed" in log_of(runs, "-p", "xdist", "-n1")


LONG_TESTS = """
    import time


    def test_one():
        pass


    def test_long():
        time.sleep(1.0)


    def test_longer():
        time.sleep(1.1)


    def test_four():
        pass
"""


def body(log: str) -> list[str]:
    lines = log.splitlines()
    start = next(number for number, line in enumerate(lines) if "collected" in line)
    end = next(number for number, line in enumerate(lines) if " passed in " in line)
    return lines[start + 2 : end - 1]


def collapse(lines: Sequence[str]) -> list[str]:
    """Return lines with neighbours that are the same only once: how often depends on the machine."""
    return [line for number, line in enumerate(lines) if number == 0 or lines[number - 1] != line]


def test_in_a_log_a_long_test_is_interrupted_by_whole_lines(runs: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.write("test_some.py", LONG_TESTS)
    monkeypatch.setenv("INTERVAL", "0.4")

    lines = collapse(body(log_of(runs)))

    pytests = [line for line in lines if line != PLAIN]
    assert PLAIN in lines[1:-1]
    assert "".join(pytests).replace(" ", "") == "test_some.py....[100%]"
    assert len(pytests[-1]) == 79


def test_in_a_verbose_log_each_result_has_its_test_in_front(runs: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.write("test_some.py", LONG_TESTS)
    monkeypatch.setenv("INTERVAL", "0.4")

    lines = collapse(body(log_of(runs, "-v")))

    begun = lines.index("test_some.py::test_long ")
    assert lines[begun + 1 : begun + 3] == [PLAIN, f"{'test_some.py::test_long PASSED':<73}[ 50%]"]
    assert [line for line in lines if "PASSED" in line] == [
        f"{f'test_some.py::{name} PASSED':<73}[{percent}]"
        for name, percent in [
            ("test_one", " 25%"),
            ("test_long", " 50%"),
            ("test_longer", " 75%"),
            ("test_four", "100%"),
        ]
    ]


@pytest.mark.parametrize("arguments", [[], ["-v"], ["-q"]], ids=["dots", "verbose", "quiet"])
def test_a_short_run_in_a_log_has_no_line_at_all(
    runs: EvalProject, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    with_line = log_of(runs, *arguments)
    monkeypatch.setenv("MODE", "off")
    without = log_of(runs, *arguments)

    assert without_times(with_line.splitlines()) == without_times(without.splitlines())


@pytest.mark.parametrize("arguments", [[], ["-v"], ["-q"]], ids=["dots", "verbose", "quiet"])
def test_whole_lines_disturb_no_line_of_xdist(
    runs: EvalProject, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("INTERVAL", "0.05")

    lines = log_of(runs, "-p", "xdist", "-n2", *arguments).splitlines()

    assert PLAIN in lines
    assert all(line == PLAIN for line in lines if "evals " in line)
    if arguments == ["-v"]:
        whole = re.compile(r"\[gw\d\] \[ *\d+%\] PASSED test_some.py::test_some\[\d+\] ")
        assert sum(whole.fullmatch(line) is not None for line in lines) == 57


PAUSING = """


    from pytest_promptevals.pytest_glue.pausing import install_pause


    @pytest.hookimpl(trylast=True)
    def pytest_runtest_setup(item):
        starter = item.config.pluginmanager.getplugin("starter")
        starter.switch = install_pause(lambda _: None, tell=starter.reporter.tell)
"""
SIGNALS = """
    import os
    import signal
    import time


    def test_some():
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(2.2)
        os.kill(os.getpid(), signal.SIGUSR1)


    def test_other():
        time.sleep(0.3)
"""


@pytest.mark.parametrize("mode", ["auto", "off"])
def test_a_pause_is_told_in_a_line(runs: EvalProject, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    runs.write("conftest.py", CONFTEST + PAUSING)
    runs.write("test_some.py", SIGNALS)
    monkeypatch.setenv("MODE", mode)

    lines = body(log_of(runs))

    assert lines[0] == "test_some.py "
    assert re.fullmatch(r"evals paused: kill -USR1 \d+ goes on", lines[1])
    assert "evals go on" in lines[2:]
