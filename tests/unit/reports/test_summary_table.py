"""Eval files in the summary of a run."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import Comparison, GateResult, Metrics, Verdict
from pytest_promptevals.reports.cells import count_cells
from pytest_promptevals.reports.lines import Line
from pytest_promptevals.reports.summary_table import quiet_lines, table_lines

FILE = "evals/support.eval.yaml"
JAPANESE = "evals/評価データ.eval.yaml"
RISING = (0.2, 0.4, 0.6, 0.7)


def _gate(file: str, gate: str, verdict: Verdict) -> GateResult:
    is_accepted = verdict is Verdict.INCONCLUSIVE
    return GateResult(file, gate, verdict, "why", Location(file, 1), is_accepted=is_accepted)


def make(file: str = FILE, verdict: Verdict | None = Verdict.PASSED, gate: str = "score", **changes: Any) -> Comparison:
    gates = () if verdict is None else (_gate(file, gate, verdict),)
    comparison = Comparison(
        file, Metrics(30, 28, 0, 0.9, 0.9), has_baseline=True, mean_before=0.95, mean_after=0.9, gates=gates
    )
    return dataclasses.replace(comparison, **changes)


def table(
    *comparisons: Comparison,
    width: int = 80,
    past: Mapping[str, Sequence[float]] | None = None,
    encoding: str = "utf-8",
) -> list[str]:
    return [line.text for line in table_lines(comparisons, width, past or {}, encoding)]


def quiet(*comparisons: Comparison, width: int = 80, verbosity: int = -1) -> list[str]:
    return [line.text for line in quiet_lines(comparisons, width, verbosity, "utf-8")]


def test_columns_are_aligned_by_cells_whatever_the_letters_of_a_name() -> None:
    assert table(make(), make(JAPANESE, Verdict.REGRESSED), width=90) == [
        "eval file                   cases  passed  score  before  change  verdict",
        "evals/support.eval.yaml        30      28  0.900   0.950  -0.050  passed",
        "evals/評価データ.eval.yaml     30      28  0.900   0.950  -0.050  regressed",
    ]


def test_the_scores_of_the_last_runs_are_a_line_of_blocks() -> None:
    past = {FILE: RISING}

    assert table(make(), make("b.eval.yaml"), past=past, width=100) == [
        "eval file                cases  passed  score  before  change  trend  verdict",
        "evals/support.eval.yaml     30      28  0.900   0.950  -0.050  ▁▃▅▆█  passed",
        "b.eval.yaml                 30      28  0.900   0.950  -0.050         passed",
    ]
    assert "_-=+#  passed" in table(make(), past=past, width=100, encoding="cp1252")[1]


def test_a_small_change_looks_small_in_a_trend() -> None:
    assert "▇▇█▇█  passed" in table(make(), past={FILE: (0.86, 0.87, 0.9, 0.86)}, width=100)[1]


def test_two_runs_are_no_trend_and_of_many_only_the_last_eight_are_shown() -> None:
    assert "trend" not in table(make(), past={FILE: (0.5,)}, width=100)[0]
    assert "trend" in table(make(), past={FILE: (0.5, 0.5)}, width=100)[0]
    (trend,) = re.findall("[▁-█]+", table(make(), past={FILE: (0.1,) * 20}, width=100)[1])
    assert trend == "▁▁▁▁▁▁▁█"


def test_a_run_without_a_score_ends_no_trend() -> None:
    bare = make(metrics=Metrics(30, 0, 30, None, None))

    assert "▁▅█  passed" in table(bare, past={FILE: (0.1, 0.5, 0.9)}, width=100)[1]


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (120, "eval file cases passed errors score before change trend cost verdict"),
        (95, "eval file cases passed errors score change trend cost verdict"),
        (82, "eval file cases passed errors score change cost verdict"),
        (70, "eval file cases passed errors score change verdict"),
        (60, "eval file cases passed errors score change verdict"),
    ],
)
def test_what_says_the_least_goes_where_there_is_no_room(width: int, heads: str) -> None:
    metrics = Metrics(30, 28, 1, 0.9, 0.9, 0.0123)
    comparisons = [make(file, metrics=metrics) for file in (FILE, JAPANESE)]

    rows = table(*comparisons, width=width, past={FILE: RISING})

    assert " ".join(rows[0].split()) == heads
    assert max(map(count_cells, rows)) <= width


def test_a_name_is_shortened_before_columns_go_and_again_when_they_are_gone() -> None:
    long = make("a/very/long/path/to/the/folder/of/evals/support.eval.yaml")

    assert "before" in table(long, width=80)[0]
    assert table(long, width=80)[1].startswith("support ")
    assert "before" not in table(long, width=60)[0]
    assert table(long, width=60)[1].startswith("support ")


def test_the_verdict_alone_has_its_colour_and_its_word_says_the_same() -> None:
    found = {}
    for verdict in Verdict:
        _, row = table_lines([make(verdict=verdict)], 100, {}, "utf-8")
        found[row.text[row.marked_from :]] = row.markup

    red = {"red": True, "bold": True}
    assert found == {
        "regressed": red,
        "failed": red,
        "insufficient data": red,
        "inconclusive": {"yellow": True},
        "passed": {"green": True},
        "no baseline": {},
    }


def test_a_quiet_run_has_a_line_for_each_eval_file() -> None:
    bare = Comparison("new.eval.yaml", Metrics(2, 1, 1, 1.0, 1.0))

    assert quiet(
        make(), make(JAPANESE, Verdict.REGRESSED), make("c.eval.yaml", Verdict.INCONCLUSIVE), bare, width=99
    ) == [
        "evals/support.eval.yaml     passed             0.950 -> 0.900  28 of 30 passed",
        "evals/評価データ.eval.yaml  regressed [score]  0.950 -> 0.900  28 of 30 passed",
        "c.eval.yaml                 inconclusive       0.950 -> 0.900  28 of 30 passed",
        "new.eval.yaml               -                  1.000           1 of 2 passed, 1 error",
    ]


def test_a_quieter_run_has_a_line_only_for_those_that_fail() -> None:
    assert quiet(make(), make("b.eval.yaml", Verdict.FAILED, "min_score"), verbosity=-2) == [
        "b.eval.yaml  failed [min_score]  0.950 -> 0.900  28 of 30 passed",
    ]
    assert quiet(make(), verbosity=-2) == []
    assert quiet() == []


def test_a_quiet_line_fits_the_terminal_too() -> None:
    (line,) = quiet(make("a/very/long/path/to/the/folder/of/evals/support.eval.yaml"), width=60)

    assert line == "support  passed  0.950 -> 0.900  28 of 30 passed"


@pytest.mark.parametrize("width", [60, 80])
def test_files_can_be_told_apart_in_little_room(width: int) -> None:
    files = [make(f"evals/{name}.eval.yaml", Verdict.REGRESSED) for name in ("capitals", "dice-for-games")]

    lines = quiet(*files, width=width)
    rows = table(*files, width=width)

    assert max(map(len, rows)) <= width
    for shown in (lines, rows[1:]):
        first, second = (line.split()[0] for line in shown)
        assert first.endswith(("capitals", "capitals.eval.yaml"))
        assert second.endswith(("games", "games.eval.yaml"))


def test_a_quiet_line_has_the_colour_of_its_verdict() -> None:
    (line,) = quiet_lines([make(verdict=Verdict.REGRESSED)], 80, -1, "utf-8")

    assert line == Line(line.text, {"red": True, "bold": True})


def test_columns_stay_aligned_where_letters_are_escapes() -> None:
    assert table(make("größe.eval.yaml"), make("a.eval.yaml"), encoding="ascii") == [
        "eval file              cases  passed  score  before  change  verdict",
        r"gr\xf6\xdfe.eval.yaml     30      28  0.900   0.950  -0.050  passed",
        "a.eval.yaml               30      28  0.900   0.950  -0.050  passed",
    ]
