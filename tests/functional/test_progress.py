"""The progress line on a terminal: real pytest runs on a real pseudo-terminal."""

from __future__ import annotations

import time

import pytest

from tests.support.progress_runs import (
    CONFTEST,
    PLAIN,
    SOME_TESTS,
    THEIR_REPORTER,
    make_runs,
    watch,
    without_times,
)
from tests.support.project import EvalProject
from tests.support.screen import Keyboard, ScreenRun

WIDE_NAMES = """
    import time

    import pytest


    @pytest.mark.parametrize("name", ["x" * length for length in range(40, 80)] + ["\\u6f22" * 20, "\\u6f22" * 40])
    def test_some(name):
        time.sleep(0.02)
"""
NOISY = """
    import logging
    import time

    import pytest


    @pytest.mark.parametrize("number", range(8))
    def test_some(number, capsys):
        time.sleep(0.02)
        logging.getLogger().warning("attention %d", number)
        with capsys.disabled():
            print("visible")
            time.sleep(0.03)
            print("and without an end", end="")
        time.sleep(0.02)
"""
OTHER_PLUGIN = '''


    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(nodeid):
        """Write as plugins do that report in the middle of a run."""
        import time

        if nodeid.endswith("3]"):
            REPORTER[0].write_line("a line of its own")
            REPORTER[0].write("and no end")
            REPORTER[0].write_sep("=", "as wide as the window")
            REPORTER[0].write("x" * 80)
            time.sleep(0.03)


    REPORTER = []


    def pytest_sessionstart(session):
        REPORTER.append(session.config.pluginmanager.getplugin("terminalreporter"))
'''
LIVE = "evals  412/1000 done · 64 running · $0.4213 spent (+3 unpriced) · 120 cached"
MOVES = (b"\x1b7", b"\x1b8", b"\x1bD", b"\x1b[J", b"\x1b[?7")
"""What the live line is made with, and pytest never writes."""


@pytest.fixture
def runs(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> EvalProject:
    return make_runs(project, monkeypatch)


def is_live(run: ScreenRun) -> bool:
    # In what was written: how much of it is read at once, and so which frames are seen, is up to a busy machine.
    return b"evals  412/1000" in run.raw


def without_digits(run: ScreenRun) -> list[list[object]]:
    """Return all characters with their colours, but that times may differ."""
    return [[("0", *cell[1:]) if str(cell[0]).isdigit() else cell for cell in row] for row in run.cells]


@pytest.mark.parametrize(
    ("tests", "arguments", "size"),
    [
        pytest.param(SOME_TESTS, [], (24, 80), id="dots"),
        pytest.param(SOME_TESTS, ["-v"], (24, 80), id="verbose"),
        pytest.param(SOME_TESTS, ["-v"], (10, 40), id="verbose-small"),
        pytest.param(SOME_TESTS, ["-o", "console_output_style=count"], (3, 60), id="three-rows"),
        pytest.param(SOME_TESTS, ["-x", "--capture=sys"], (24, 80), id="stops-early"),
        pytest.param(SOME_TESTS, ["--setup-show", "-k", "1"], (24, 80), id="setup-show"),
        pytest.param(WIDE_NAMES, ["-v"], (24, 80), id="names-as-wide-as-the-window"),
        pytest.param(NOISY, [], (24, 80), id="prints-past-pytest"),
        pytest.param(NOISY, ["-v", "-o", "log_cli=true"], (24, 80), id="live-logs"),
        pytest.param(SOME_TESTS, ["-p", "xdist", "-n1"], (24, 80), id="xdist-dots"),
        pytest.param(SOME_TESTS, ["-p", "xdist", "-n1", "-v"], (24, 80), id="xdist-verbose"),
    ],
)
def test_in_the_end_the_screen_is_what_it_is_without_the_line(
    runs: EvalProject, tests: str, arguments: list[str], size: tuple[int, int]
) -> None:
    runs.write("test_some.py", tests)
    rows, columns = size

    without = watch(runs, *arguments, rows=rows, columns=columns, environment={"MODE": "off"})
    with_line = watch(runs, *arguments, rows=rows, columns=columns)

    assert is_live(with_line)
    assert not is_live(without)
    assert without_times(with_line.lines) == without_times(without.lines)
    assert without_digits(with_line) == without_digits(without)
    assert with_line.status == without.status


def test_other_plugins_may_write_what_they_like(runs: EvalProject) -> None:
    runs.write("conftest.py", CONFTEST + OTHER_PLUGIN)

    without = watch(runs, environment={"MODE": "off"})
    with_line = watch(runs)

    assert is_live(with_line)
    assert without_times(with_line.lines) == without_times(without.lines)


def test_the_line_stands_right_below_pytests_own(runs: EvalProject) -> None:
    run = watch(runs)

    below = {frame.below for frame in run.frames if frame.lines[frame.row].startswith("test_some.py ....")}
    assert LIVE in below
    assert below <= {"", LIVE}


def test_the_line_stays_while_pytest_writes_line_after_line(runs: EvalProject) -> None:
    run = watch(runs, "-v", environment={"SECONDS": "0.03"})

    running = [frame for frame in run.frames if "test_some.py::" in frame.lines[frame.row]]
    first = next(number for number, frame in enumerate(running) if frame.below == LIVE)
    seen = [frame.below == LIVE for frame in running[first:]]
    # A frame may fall into the middle of a write; and a busy machine shows few of them.
    assert len(seen) > 4
    assert sum(seen) > 0.8 * len(seen)


def test_the_line_is_gone_before_the_summary(runs: EvalProject) -> None:
    run = watch(runs, rows=80)

    summary = [frame for frame in run.frames if any("= FAILURES =" in line for line in frame.lines)]
    assert summary
    assert not any("evals " in line for frame in summary for line in frame.lines)


def test_a_narrow_window_gets_a_short_line(runs: EvalProject) -> None:
    run = watch(runs, columns=40)

    assert "evals  412/1000 · 64 running · $0.4213+" in {frame.below for frame in run.frames}


def test_a_window_that_changes_its_size_shows_no_trace_of_the_line(runs: EvalProject) -> None:
    sizes = [(10, 40), (30, 100), (6, 60), (24, 80)]
    actions = [
        (f"test_some[{10 * number}]", lambda keyboard, size=size: keyboard.resize(*size))
        for number, size in enumerate(sizes, 1)
    ]

    run = watch(runs, "-v", actions=actions)

    assert is_live(run)
    assert not any("evals " in line for line in run.lines)
    assert sum("PASSED" in line for line in run.lines) >= 50


def interrupt(keyboard: Keyboard) -> None:
    keyboard.type("\x03")


def test_after_ctrl_c_nothing_of_the_line_is_left(runs: EvalProject) -> None:
    run = watch(runs, actions=[("412/1000", interrupt)])

    assert run.status == pytest.ExitCode.INTERRUPTED
    assert any("KeyboardInterrupt" in line for line in run.lines)
    assert not any("evals " in line for line in run.lines)


def test_a_debugger_has_the_screen_for_itself(runs: EvalProject) -> None:
    runs.write(
        "test_some.py", "import time\n\ndef test_some():\n    time.sleep(0.3)\n    breakpoint()\n    time.sleep(0.3)\n"
    )

    def look_around(keyboard: Keyboard) -> None:
        time.sleep(0.2)
        keyboard.type("p 'look' + 'ing'\n")

    run = watch(runs, actions=[("(Pdb)", look_around), ("'looking'", lambda keyboard: keyboard.type("c\n"))])

    assert run.status == 0
    in_debugger = [frame for frame in run.frames if "(Pdb)" in frame.lines[frame.row]]
    afterwards = [frame for frame in run.frames if any("PDB continue" in line for line in frame.lines)]
    assert in_debugger
    assert not any("evals" in line for frame in in_debugger for line in frame.lines)
    assert any("evals" in line for frame in afterwards for line in frame.lines)
    assert not any("evals " in line for line in run.lines)


def test_a_debugger_after_a_failure_has_the_screen_for_itself(runs: EvalProject) -> None:
    runs.write(
        "test_some.py", "import time\n\ndef test_some():\n    print('one\\ntwo')\n    time.sleep(0.3)\n    assert 0\n"
    )

    run = watch(runs, "--pdb", actions=[("(Pdb)", lambda keyboard: keyboard.type("q\n"))])

    assert is_live(run)
    assert any("Quitting debugger" in line for line in run.lines)
    assert not any("evals " in line for line in run.lines)


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["-q"], {}),
        (["-s"], {}),
        ([], {"MODE": "plain"}),
        ([], {"TERM": "dumb"}),
        ([], {"CI": "true"}),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, list) else "-".join(value),
)
def test_where_a_live_line_would_disturb_there_are_whole_lines(
    runs: EvalProject, arguments: list[str], environment: dict[str, str]
) -> None:
    run = watch(runs, *arguments, columns=120, environment={"INTERVAL": "0.1", **environment})

    assert PLAIN in run.lines
    assert not any(move in run.raw for move in MOVES)


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["-qq"], {}),
        (["--collect-only"], {}),
        (["--setup-plan"], {}),
        (["-p", "no:terminal"], {}),
        ([], {"MODE": "off"}),
    ],
    ids="-".join,
)
def test_nothing_at_all_is_shown(runs: EvalProject, arguments: list[str], environment: dict[str, str]) -> None:
    run = watch(runs, *arguments, environment={"INTERVAL": "0.01", **environment})

    assert run.status in (0, 1)
    assert b"evals" not in run.raw
    assert not any(move in run.raw for move in MOVES)


def test_a_reporter_of_somebody_else_has_its_screen_for_itself(runs: EvalProject) -> None:
    runs.write("conftest.py", CONFTEST + THEIR_REPORTER)

    run = watch(runs, environment={"INTERVAL": "0.01"})

    assert any("2 failed, 57 passed" in line for line in run.lines)
    assert b"evals" not in run.raw


def test_a_terminal_that_knows_only_ascii_gets_ascii(runs: EvalProject) -> None:
    run = watch(runs, environment={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})

    assert "evals  412/1000 done | 64 running | $0.4213 spent (+3 unpriced) | 120 cached" in {
        frame.below for frame in run.frames
    }
