"""Whole lines between pytest's own."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any

import pytest

from pytest_promptevals.pytest_glue import plain_lines
from pytest_promptevals.pytest_glue.plain_lines import PlainLines
from tests.support.emulator import EmulatedTerminal

TEXT = "evals 3/9 done"


class Clock:
    """Stands in for the module ``time``."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(plain_lines, "time", clock)
    return clock


@pytest.fixture
def terminal() -> EmulatedTerminal:
    return EmulatedTerminal()


@pytest.fixture
def lines(terminal: EmulatedTerminal, clock: Clock) -> PlainLines:
    return PlainLines(terminal, lambda _: TEXT, 30.0)


def wait(lines: PlainLines, clock: Clock, seconds: int) -> None:
    for _ in range(seconds):
        clock.now += 1
        lines.tick()


def test_a_short_run_has_no_line(terminal: EmulatedTerminal, lines: PlainLines, clock: Clock) -> None:
    wait(lines, clock, 29)
    lines.pytest_runtest_logfinish()

    assert terminal.emulator.lines == []


def test_after_the_interval_a_line_comes_when_a_test_ends(
    terminal: EmulatedTerminal, lines: PlainLines, clock: Clock
) -> None:
    terminal.writer.write("a::x PASSED", flush=True)
    wait(lines, clock, 30)
    before = terminal.emulator.lines

    lines.pytest_runtest_logfinish()
    lines.pytest_runtest_logfinish()

    assert before == ["a::x PASSED"]
    assert terminal.emulator.lines == ["a::x PASSED", TEXT]


def test_a_test_that_takes_long_gets_its_line_meanwhile(
    terminal: EmulatedTerminal, lines: PlainLines, clock: Clock
) -> None:
    terminal.writer.write("a::x ", flush=True)

    wait(lines, clock, 31)

    assert terminal.emulator.lines == ["a::x", TEXT]


def test_a_line_comes_each_time_the_interval_has_passed(
    terminal: EmulatedTerminal, lines: PlainLines, clock: Clock
) -> None:
    wait(lines, clock, 100)

    assert terminal.emulator.lines == [TEXT, TEXT, TEXT]


def test_with_long_lines_pytest_begins_its_line_again(terminal: EmulatedTerminal, lines: PlainLines) -> None:
    terminal.writer.write("a::x ", flush=True)
    terminal.reporter.currentfspath = "a::x "

    lines.tell("note")
    lines.pytest_runtest_logfinish()

    assert terminal.reporter.currentfspath == -2
    assert terminal.read_line() == "note"


def test_with_short_lines_pytest_goes_on_at_the_first_column(clock: Clock) -> None:
    terminal = EmulatedTerminal(has_long_lines=False)
    lines = PlainLines(terminal, lambda _: TEXT, 30.0)
    terminal.reporter.currentfspath = "a.eval.yaml"
    terminal.writer.write("a.eval.yaml ...", flush=True)

    lines.tell("note")
    lines.pytest_runtest_logfinish()
    terminal.writer.write("..", flush=True)

    assert terminal.emulator.lines == ["a.eval.yaml ...", "note", ".."]
    assert terminal.writer.width_of_current_line == 2
    assert terminal.reporter.currentfspath == "a.eval.yaml"


def test_a_line_that_has_just_begun_needs_no_break(terminal: EmulatedTerminal, lines: PlainLines) -> None:
    lines.tell("note")
    lines.pytest_runtest_logfinish()

    assert terminal.emulator.lines == ["note"]


def test_what_pytest_has_not_yet_flushed_comes_first(terminal: EmulatedTerminal, lines: PlainLines) -> None:
    terminal.writer.write("a::x PASSED")

    lines.tell("note")
    lines.pytest_runtest_logfinish()

    assert terminal.emulator.lines == ["a::x PASSED", "note"]


@pytest.mark.parametrize("hook", ["pytest_runtest_logstart", "pytest_runtest_logreport"])
def test_no_line_comes_between_while_pytest_reports(
    terminal: EmulatedTerminal, lines: PlainLines, clock: Clock, hook: str
) -> None:
    reporting: Generator[None, Any, object] = getattr(lines, hook)()
    next(reporting)
    lines.tell("note")

    in_another_thread(lambda: wait(lines, clock, 5))
    during = terminal.emulator.lines
    with pytest.raises(StopIteration, match="the result"):
        reporting.send("the result")
    in_another_thread(lambda: wait(lines, clock, 1))

    assert during == []
    assert terminal.emulator.lines == ["note"]


def test_after_a_line_in_the_middle_of_a_test_pytest_reports_as_before(
    terminal: EmulatedTerminal, lines: PlainLines, clock: Clock
) -> None:
    lines.tell("one")
    in_another_thread(lambda: wait(lines, clock, 2))
    lines.tell("two")

    in_another_thread(lines.pytest_runtest_logfinish)

    assert terminal.emulator.lines == ["one", "two"]


def in_another_thread(work: Any) -> None:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def test_nothing_is_said_when_there_is_nothing_to_say(terminal: EmulatedTerminal, clock: Clock) -> None:
    lines = PlainLines(terminal, lambda _: "", 30.0)

    wait(lines, clock, 100)

    assert terminal.emulator.lines == []
    assert terminal.reporter.currentfspath is None


def test_without_an_interval_only_notes_are_written(terminal: EmulatedTerminal, clock: Clock) -> None:
    lines = PlainLines(terminal, lambda _: TEXT, None)

    wait(lines, clock, 100)
    lines.tell("note")
    wait(lines, clock, 2)

    assert terminal.emulator.lines == ["note"]


def test_notes_come_in_order(terminal: EmulatedTerminal, lines: PlainLines) -> None:
    lines.tell("one")
    lines.tell("two")

    lines.pytest_runtest_logfinish()

    assert terminal.emulator.lines == ["one", "two"]


def test_a_pipe_that_nobody_reads_is_pytests_to_complain_about(
    terminal: EmulatedTerminal, lines: PlainLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(text: str) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(terminal, "write", refuse)
    lines.tell("note")

    lines.pytest_runtest_logfinish()


def test_lines_stay_after_the_end(terminal: EmulatedTerminal, lines: PlainLines) -> None:
    lines.tell("note")
    lines.pytest_runtest_logfinish()

    lines.close()

    assert terminal.emulator.lines == ["note"]


@pytest.mark.parametrize(("interval", "seconds"), [(30.0, 1.0), (0.4, 0.1), (None, 1.0)])
def test_it_is_looked_at_several_times_in_an_interval(interval: float | None, seconds: float) -> None:
    assert PlainLines(EmulatedTerminal(), lambda _: "", interval).seconds == seconds
