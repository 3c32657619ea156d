"""SIGUSR1 pauses and resumes."""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from pytest_promptevals.pytest_glue import pausing
from pytest_promptevals.pytest_glue.pausing import PauseSwitch, install_pause

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no SIGUSR1")


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    """Leave the process as it was, whatever a test does."""
    before = signal.getsignal(signal.SIGUSR1)
    yield
    signal.signal(signal.SIGUSR1, before)


def installed(on_toggle: Callable[[bool], None] = lambda _: None, **arguments: Any) -> PauseSwitch:
    switch = install_pause(on_toggle, **arguments)
    assert switch is not None
    return switch


def send_signal() -> None:
    signal.raise_signal(signal.SIGUSR1)


def test_the_signal_pauses_and_the_next_lets_go_on() -> None:
    seen: list[bool] = []
    switch = installed(seen.append)

    send_signal()
    assert switch.is_paused
    send_signal()

    assert seen == [True, False]
    assert not switch.is_paused


def test_it_is_forwarded_and_told() -> None:
    seen: list[str] = []
    installed(lambda is_paused: seen.append(str(is_paused)), forward=lambda: seen.append("forward"), tell=seen.append)

    send_signal()
    send_signal()

    assert seen == [
        "True",
        "forward",
        f"evals paused: kill -USR1 {os.getpid()} goes on",
        "False",
        "forward",
        "evals go on",
    ]


def test_the_users_handler_gets_the_signal_too_and_is_back_afterwards() -> None:
    seen: list[int] = []

    def users(number: int, frame: FrameType | None) -> None:
        seen.append(number)

    signal.signal(signal.SIGUSR1, users)
    switch = installed()
    send_signal()

    switch.uninstall()

    assert seen == [signal.SIGUSR1]
    assert signal.getsignal(signal.SIGUSR1) is users


def test_without_a_handler_of_the_users_there_is_none_afterwards() -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    switch = installed()

    switch.uninstall()
    switch.uninstall()

    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN


def test_a_handler_that_was_put_over_ours_stays_and_ours_only_hands_on() -> None:
    seen: list[object] = []
    signal.signal(signal.SIGUSR1, lambda number, _: seen.append(number))
    switch = installed(seen.append)

    def over(number: int, frame: FrameType | None) -> None:
        switch.handle(number, frame)

    signal.signal(signal.SIGUSR1, over)

    switch.uninstall()
    send_signal()

    assert signal.getsignal(signal.SIGUSR1) is over
    assert seen == [signal.SIGUSR1]


def test_outside_of_the_main_thread_nothing_is_installed() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    results: list[object] = ["nothing"]

    thread = threading.Thread(target=lambda: results.append(install_pause(lambda _: None)))
    thread.start()
    thread.join()

    assert results[-1] is None
    assert signal.getsignal(signal.SIGUSR1) == before


def test_a_platform_without_the_signal_has_no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pausing, "_NUMBER", None)

    assert install_pause(lambda _: None) is None


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says which signals are caught")
def test_a_handler_in_c_is_left_alone() -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    faulthandler.register(signal.SIGUSR1)
    try:
        assert install_pause(lambda _: None) is None
    finally:
        faulthandler.unregister(signal.SIGUSR1)


def test_where_nobody_says_which_signals_are_caught_the_switch_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pausing, "_STATUS", tmp_path / "none")

    installed().uninstall()


def test_a_handler_that_python_does_not_know_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda _: None)

    assert install_pause(lambda _: None) is None
