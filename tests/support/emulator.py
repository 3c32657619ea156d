"""An emulated screen, and pytest's own writer on one, inside of this process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pyte
from _pytest._io import TerminalWriter

from pytest_promptevals.pytest_glue.terminals import Terminal

Cells = list[list[tuple[object, ...]]]
"""Rows of characters, each with its colour and style."""


@dataclass(frozen=True)
class Frame:
    """What stood on the screen at one moment."""

    lines: list[str]
    """Rows, without blanks at their ends."""
    row: int
    """Row of the cursor, from 0."""

    @property
    def below(self) -> str:
        """The row below the cursor."""
        return self.lines[self.row + 1] if self.row + 1 < len(self.lines) else ""


class Emulator:
    """A screen with all that has scrolled off it."""

    def __init__(self, rows: int, columns: int) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=100_000, ratio=0.5)
        self._stream = pyte.ByteStream(self.screen)

    def feed(self, data: bytes) -> None:
        """Take what a terminal is sent."""
        self._stream.feed(data)

    def resize(self, rows: int, columns: int) -> None:
        """Change the size as xterm does: rows below the cursor go first, then those at the top; lines are cut off.

        The emulator's own way leaves the cursor on its row while the rows move.
        """
        screen, cursor = self.screen, self.screen.cursor
        row, above = cursor.y, max(0, cursor.y + 1 - rows)
        cursor.y = screen.lines - 1
        for _ in range(above):
            screen.index()
        cursor.y, cursor.x = row - above, min(cursor.x, columns - 1)
        for number in range(rows, screen.lines):
            screen.buffer.pop(number, None)
        screen.lines, screen.columns = rows, columns
        screen.set_margins()

    @property
    def cells(self) -> Cells:
        """All rows, those that have scrolled away included, without the empty ones at the end."""
        rows = [*self.screen.history.top, *(self.screen.buffer[row] for row in range(self.screen.lines))]
        cells = [[tuple(row[column]) for column in range(self.screen.columns)] for row in rows]
        while cells and all(cell[0] == " " for cell in cells[-1]):
            cells.pop()
        return cells

    @property
    def lines(self) -> list[str]:
        """The same as text, without blanks at the ends of the rows."""
        return ["".join(str(cell[0]) for cell in row).rstrip() for row in self.cells]

    @property
    def column(self) -> int:
        """Column of the cursor, from 0; the number of columns if it waits behind the last one."""
        return int(self.screen.cursor.x)

    @property
    def frame(self) -> Frame:
        """What stands on the screen now."""
        return Frame([line.rstrip() for line in self.screen.display], self.screen.cursor.y)


class EmulatedTerminal(Terminal):
    """What pytest writes to, with pytest's own writer, on an emulated screen."""

    def __init__(self, rows: int = 8, columns: int = 30, *, has_long_lines: bool = True) -> None:
        self.emulator = Emulator(rows, columns)
        self.writer = TerminalWriter(_LineBuffered(self.emulator))  # type: ignore[arg-type]  # it needs no more of it
        self.reporter = SimpleNamespace(_tw=self.writer, currentfspath=None, showlongtestinfo=has_long_lines)
        self.foreground = True
        super().__init__(self.reporter, None)

    def size(self) -> tuple[int, int]:
        return self.emulator.screen.columns, self.emulator.screen.lines

    def is_in_foreground(self) -> bool:
        return self.foreground

    def write(self, text: str) -> None:
        """Write past pytest, as a test does that has switched capturing off, too."""
        self.emulator.feed(_as_terminals_do(text))


class _LineBuffered:
    """A stream as Python opens it on a terminal."""

    encoding = "utf-8"

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._waiting = ""

    def write(self, text: str) -> int:
        self._waiting += text
        if "\n" in text:
            self.flush()
        return len(text)

    def flush(self) -> None:
        self._emulator.feed(_as_terminals_do(self._waiting))
        self._waiting = ""

    def isatty(self) -> bool:
        return True


class NoCapturing:
    """Capturing as pytest's capture manager has it, but for the capturing."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def suspend_global_capture(self, in_: bool = False) -> None:
        self.calls.append(("suspend", in_))

    def resume_global_capture(self) -> None:
        self.calls.append("resume")

    @contextlib.contextmanager
    def global_and_fixture_disabled(self) -> Iterator[None]:
        self.calls.append("disabled")
        yield
        self.calls.append("enabled")


def _as_terminals_do(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()
