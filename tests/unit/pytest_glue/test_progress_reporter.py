"""When the line is shown, and by what; its thread, and its end."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_promptevals.pytest_glue import progress as glue
from pytest_promptevals.pytest_glue.progress import ProgressReporter
from pytest_promptevals.records.progress import Progress


class FakeDisplay:
    """Takes down what it is asked to do."""

    seconds = 0.001

    def __init__(self, on_tick: Callable[[], None] = lambda: None) -> None:
        self.calls: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.is_closed = False
        self._on_tick = on_tick

    def tick(self) -> None:
        self._on_tick()
        self.calls.put("tick")

    def tell(self, text: str) -> None:
        self.calls.put(text)

    def close(self) -> None:
        self.is_closed = True

    def wait_for(self, call: str) -> None:
        while self.calls.get(timeout=10) != call:
            pass


class FakeTerminal:
    def __init__(self) -> None:
        self.is_closed = False

    def can_show(self, text: str) -> bool:
        return True

    def close(self) -> None:
        self.is_closed = True


class Setting:
    """A reporter with a display and a terminal that can be looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, display: FakeDisplay) -> None:
        self.display = display
        self.terminal = FakeTerminal()
        self.plugins: list[object] = []
        monkeypatch.setattr(glue, "open_terminal", lambda _: self.terminal)
        monkeypatch.setattr(ProgressReporter, "_choose_display", lambda *_: display)
        manager = SimpleNamespace(
            register=lambda plugin, _: self.plugins.append(plugin),
            unregister=self.plugins.remove,
        )
        config: Any = SimpleNamespace(pluginmanager=manager, getoption=lambda *_: False)
        self.reporter = ProgressReporter(config, "auto", Progress)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Setting:
    return Setting(monkeypatch, FakeDisplay())


def test_a_thread_keeps_time_until_the_end(shown: Setting) -> None:
    shown.reporter.start()
    shown.reporter.start()
    shown.display.wait_for("tick")
    shown.display.wait_for("tick")
    during = list(shown.plugins)

    shown.reporter.stop()

    assert during == [shown.display]
    assert shown.plugins == []
    assert shown.display.is_closed
    assert shown.terminal.is_closed
    assert "promptevals-progress" not in {thread.name for thread in threading.enumerate()}


def test_what_is_told_is_told_at_once_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    display = FakeDisplay()
    display.seconds = 60
    shown = Setting(monkeypatch, display)
    shown.reporter.start()

    shown.reporter.tell("evals paused")

    display.wait_for("evals paused")
    display.wait_for("tick")
    shown.reporter.stop()


def test_an_end_without_a_beginning_or_twice_does_no_harm(shown: Setting) -> None:
    shown.reporter.stop()
    shown.reporter.start()
    shown.reporter.stop()
    shown.reporter.pytest_sessionfinish()
    shown.reporter.pytest_unconfigure()

    assert shown.display.is_closed


@pytest.mark.parametrize("hook", ["pytest_sessionfinish", "pytest_unconfigure"])
def test_the_session_ends_it(shown: Setting, hook: str) -> None:
    shown.reporter.start()

    getattr(shown.reporter, hook)()

    assert shown.display.is_closed


@pytest.mark.parametrize("way_out", ["pytest_leave_pdb", "pytest_runtest_logfinish"])
def test_it_rests_while_there_is_a_debugger(shown: Setting, way_out: str) -> None:
    shown.reporter.pytest_enter_pdb()
    shown.reporter.start()
    time.sleep(0.03)
    was_quiet = shown.display.calls.empty()

    getattr(shown.reporter, way_out)()

    assert was_quiet
    shown.display.wait_for("tick")
    shown.reporter.stop()


def test_a_terminal_that_is_gone_ends_the_thread_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(5, "Input/output error")

    shown = Setting(monkeypatch, FakeDisplay(fail))
    shown.reporter.start()
    thread = shown.reporter._thread
    assert thread is not None
    thread.join(10)

    assert not thread.is_alive()
    shown.reporter.stop()
    assert shown.display.is_closed


def test_a_terminal_that_takes_no_text_holds_up_the_end_for_a_second_only(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def block() -> None:
        begun.set()
        goes_on.wait(10)

    monkeypatch.setattr(glue, "_LONGEST_END", 0.05)
    shown = Setting(monkeypatch, FakeDisplay(block))
    shown.reporter.start()
    assert begun.wait(10)

    shown.reporter.stop()

    assert shown.display.is_closed
    assert not shown.terminal.is_closed
    goes_on.set()


def test_the_text_tells_the_pace_of_the_cases_that_were_read(monkeypatch: pytest.MonkeyPatch) -> None:
    times, done = iter([10.0, 14.0]), iter([0, 8])
    monkeypatch.setattr(glue, "time", SimpleNamespace(monotonic=lambda: next(times)))
    reporter = ProgressReporter(configured(), "auto", lambda: Progress(total=28, done=next(done)))

    texts = [reporter._compose(None), reporter._compose(40)]

    assert texts == ["evals  0/28 done · 0 running · 28 queued", "evals  8/28 done · 0 running · ETA 0:10"]


def test_a_pause_does_not_count_for_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    times, done = iter([0.0, 4.0, 90.0, 94.0]), iter([0, 8, 8, 16])
    paused = iter([False, True, True, False])
    monkeypatch.setattr(glue, "time", SimpleNamespace(monotonic=lambda: next(times)))
    reporter = ProgressReporter(
        configured(), "auto", lambda: Progress(total=28, done=next(done), is_paused=next(paused))
    )

    texts = [reporter._compose(50) for _ in range(4)]

    assert texts[-1] == "evals 16/28 done · 0 running · 2.0/s · ETA 0:06"


def configured(**options: Any) -> Any:
    return SimpleNamespace(getoption=lambda name, default=None: options.get(name, default))


@pytest.mark.parametrize(
    ("capture", "term", "is_ours"),
    [
        ("fd", "xterm", True),
        ("sys", "linux", True),
        ("tee-sys", "xterm", False),
        ("no", "xterm", False),
        (None, "xterm", False),
        ("fd", "dumb", False),
        ("fd", "", False),
    ],
)
def test_the_screen_is_ours_where_tests_do_not_write_and_the_cursor_can_move(
    monkeypatch: pytest.MonkeyPatch, capture: str | None, term: str, is_ours: bool
) -> None:
    monkeypatch.setattr("os.name", "posix")
    monkeypatch.setenv("TERM", term)

    options = {} if capture is None else {"capture": capture}
    assert glue._is_screen_ours(configured(**options)) is is_ours


def test_no_screen_is_ours_on_windows_or_without_a_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with monkeypatch.context() as windows:
        windows.setattr("os.name", "nt")
        assert not glue._is_screen_ours(configured(capture="fd"))
    monkeypatch.delenv("TERM")
    assert not glue._is_screen_ours(configured(capture="fd"))


@pytest.mark.parametrize(
    ("variables", "is_in_ci"),
    [({}, False), ({"CI": "true"}, True), ({"BUILD_NUMBER": "7"}, True), ({"CI": ""}, False)],
    ids=["none", "CI", "BUILD_NUMBER", "empty"],
)
def test_ci_is_what_pytest_takes_for_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], is_in_ci: bool
) -> None:
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert glue._is_in_ci() is is_in_ci
