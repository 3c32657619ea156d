"""The line below pytest's own, against an emulated screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_promptevals.pytest_glue.live_line import LiveLine
from tests.support.emulator import EmulatedTerminal, NoCapturing

TEXT = "evals 3/9 done"


def compose(width: int | None) -> str:
    return TEXT[:width]


@pytest.fixture
def terminal() -> EmulatedTerminal:
    return EmulatedTerminal()


@pytest.fixture
def capturing() -> NoCapturing:
    return NoCapturing()


@pytest.fixture
def line(terminal: EmulatedTerminal, capturing: NoCapturing) -> LiveLine:
    return LiveLine(terminal, compose, capturing)


def test_it_is_drawn_below_the_line_that_pytest_writes(terminal: EmulatedTerminal, line: LiveLine) -> None:
    terminal.writer.write("a::x ", flush=True)

    line.tick()

    assert terminal.emulator.lines == ["a::x", TEXT]
    assert terminal.emulator.column == 5


def test_it_stays_where_it_is_while_pytest_adds_to_its_line(terminal: EmulatedTerminal, line: LiveLine) -> None:
    terminal.writer.write("a::x ", flush=True)
    line.tick()

    terminal.writer.write("PASSED", green=True, flush=True)

    assert terminal.emulator.lines == ["a::x PASSED", TEXT]


def test_it_moves_down_with_each_new_line_at_once(terminal: EmulatedTerminal, line: LiveLine) -> None:
    terminal.writer.write("a::x", flush=True)
    line.tick()

    terminal.writer.write("\n\na::y ")

    assert terminal.emulator.lines == ["a::x", "", "a::y", TEXT]


def test_at_the_bottom_the_screen_scrolls_for_it_and_nothing_is_lost(
    line: LiveLine, terminal: EmulatedTerminal
) -> None:
    line.tick()

    for number in range(20):
        terminal.writer.line(f"line {number}")
        line.tick()

    assert terminal.emulator.lines == [*(f"line {number}" for number in range(20)), "", TEXT]


def test_nothing_of_it_is_left_after_the_end(terminal: EmulatedTerminal, line: LiveLine) -> None:
    terminal.writer.write("a::x", flush=True)
    line.tick()

    line.close()
    terminal.writer.write("\nThe end\n")

    assert terminal.emulator.lines == ["a::x", "The end"]
    assert terminal.writer._file is terminal.stream


def test_it_comes_no_more_after_the_end(terminal: EmulatedTerminal, line: LiveLine) -> None:
    line.close()

    line.tick()

    assert terminal.emulator.lines == []


def test_the_end_leaves_a_stream_alone_that_somebody_has_put_over_ours(
    terminal: EmulatedTerminal, line: LiveLine
) -> None:
    theirs = object()
    terminal.put_stream(theirs)

    line.close()

    assert terminal.writer._file is theirs


def test_it_goes_when_there_is_nothing_to_say_any_more(terminal: EmulatedTerminal) -> None:
    texts = [TEXT, ""]
    line = LiveLine(terminal, lambda _: texts.pop(0), NoCapturing())

    line.tick()
    line.tick()

    assert terminal.emulator.lines == []


def test_it_is_asked_for_a_text_one_column_narrower_than_the_window(terminal: EmulatedTerminal) -> None:
    widths: list[int | None] = []

    def note(width: int | None) -> str:
        widths.append(width)
        return TEXT

    line = LiveLine(terminal, note, NoCapturing())

    line.tick()
    terminal.emulator.resize(8, 25)
    line.tick()

    assert widths == [29, 24]


def test_a_window_that_has_become_narrower_cuts_it_off(terminal: EmulatedTerminal, line: LiveLine) -> None:
    terminal.writer.write("a::x", flush=True)
    line.tick()
    terminal.emulator.resize(8, 10)

    terminal.writer.write("\na::y", flush=True)

    assert terminal.emulator.lines[:2] == ["a::x", "a::y"]
    assert len(terminal.emulator.lines) == 3


def test_two_rows_are_too_few_for_it() -> None:
    terminal = EmulatedTerminal(rows=2)
    line = LiveLine(terminal, compose, NoCapturing())

    line.tick()

    assert terminal.emulator.lines == []


def test_a_process_in_the_background_draws_nothing(terminal: EmulatedTerminal, line: LiveLine) -> None:
    terminal.foreground = False

    line.tick()

    assert terminal.emulator.lines == []


@pytest.mark.parametrize("width", [29, 30, 31, 60])
def test_a_line_as_wide_as_the_window_goes_on_where_it_was(
    terminal: EmulatedTerminal, line: LiveLine, width: int
) -> None:
    begun = "x" * (width - 1) + " "
    terminal.writer.write(begun, flush=True)
    line.tick()
    line.tick()
    seen = terminal.emulator.lines[-1]

    terminal.writer.write("PASSED", flush=True)

    wrapped = begun + "PASSED"
    rows = [wrapped[start : start + 30].rstrip() for start in range(0, len(wrapped), 30)]
    assert seen == TEXT
    assert terminal.emulator.lines == [*rows, TEXT]


def test_a_line_that_was_full_from_the_start_goes_on_where_it_was(terminal: EmulatedTerminal) -> None:
    terminal.writer.write("x" * 29 + " ", flush=True)
    line = LiveLine(terminal, compose, NoCapturing())

    line.tick()
    terminal.writer.write("PASSED", flush=True)

    assert terminal.emulator.lines == ["x" * 29, "PASSED", TEXT]


def test_what_does_not_fit_into_a_window_that_has_become_narrower_moves_the_line_down(
    terminal: EmulatedTerminal, line: LiveLine
) -> None:
    line.tick()
    terminal.emulator.resize(8, 15)
    line.tick()

    terminal.writer.write("x" * 20, flush=True)

    assert terminal.emulator.lines == ["x" * 15, "x" * 5, TEXT]


def test_what_does_not_fit_is_written_at_once(terminal: EmulatedTerminal, line: LiveLine) -> None:
    line.tick()

    terminal.writer.write("x" * 40)

    assert terminal.emulator.lines == ["x" * 30, "x" * 10, TEXT]


def test_a_line_with_colours_of_its_own_is_not_taken_for_a_full_one(terminal: EmulatedTerminal, line: LiveLine) -> None:
    terminal.writer.write("\x1b[31m" + "x" * 20 + "\x1b[0m ", flush=True)

    line.tick()
    terminal.writer.write("PASSED", flush=True)

    assert len(terminal.read_line().removesuffix("PASSED")) == 30
    assert terminal.emulator.lines == ["x" * 20 + " PASSED"]


def test_a_full_line_that_ends_in_a_colour_is_left_alone(terminal: EmulatedTerminal, line: LiveLine) -> None:
    line.tick()

    terminal.writer.write("x" * 30, flush=True)
    line.tick()

    assert terminal.emulator.lines == ["x" * 30]
    terminal.writer.write("\n")
    assert terminal.emulator.lines == ["x" * 30, "", TEXT]


def test_wide_characters_that_wrap_are_left_alone(terminal: EmulatedTerminal, line: LiveLine) -> None:
    terminal.writer.write("x" + "\u6f22" * 16, flush=True)

    line.tick()

    assert TEXT not in terminal.emulator.lines
    terminal.writer.write("\n")
    assert terminal.emulator.lines[-1] == TEXT


def test_wide_characters_that_fit_are_no_reason_to_go(terminal: EmulatedTerminal, line: LiveLine) -> None:
    terminal.writer.write("x" * 10 + "\u6f22" * 9, flush=True)

    line.tick()

    assert terminal.emulator.lines[-1] == TEXT


def test_it_waits_while_somebody_writes_a_line_anew(terminal: EmulatedTerminal, line: LiveLine) -> None:
    terminal.writer.write("50 items", flush=True)
    line.tick()

    terminal.writer.write("\r60", flush=True)
    line.tick()

    assert terminal.emulator.lines == ["60 items"]
    terminal.writer.write("\r60 items\na::x", flush=True)
    assert terminal.emulator.lines == ["60 items", "a::x", TEXT]


def test_what_the_stream_cannot_encode_is_written_as_pytest_does(terminal: EmulatedTerminal, line: LiveLine) -> None:
    def refuse(text: str) -> int:
        text.encode("ascii")
        return writes(text)

    writes: Callable[[str], int] = terminal.stream.write
    line.tick()
    terminal.stream.write = refuse  # type: ignore[method-assign]  # as a stream with a small encoding does

    terminal.writer.write("\u20ac\n", flush=True)

    assert terminal.emulator.lines == ["\\u20ac\\n", TEXT]


def test_the_stream_is_what_it_was_in_everything_else(terminal: EmulatedTerminal, line: LiveLine) -> None:
    assert terminal.writer._file.encoding == "utf-8"
    assert terminal.writer._file.isatty()


def test_a_write_returns_the_number_of_characters(terminal: EmulatedTerminal, line: LiveLine) -> None:
    line.tick()

    assert terminal.writer._file.write("abc\n") == 4


def test_a_debugger_finds_the_screen_without_it(
    terminal: EmulatedTerminal, line: LiveLine, capturing: NoCapturing
) -> None:
    terminal.writer.write("a::x ", flush=True)
    line.tick()

    capturing.suspend_global_capture(in_=True)
    terminal.write("\n(Pdb) \n")
    line.tick()
    terminal.write("c\n")

    assert terminal.emulator.lines == ["a::x", "(Pdb)", "c"]
    assert capturing.calls == [("suspend", True)]


def test_it_is_back_when_the_debugger_has_gone(
    terminal: EmulatedTerminal, line: LiveLine, capturing: NoCapturing
) -> None:
    line.tick()
    capturing.suspend_global_capture(in_=True)
    terminal.write("(Pdb) c\n")

    capturing.resume_global_capture()

    assert terminal.emulator.lines == ["(Pdb) c", "", TEXT]
    assert capturing.calls == [("suspend", True), "resume"]


def test_it_stays_when_a_test_has_come_to_its_end(
    terminal: EmulatedTerminal, line: LiveLine, capturing: NoCapturing
) -> None:
    line.tick()

    capturing.suspend_global_capture()

    assert terminal.emulator.lines == ["", TEXT]


def test_what_a_test_prints_without_capturing_stands_alone(
    terminal: EmulatedTerminal, line: LiveLine, capturing: NoCapturing
) -> None:
    terminal.writer.write("a::x ", flush=True)
    line.tick()

    with capturing.global_and_fixture_disabled():
        terminal.write("hello\n")
        line.tick()
        terminal.write("hi")
        held = terminal.emulator.lines

    assert held == ["a::x hello", "hi"]
    assert terminal.emulator.lines == ["a::x hello", "hi", TEXT]
    assert capturing.calls == ["disabled", "enabled"]


def test_capturing_is_pytests_own_again_after_the_end(line: LiveLine, capturing: NoCapturing) -> None:
    line.close()

    assert [name for name in vars(capturing) if "capture" in name or "disabled" in name] == []


def test_a_screen_that_is_gone_does_not_make_the_end_fail(
    terminal: EmulatedTerminal, line: LiveLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(text: str) -> None:
        raise OSError(5, "Input/output error")

    line.tick()
    monkeypatch.setattr(terminal, "write", refuse)

    line.close()


def test_told_something_it_says_nothing_as_the_line_itself_does(terminal: EmulatedTerminal, line: LiveLine) -> None:
    line.tell("evals paused")

    assert terminal.emulator.lines == []
