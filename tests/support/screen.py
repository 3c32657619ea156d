"""A process on a real pseudo-terminal, and the emulated screen that shows what it writes."""

from __future__ import annotations

import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.emulator import Cells, Emulator, Frame

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals on Windows", allow_module_level=True)

import fcntl
import pty
import termios

_LONGEST = 60.0
_IN_A_TERMINAL = "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.executable, sys.argv[1:])"
"""Opening a terminal makes it the one that controls the process, as a shell's terminal does."""


@dataclass
class ScreenRun:
    """What a process has shown."""

    status: int = 0
    """Exit status, negative for a signal."""
    raw: bytes = b""
    """All that it wrote."""
    frames: list[Frame] = field(default_factory=list)
    """The screen after each piece of output."""
    lines: list[str] = field(default_factory=list)
    """All rows in the end, those that have scrolled away included."""
    cells: Cells = field(default_factory=list)
    """The same, each character with its colour and style."""


class Keyboard:
    """The user's side of the terminal."""

    def __init__(self, descriptor: int, emulator: Emulator, pid: int) -> None:
        self._descriptor = descriptor
        self._emulator = emulator
        self.pid = pid
        """The process on the other side."""

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._descriptor, text.encode())

    def resize(self, rows: int, columns: int) -> None:
        """Change the size of the window."""
        _set_size(self._descriptor, rows, columns)
        self._emulator.resize(rows, columns)


Action = tuple[str, Callable[[Keyboard], None]]
"""What to do once a text stands on the screen."""


def run_on_screen(
    folder: Path,
    arguments: Sequence[str],
    *,
    rows: int = 24,
    columns: int = 80,
    environment: Mapping[str, str] | None = None,
    actions: Sequence[Action] = (),
) -> ScreenRun:
    """Run Python with those arguments on a terminal of that size and return what was seen."""
    ours, theirs = pty.openpty()
    _set_size(ours, rows, columns)
    emulator = Emulator(rows, columns)
    process = subprocess.Popen(
        [sys.executable, "-c", _IN_A_TERMINAL, sys.executable, *arguments],
        cwd=folder,
        env={**_environment(), **(environment or {})},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    run = ScreenRun()
    try:
        _watch(run, Keyboard(ours, emulator, process.pid), ours, emulator, actions)
        run.status = process.wait(timeout=_LONGEST)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    run.lines, run.cells = emulator.lines, emulator.cells
    return run


def _watch(run: ScreenRun, keyboard: Keyboard, descriptor: int, emulator: Emulator, actions: Sequence[Action]) -> None:
    to_do = list(actions)
    for data in _pieces(descriptor):
        run.raw += data
        emulator.feed(data)
        run.frames.append(emulator.frame)
        if to_do and any(to_do[0][0] in line for line in run.frames[-1].lines):
            to_do.pop(0)[1](keyboard)


def _pieces(descriptor: int) -> Iterator[bytes]:
    end = time.monotonic() + _LONGEST
    while time.monotonic() < end:
        if not select.select([descriptor], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(descriptor, 65_536)
        except OSError:  # Linux says so when the last process has closed the other side
            return
        if not data:
            return
        yield data
    raise TimeoutError(f"still running after {_LONGEST:.0f} s")


def _set_size(descriptor: int, rows: int, columns: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _environment() -> dict[str, str]:
    not_ours = ("CI", "BUILD_NUMBER", "COLUMNS", "LINES", "NO_COLOR")
    return {name: value for name, value in os.environ.items() if name not in not_ours} | {"TERM": "xterm-256color"}
