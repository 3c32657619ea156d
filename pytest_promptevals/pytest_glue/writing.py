"""Lines of reports on pytest's terminal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

import pytest

from pytest_promptevals.reports.consoles import console_text
from pytest_promptevals.reports.lines import Line, fill_lines
from pytest_promptevals.reports.log_lines import is_read_by_service, without_commands


def width_of(reporter: pytest.TerminalReporter) -> int:
    """Return how many cells a line of the terminal has."""
    return min(shutil.get_terminal_size().columns, reporter._tw.fullwidth)  # noqa: SLF001 - pytest gives no public width


def encoding_of(writer: object) -> str:
    """Return the encoding of what a writer of pytest's writes to."""
    return getattr(getattr(writer, "_file", None), "encoding", None) or "ascii"


def printable_text(text: str, encoding: str) -> str:
    """Return a line as an encoding can hold it, and in a job of a CI service as one that is no command to it."""
    return console_text(log_text(text), encoding)


def log_text(text: str) -> str:
    """Return what a text is in a log: in a job of a CI service, no command to it."""
    return without_commands(text) if is_read_by_service(os.environ) else text


def write_lines(reporter: pytest.TerminalReporter, lines: Iterable[Line]) -> None:
    """Write lines in their colours, as the terminal's encoding can hold them."""
    encoding = encoding_of(reporter._tw)  # noqa: SLF001 - pytest gives no public way to its writer
    for line in lines:
        plain, marked = line.text[: line.marked_from], line.text[line.marked_from :]
        reporter.ensure_newline()
        reporter.write(printable_text(plain, encoding))
        reporter.write_line(printable_text(marked, encoding), **line.markup)


def write_filled(reporter: pytest.TerminalReporter, texts: Iterable[str], **markup: bool) -> None:
    """Write texts, each broken into lines of the terminal."""
    width = width_of(reporter)
    write_lines(reporter, (Line(row, markup) for text in texts for row in fill_lines(text, width)))
