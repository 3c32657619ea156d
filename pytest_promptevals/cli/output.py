"""Where commands write: to a file, or to whatever stands behind standard output."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final, TextIO, cast

import click

from pytest_promptevals.reports.consoles import PLAIN_SIGNS
from pytest_promptevals.reports.log_lines import is_read_by_service, json_without_commands, without_commands
from pytest_promptevals.reports.words import portable_json, visible_text

FORMAT_HELP: Final = "Default: what the name of the file ends in, or else table."
"""What is said of the format by commands that print for people as well as for programs."""

output_option = click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="File to write to; default: print it."
)
"""Names a file in the place of standard output; its folder is made if need be."""


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
    """Let characters that a terminal's encoding has not be printed as plain signs or escapes: none ends the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN_SIGNS)


def echo(text: str = "", *, err: bool = False) -> None:
    """Print a text for people, with control characters as escapes: whatever it is made of, the terminal obeys none."""
    shown = visible_text(text)
    click.echo(without_commands(shown) if is_read_by_service(os.environ) else shown, err=err)


def echo_json(data: object) -> None:
    """Print plain data as JSON without any control character."""
    text = portable_json(data, indent=2)
    click.echo(json_without_commands(text) if is_read_by_service(os.environ) else text)


_GUARDS: Final[Mapping[str, Callable[[str], str]]] = {
    "json": json_without_commands,
    "jsonl": json_without_commands,
    "table": without_commands,
    "markdown": without_commands,
}
"""What keeps a format from giving commands to a CI service; a space more would change what others mean."""


@contextlib.contextmanager
def open_output(output: Path | None, form: str = "") -> Iterator[TextIO]:
    """Give a stream for data: UTF-8 with plain line ends, in a file or a pipe; a terminal keeps its own encoding.

    Args:
        output: the file; without one, it is standard output.
        form: the format of the data, as far as it is known: a CI service that reads the log takes no command from it.

    Raises ``click.ClickException`` if the file cannot be written.
    """
    if output is None:
        use_safe_stdout()
        if not isinstance(sys.stdout, io.TextIOWrapper) or sys.stdout.isatty():
            yield cast(TextIO, _GuardedStream(sys.stdout, visible_text))
            return
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
        is_guarded = form in _GUARDS and is_read_by_service(os.environ)
        yield cast(TextIO, _GuardedStream(sys.stdout, _GUARDS[form])) if is_guarded else sys.stdout
        return
    with _explaining(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        # Half of a surrogate pair is no character of UTF-8.
        with output.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            yield stream


class _GuardedStream(io.TextIOBase):
    """Writes to a terminal or a log what is left of a text's power over it."""

    def __init__(self, stream: TextIO, guard: Callable[[str], str]) -> None:
        self._stream = stream
        self._guard = guard

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has an attribute, which nobody sets
        """That of the terminal."""
        return self._stream.encoding

    def writable(self) -> bool:
        """Return that it is."""
        return True

    def write(self, text: str) -> int:
        """Write a text."""
        self._stream.write(self._guard(text))
        return len(text)


@contextlib.contextmanager
def open_binary_output(output: Path | None) -> Iterator[BinaryIO]:
    """Give a stream of bytes, for what is no text.

    Raises ``click.UsageError`` for a terminal, ``click.ClickException`` if the file cannot be written.
    """
    if output is not None:
        with _explaining(output):
            output.parent.mkdir(parents=True, exist_ok=True)
            with output.open("wb") as stream:
                yield stream
        return
    if sys.stdout.isatty():
        raise click.UsageError("this format is no text for a terminal; name a file with --output")
    yield sys.stdout.buffer


@contextlib.contextmanager
def _explaining(output: Path) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError):
        raise click.ClickException(f"{output} cannot be written: what should be its folder is a file") from None
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}") from None
