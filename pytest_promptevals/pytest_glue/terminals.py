"""What pytest's terminal reporter writes to, reached past its capturing.

All use of what pytest keeps to itself is here.
"""

from __future__ import annotations

import contextlib
import functools
import operator
import os
from collections.abc import Callable
from typing import Any, Final, TextIO

import pytest

_FALLBACK_SIZE: Final = (80, 24)
_SOMETHING: Final = -2
"""What the reporter itself puts in place of a path when a line is full and the next text begins a new one."""


class Terminal:
    """The place that pytest writes to. May be written to from any thread, while pytest captures output, too."""

    def __init__(self, reporter: Any, descriptor: int | None) -> None:
        self._reporter = reporter
        self._writer = reporter._tw  # noqa: SLF001 - pytest has no public way to the writer's file and line
        self._descriptor = descriptor
        self.read_line: Callable[[], str] = functools.partial(operator.attrgetter("_current_line"), self._writer)
        """Returns what pytest has written of the line that it is in, as far as it knows."""
        self.stream: TextIO = self._writer._file  # noqa: SLF001 - see above
        self.is_screen = descriptor is not None and os.isatty(descriptor)
        """Whether somebody sees the text as it comes, on something that has columns and rows."""
        self.is_pytests_own = type(reporter) is pytest.TerminalReporter
        """Whether no plugin has put a reporter of its own in place of pytest's."""

    @property
    def has_long_lines(self) -> bool:
        """Whether each test has a line of its own, as with ``-v``."""
        return bool(self._reporter.showlongtestinfo)

    @property
    def line_width(self) -> int:
        """Columns that the line of pytest takes; -1 where it holds what is no character."""
        return int(self._writer.width_of_current_line)

    def begin_new_line(self) -> None:
        """Have pytest go on as at the beginning of a line."""
        self._writer._current_line = ""  # noqa: SLF001 - its column would be wrong from here on

    def begin_after(self, line: str) -> None:
        """Have pytest begin a new line before it goes on, and write again what it had begun."""
        self._writer._current_line = line  # noqa: SLF001 - its column would be wrong from here on
        self._reporter.currentfspath = _SOMETHING

    def put_stream(self, stream: Any) -> None:
        """Have pytest write to another stream."""
        self._writer._file = stream  # noqa: SLF001 - the only way to see every write of pytest and its plugins

    def remove_stream(self, stream: object) -> None:
        """Have pytest write to its own stream again, unless somebody else has replaced ours meanwhile."""
        if self._writer._file is stream:  # noqa: SLF001 - see above
            self._writer._file = self.stream  # noqa: SLF001 - see above

    def size(self) -> tuple[int, int]:
        """Return columns and rows, as they are now. Raises ``OSError`` when the screen is gone."""
        if self._descriptor is None or not self.is_screen:
            return _FALLBACK_SIZE
        columns, rows = os.get_terminal_size(self._descriptor)
        return (columns, rows) if columns and rows else _FALLBACK_SIZE

    def is_in_foreground(self) -> bool:
        """Return whether the shell has not put this process into the background, where it would write over others."""
        if self._descriptor is None:
            return True
        try:
            return os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:  # it is no terminal that controls us, so nobody else has it
            return True

    def can_show(self, text: str) -> bool:
        """Return whether the encoding has all characters of a text."""
        try:
            text.encode(getattr(self.stream, "encoding", None) or "ascii")
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    def write(self, text: str) -> None:
        """Write past pytest and its capturing, at once. Raises ``OSError`` when there is nobody any more."""
        if self._descriptor is None:
            self.stream.write(text)
            self.stream.flush()
            return
        data = text.encode(getattr(self.stream, "encoding", None) or "ascii", "replace")
        while data:
            data = data[os.write(self._descriptor, data) :]

    def close(self) -> None:
        """Give back the file descriptor."""
        if self._descriptor is not None:
            os.close(self._descriptor)


def open_terminal(config: pytest.Config) -> Terminal | None:
    """Return what pytest reports on, ``None`` if nothing does or a plugin's reporter is too different.

    Call it in the main thread.
    """
    reporter = config.pluginmanager.getplugin("terminalreporter")
    writer = getattr(reporter, "_tw", None)
    needed = [(reporter, "currentfspath"), (reporter, "showlongtestinfo"), (writer, "_file"), (writer, "_current_line")]
    if not all(hasattr(owner, name) for owner, name in needed):
        return None
    return Terminal(reporter, _copy_descriptor(config, writer))


def _copy_descriptor(config: pytest.Config, writer: Any) -> int | None:
    """Return a descriptor of our own: while a test runs, the known one leads to what captures its output."""
    capturing = config.pluginmanager.getplugin("capturemanager")
    disabled = capturing.global_and_fixture_disabled() if capturing is not None else contextlib.nullcontext()
    with disabled:
        try:
            return os.dup(writer._file.fileno())  # noqa: SLF001 - see Terminal
        except (AttributeError, OSError, ValueError):
            return None
