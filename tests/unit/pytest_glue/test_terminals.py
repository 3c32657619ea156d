"""What pytest's terminal reporter writes to."""

from __future__ import annotations

import io
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_promptevals.pytest_glue.terminals import Terminal, open_terminal


def reporter(stream: Any) -> SimpleNamespace:
    writer = SimpleNamespace(_file=stream, _current_line="", width_of_current_line=0)
    return SimpleNamespace(_tw=writer, currentfspath=None, showlongtestinfo=False)


def opened(terminalreporter: object, capturemanager: object = None) -> Terminal | None:
    plugins = {"terminalreporter": terminalreporter, "capturemanager": capturemanager}
    config: Any = SimpleNamespace(pluginmanager=SimpleNamespace(getplugin=plugins.get))
    return open_terminal(config)


def test_a_session_without_a_reporter_has_no_terminal() -> None:
    assert opened(None) is None


@pytest.mark.parametrize("missing", ["currentfspath", "showlongtestinfo", "_tw"])
def test_a_reporter_that_is_too_different_is_no_terminal(missing: str) -> None:
    other = reporter(io.StringIO())
    delattr(other, missing)

    assert opened(other) is None


@pytest.mark.parametrize("missing", ["_file", "_current_line"])
def test_a_writer_that_is_too_different_is_no_terminal(missing: str) -> None:
    other = reporter(io.StringIO())
    delattr(other._tw, missing)

    assert opened(other) is None


def test_a_file_is_written_to_past_what_captures_it(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="utf-8") as log, (tmp_path / "captured").open("w") as captured:
        terminal = opened(reporter(log))
        assert terminal is not None
        os.dup2(captured.fileno(), log.fileno())
        terminal.write("h\u00e9llo")
        terminal.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            terminal.write("more")

    assert (tmp_path / "log").read_text("utf-8") == "h\u00e9llo"
    assert (tmp_path / "captured").read_text() == ""
    assert not terminal.is_screen
    assert terminal.size() == (80, 24)


def test_a_stream_without_a_file_is_written_to_as_it_is() -> None:
    stream = io.StringIO()
    terminal = opened(reporter(stream))
    assert terminal is not None

    terminal.write("hello")
    terminal.close()

    assert stream.getvalue() == "hello"
    assert not terminal.is_screen
    assert terminal.size() == (80, 24)
    assert terminal.is_in_foreground()


@pytest.mark.parametrize(
    ("encoding", "is_shown"), [("utf-8", True), ("latin-1", True), ("ascii", False), ("nonsense", False), (None, False)]
)
def test_what_the_encoding_has_not_cannot_be_shown(encoding: str | None, is_shown: bool) -> None:
    terminal = Terminal(reporter(SimpleNamespace(encoding=encoding)), None)

    assert terminal.can_show("\u00b7") is is_shown


def test_characters_that_the_encoding_has_not_become_question_marks(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="ascii") as log:
        terminal = opened(reporter(log))
        assert terminal is not None
        terminal.write("h\u00e9llo")
        terminal.close()

    assert (tmp_path / "log").read_text() == "h?llo"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no pseudo-terminals on this system")
class TestOnAPseudoTerminal:
    def test_it_is_a_screen_without_a_size_of_its_own(self) -> None:
        ours, theirs = os.openpty()
        with open(theirs, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor has no path
            terminal = opened(reporter(stream))
            assert terminal is not None
            terminal.write("hello\n")
            terminal.close()

        assert terminal.is_screen
        assert os.read(ours, 100) == b"hello\r\n"
        os.close(ours)

    def test_its_size_is_what_it_is_now_and_80_by_24_where_it_has_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ours, theirs = os.openpty()
        with open(theirs, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor has no path
            terminal = opened(reporter(stream))
            assert terminal is not None
            unknown = terminal.size()
            monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((40, 10)))
            known = terminal.size()
            terminal.close()
        os.close(ours)

        assert (unknown, known) == ((80, 24), (40, 10))

    def test_a_terminal_that_controls_nobody_counts_as_the_foreground(self) -> None:
        ours, theirs = os.openpty()
        with open(theirs, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor has no path
            terminal = opened(reporter(stream))
            assert terminal is not None
            assert terminal.is_in_foreground()
            terminal.close()
        os.close(ours)

    @pytest.mark.parametrize("is_ours", [True, False])
    def test_the_foreground_is_the_group_that_the_terminal_names(
        self, monkeypatch: pytest.MonkeyPatch, is_ours: bool
    ) -> None:
        ours, theirs = os.openpty()
        group = os.getpgrp()
        monkeypatch.setattr(os, "tcgetpgrp", lambda _: group if is_ours else group + 1)
        with open(theirs, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor has no path
            terminal = opened(reporter(stream))
            assert terminal is not None
            assert terminal.is_in_foreground() is is_ours
            terminal.close()
        os.close(ours)


def test_only_the_class_of_pytest_is_pytests_own(pytestconfig: pytest.Config) -> None:
    class Theirs(pytest.TerminalReporter):  # type: ignore[misc]  # plugins do so although it is final
        pass

    assert Terminal(pytest.TerminalReporter(pytestconfig, io.StringIO()), None).is_pytests_own
    assert not Terminal(Theirs(pytestconfig, io.StringIO()), None).is_pytests_own
