"""Where commands write: to a file, or to whatever stands behind standard output."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final, TextIO

import click

FORMAT_HELP: Final = "Default: what the name of the file ends in, or else table."
"""What is said of the format by commands that print for people as well as for programs."""

output_option = click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="File to write to; default: print it."
)
"""Names a file in the place of standard output."""


def choose_format(form: str | None, output: Path | None, endings: Mapping[str, str], usual: str) -> str:
    """Return the format that is asked for, or else the one that the name of the file ends in.

    Args:
        form: what ``--format`` says, if anything.
        output: the file; without one, or with a name that has no ending, the usual format is meant.
        endings: the format of each ending that is known, without its dot.
        usual: the format where nothing is said.

    Raises ``click.UsageError`` for another ending: a file should be what its name says.
    """
    ending = "" if output is None else output.suffix.removeprefix(".").lower()
    if form is not None or not ending:
        return form or usual
    if ending not in endings:
        known = ", ".join(f".{name}" for name in endings)
        raise click.UsageError(
            f"{str(output)!r} ends in no format that is known: use {known}, or name one with --format"
        )
    return endings[ending]


def use_safe_stdout() -> None:
    """Let characters that a terminal's encoding has not be printed as escapes, rather than end the command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def open_output(output: Path | None) -> Iterator[TextIO]:
    """Give a stream for data: UTF-8 with plain line ends, in a file or a pipe; a terminal keeps its own encoding.

    Raises ``click.ClickException`` if the file cannot be written.
    """
    if output is None:
        use_safe_stdout()
        if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
        yield sys.stdout
        return
    # Half of a surrogate pair is no character of UTF-8.
    with _explaining(output), output.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
        yield stream


@contextlib.contextmanager
def open_binary_output(output: Path | None) -> Iterator[BinaryIO]:
    """Give a stream of bytes, for what is no text.

    Raises ``click.UsageError`` for a terminal, ``click.ClickException`` if the file cannot be written.
    """
    if output is not None:
        with _explaining(output), output.open("wb") as stream:
            yield stream
        return
    if sys.stdout.isatty():
        raise click.UsageError("this format is no text for a terminal; name a file with --output")
    yield sys.stdout.buffer


@contextlib.contextmanager
def _explaining(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}") from None
