"""Where commands write."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest

from pytest_promptevals import cli
from pytest_promptevals.cli.output import echo, echo_json, open_output, use_safe_stdout
from pytest_promptevals.reports.consoles import PLAIN_SIGNS


class Terminal(io.TextIOWrapper):
    """Standard output on a screen."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.binary = io.BytesIO()
        super().__init__(self.binary, encoding, newline="\n")

    def isatty(self) -> bool:
        return True

    @property
    def written(self) -> bytes:
        self.flush()
        return self.binary.getvalue()


def use_terminal(monkeypatch: pytest.MonkeyPatch, encoding: str = "utf-8") -> Terminal:
    terminal = Terminal(encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    return terminal


def test_data_on_a_terminal_has_its_control_characters_as_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch, "cp1252")

    with open_output(None) as stream:
        assert (stream.encoding, stream.writable()) == ("cp1252", True)
        stream.writelines(["a\x1b[31m,b\n"])

    assert terminal.written == b"a\\x1b[31m,b\n"


def test_data_in_a_pipe_is_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.TextIOWrapper(binary := io.BytesIO(), "cp1252")
    monkeypatch.setattr(sys, "stdout", pipe)

    with open_output(None) as stream:
        stream.write("a\x1b[31m,é\n")

    pipe.flush()
    assert binary.getvalue() == "a\x1b[31m,é\n".encode()


def test_a_text_for_people_has_no_control_character_and_only_what_the_console_has(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = use_terminal(monkeypatch, "cp1252")

    use_safe_stdout()
    echo("0.9 → 0.1\x1b[2J")
    echo("to the side\x1b[2J", err=True)

    assert terminal.written == b"0.9 -> 0.1\\x1b[2J\n"
    assert capsys.readouterr().err == "to the side\\x1b[2J\n"


def test_every_command_prints_what_the_console_has(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch, "ascii")

    cli.main(["judges", "list"], standalone_mode=False)

    assert terminal.errors == PLAIN_SIGNS


def test_json_without_control_characters_means_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"text": "\x9b31m\u202e\ud800\x7f é 日"}

    echo_json(data)

    written = capsys.readouterr().out
    assert written == '{\n  "text": "\\u009b31m\\u202e\\ud800\\u007f é 日"\n}\n'
    assert json.loads(written) == data


def test_commands_print_through_what_makes_control_characters_visible() -> None:
    folder = Path(cli.__file__).parent
    printing = {
        path.name
        for path in folder.glob("*.py")
        if re.search(r"click\.s?echo\(|[^.\w]print\(", path.read_text("utf-8"))
    }

    # The schema is our own text.
    assert printing == {"output.py", "schema.py"}
