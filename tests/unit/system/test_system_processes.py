"""Whether a process is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.system import processes
from pytest_promptevals.system.processes import is_alive, started_at
from pytest_promptevals.system.windows_processes import is_running

on_linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells states and start times")


@on_linux
def test_a_killed_process_that_nobody_waited_for_is_not_alive() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert is_alive(process.pid)
    assert started_at(process.pid) == started_at(process.pid) != ""

    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert not is_alive(process.pid)
    assert started_at(process.pid) == ""
    process.communicate()


def test_a_system_that_tells_no_states_goes_by_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "Path", lambda _: Path("/nowhere"))

    assert is_alive(os.getpid())
    assert started_at(os.getpid()) == ""


def test_a_process_is_alive_until_it_ends() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert is_alive(process.pid)

    process.communicate()

    assert not is_alive(process.pid)


def test_no_number_is_no_process() -> None:
    assert not is_alive(0)
    assert not is_alive(-1)


def test_a_process_of_another_user_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)

    assert is_alive(1)


class FakeKernel:
    """Answers as ``kernel32`` does."""

    def __init__(self, handle: int, exit_code: int | None) -> None:
        self.handle = handle
        self.exit_code = exit_code
        self.closed: list[int] = []

    def OpenProcess(self, access: int, inherit: int, pid: int) -> int:  # noqa: N802 - Windows' name
        assert (access, inherit, pid) == (0x1000, 0, 77)
        return self.handle

    def GetExitCodeProcess(self, handle: int, code: Any) -> bool:  # noqa: N802 - Windows' name
        assert handle == self.handle
        if self.exit_code is not None:
            code._obj.value = self.exit_code
        return self.exit_code is not None

    def CloseHandle(self, handle: int) -> None:  # noqa: N802 - Windows' name
        self.closed.append(handle)


@pytest.mark.parametrize(("exit_code", "expected"), [(259, True), (0, False), (1, False), (None, True)])
def test_on_windows_a_process_is_running_until_it_has_an_exit_code(exit_code: int | None, *, expected: bool) -> None:
    kernel = FakeKernel(5, exit_code)

    assert is_running(77, kernel, lambda: 0) is expected
    assert kernel.closed == [5]


@pytest.mark.parametrize(("error", "expected"), [(5, True), (87, False)], ids=["access denied", "no such process"])
def test_on_windows_a_process_that_may_not_be_asked_is_running(error: int, *, expected: bool) -> None:
    assert is_running(77, FakeKernel(0, None), lambda: error) is expected
