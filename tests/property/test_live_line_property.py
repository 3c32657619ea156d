"""Whatever is written while the live line is there: the screen is in the end what it would have been without it."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from pytest_promptevals.pytest_glue.live_line import LiveLine
from tests.support.emulator import EmulatedTerminal, NoCapturing

COLUMNS = 20
WORDS = st.one_of(
    st.sampled_from([".", " ", "a.eval.yaml ", "PASSED", "\n", "\n\n", "=" * COLUMNS, "x" * (COLUMNS - 1) + " "]),
    st.sampled_from(["\r", "\u6f22", "gr\u00f6\u00dfe", "one\ntwo\nthree ", "x" * 3 * COLUMNS]),
    st.text(alphabet="ab \u6f22\n", max_size=50),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), WORDS, st.booleans()),
        st.tuples(st.just("tick"), st.just(""), st.just(False)),
    ),
    max_size=40,
)


@given(steps=STEPS, rows=st.integers(3, 6))
def test_it_leaves_no_trace(steps: list[tuple[str, str, bool]], rows: int) -> None:
    plain, with_line = EmulatedTerminal(rows, COLUMNS), EmulatedTerminal(rows, COLUMNS)
    line = LiveLine(with_line, lambda width: "evals 3/9 done and more than fits"[:width], NoCapturing())

    for kind, text, is_green in steps:
        if kind == "tick":
            line.tick()
        else:
            plain.writer.write(text, flush=True, green=is_green)
            with_line.writer.write(text, flush=True, green=is_green)
        assert with_line.emulator.column == plain.emulator.column
    line.close()

    assert what_is_seen(with_line) == what_is_seen(plain)


def what_is_seen(terminal: EmulatedTerminal) -> list[list[object]]:
    """Return all characters with their colours; that of a blank cannot be seen."""
    return [[" " if cell[0] == " " else cell for cell in row] for row in terminal.emulator.cells]
