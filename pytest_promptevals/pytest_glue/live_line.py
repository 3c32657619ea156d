"""A line below the one that pytest writes, on a screen."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from typing import Any, Final

from pytest_promptevals.pytest_glue.terminals import Terminal

_SMALLEST_ROWS: Final = 3
_ERASE: Final = "\x1b[J"
"""Clears from the cursor to the end of the screen; pytest has nothing there."""
_MAKE_ROOM: Final = "\x1bD\x1b[A"
"""Down a row, where the screen scrolls if it was the last, and up again. Both keep the column."""
_SAVE: Final = "\x1b7"
_RESTORE: Final = "\x1b8"
_DOWN: Final = "\x1b[B\r"
_UP: Final = "\x1b[A"
_INSIDE: Final = 0
"""The cursor stands on a column of its line."""
_UNKNOWN: Final = -1
"""Nobody can say where the cursor is, or how to get back there."""


class LiveLine:
    """Keeps a line on the screen below the cursor, and takes it away before pytest writes there.

    A thread draws it. The terminal itself remembers where the cursor was, so it does not matter who wrote what. pytest
    writes through ``_Above``: what stays within pytest's line goes straight through, for everything else the live line
    is erased, and drawn again below it, in one piece.
    """

    seconds: Final = 0.25
    """Seconds between two calls of ``tick``."""

    def __init__(self, terminal: Terminal, compose: Callable[[int | None], str], capturing: Any) -> None:
        self._terminal = terminal
        self._compose = compose
        self._capturing = capturing
        self._lock = threading.RLock()
        self._text = ""
        self._is_drawn = False
        self._is_held = False
        self.columns = terminal.size()[0]
        """Columns that the screen had last."""
        self._cursor = self._find_cursor()
        self._above = _Above(terminal, self)
        terminal.put_stream(self._above)
        self._watch_capturing()

    def tell(self, text: str) -> None:
        """Do nothing: the line itself says so."""

    def tick(self) -> None:
        """Draw the line with what is known now. The thread that keeps time calls it."""
        columns, rows = self._terminal.size()
        is_possible = rows >= _SMALLEST_ROWS and self._terminal.is_in_foreground()
        text = self._compose(columns - 1) if is_possible else ""
        with self._lock:
            self.columns = columns
            self._text = text
            self._show()

    def write_around(self, text: str) -> int:
        """Write what does not stay within pytest's line."""
        with self._lock:
            erased = self._erasing()
            cursor = self._find_cursor()
            drawn = self._drawing(cursor)
            self._terminal.stream.write(erased + text + drawn)
            self._terminal.stream.flush()
            self._cursor, self._is_drawn = cursor, bool(drawn)
        return len(text)

    def hold(self) -> None:
        """Take the line away: somebody writes past pytest from here on."""
        with self._lock:
            self._is_held = True
            self._show()

    def release(self) -> None:
        """Draw the line again."""
        if self._is_held:
            with self._lock:
                self._is_held = False
                self._show()

    def close(self) -> None:
        """Take the line away for good, and let pytest write as before."""
        for name in ("suspend_global_capture", "resume_global_capture", "global_and_fixture_disabled"):
            vars(self._capturing).pop(name, None)
        with self._lock:
            self._is_held = True
            self._terminal.remove_stream(self._above)
            # A screen that is gone needs no clearing.
            with contextlib.suppress(OSError):
                self._terminal.stream.flush()
                self._show()

    def _show(self) -> None:
        drawn = self._drawing(self._cursor)
        update = drawn or self._erasing()
        if update:
            self._is_drawn = bool(drawn)
            self._terminal.write(update)

    def _erasing(self) -> str:
        if not self._is_drawn:
            return ""
        return _ERASE if self._cursor == _INSIDE else _ERASE + _wait_behind(self._cursor)

    def _drawing(self, cursor: int) -> str:
        if not self._text or self._is_held or cursor == _UNKNOWN:
            return ""
        if cursor == _INSIDE:
            return f"{_MAKE_ROOM}{_SAVE}{_DOWN}{_cut(self._text)}{_RESTORE}"
        return f"{_MAKE_ROOM}{_DOWN}{_cut(self._text)}{_UP}{_wait_behind(cursor)}"

    def _find_cursor(self) -> int:
        """Return the columns of the screen if the cursor waits behind the last one, else ``_INSIDE`` or ``_UNKNOWN``.

        It waits there after a line that is exactly full; the next character begins a row.
        """
        line = self._terminal.read_line()
        if "\r" in line:
            return _UNKNOWN
        is_plain = line.isascii() and line.isprintable()
        width = len(line) if is_plain else self._terminal.line_width
        if 0 <= width < self.columns or 2 * len(line) < self.columns:
            return _INSIDE
        # Where wide characters are wrapped is up to the terminal.
        if not is_plain:
            return _UNKNOWN
        if width % self.columns:
            return _INSIDE
        # The last character has to be written again to get back: only of a blank is the colour known.
        return self.columns if line.endswith(" ") else _UNKNOWN

    def _watch_capturing(self) -> None:
        """Hold the line while debuggers, and tests that switch capturing off, write past pytest."""
        capturing = self._capturing
        suspend, resume = capturing.suspend_global_capture, capturing.resume_global_capture
        disabled = capturing.global_and_fixture_disabled

        def suspend_global_capture(in_: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature of pytest's own
            # Only who wants the keyboard, too, is a debugger; else a test has come to its end.
            if in_:
                self.hold()
            suspend(in_=in_)

        def resume_global_capture() -> None:
            resume()
            self.release()

        @contextlib.contextmanager
        def global_and_fixture_disabled() -> Generator[None]:
            self.hold()
            try:
                with disabled():
                    yield
            finally:
                self.release()

        capturing.suspend_global_capture = suspend_global_capture
        capturing.resume_global_capture = resume_global_capture
        capturing.global_and_fixture_disabled = global_and_fixture_disabled


class _Above:
    """What pytest writes to while there is a live line below it."""

    def __init__(self, terminal: Terminal, live_line: LiveLine) -> None:
        self._terminal = terminal
        self._live_line = live_line
        self._read_line = terminal.read_line
        self._put = terminal.stream.write
        self.flush = terminal.stream.flush

    def write(self, text: str) -> int:
        """Write a text of pytest's, whose line it is a part of already."""
        line = self._read_line()
        # Written out: this is called for every dot.
        most_columns = len(line) if line.isascii() else 2 * len(line)
        if most_columns < self._live_line.columns and "\n" not in text and "\r" not in text:
            return self._put(text)
        return self._live_line.write_around(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal.stream, name)


def _cut(text: str) -> str:
    # Where the window has just become narrower, the terminal cuts the text off instead of wrapping it.
    return f"\x1b[?7l{text}{_ERASE}\x1b[?7h"


def _wait_behind(columns: int) -> str:
    return f"\x1b[{columns}G "
