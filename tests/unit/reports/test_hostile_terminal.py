"""Ten thousand hostile strings through everything that is made for a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

import pytest

from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.changes import CaseChanges, FileChanges, Flip, ModelChange, PromptChange, ValueChange
from pytest_promptevals.records.comparisons import BaselineCase, Change, Comparison, Delta, GateResult, Metrics, Verdict
from pytest_promptevals.records.responses import Message, RenderedPrompt, Response
from pytest_promptevals.records.results import ErrorRecord, Score, Trial
from pytest_promptevals.reports.changes import change_lines
from pytest_promptevals.reports.lines import Line, fill_lines
from pytest_promptevals.reports.review import Detail, error_lines, failure_lines
from pytest_promptevals.reports.side_by_side import side_by_side
from pytest_promptevals.reports.tables import text_table
from pytest_promptevals.reports.terminal import below_lines, summary_lines
from pytest_promptevals.reports.words import visible_line
from tests.support.gated import make_effect
from tests.support.hostile import DANGEROUS, KINDS, hostile_strings, marker
from tests.support.sample_results import PLACE, make_result

ALL: Final = 10_000
FEW: Final = 40 * len(KINDS)
"""For what takes longer than 0.1 ms: forty strings of each kind."""
METRICS: Final = Metrics(3, 1, 1, 0.5, 0.5)
ESCAPES: Final = re.compile("\x1b|\x9b")
MARKERS: Final = re.compile(r"marker\d{5}end")


def assert_harmless(rows: Iterable[str], line_end: str = "") -> str:
    """Assert that no row would be obeyed by a terminal, and return what a reader sees."""
    rows = list(rows)
    found = [row for row in rows if DANGEROUS.search(row)]
    assert not found, ascii(found[0])
    return line_end.join(rows)


def texts_of(lines: Iterable[Line]) -> list[str]:
    return [line.text for line in lines]


def count_readable(seen: str) -> int:
    return len(set(MARKERS.findall(seen)))


def test_the_strings_are_hostile_and_each_is_another_one() -> None:
    strings = hostile_strings(ALL)

    assert len(set(strings)) == ALL
    assert sum(len(text) > 999_000 for text in strings) == 3
    assert sum(bool(ESCAPES.search(text)) for text in strings) > 700
    assert sum(bool(DANGEROUS.search(text)) for text in strings) > 3000
    assert all(marker(number) in text for number, text in enumerate(strings))


def test_names_of_cases() -> None:
    strings = hostile_strings(ALL)
    deltas = tuple(Delta(text, Change.WORSE, 1.0, 0.5, PLACE) for text in strings)
    comparison = Comparison("a.eval.yaml", METRICS, has_baseline=True, baseline="it", deltas=deltas)

    rows = texts_of(summary_lines([comparison], width=80, verbosity=1))

    # A word of wide letters is broken, and a marker may be part of one.
    assert count_readable(assert_harmless(rows).replace("  ", "")) == ALL


def test_explanations_of_gates() -> None:
    strings = hostile_strings(ALL)
    gates = tuple(GateResult("a.eval.yaml", "score", Verdict.REGRESSED, text, PLACE) for text in strings)

    rows = texts_of(summary_lines([Comparison("a.eval.yaml", METRICS, gates=gates)], width=80, verbosity=0))

    assert count_readable(assert_harmless(rows).replace("  ", "")) == ALL


@pytest.mark.parametrize("verbosity", [-2, -1, 0, 1])
def test_names_of_eval_files_baselines_gates_and_judges(verbosity: int) -> None:
    comparisons = [
        Comparison(
            text,
            METRICS,
            has_baseline=True,
            baseline=text,
            deltas=tuple(Delta(text, change, 1.0, 0.5, Location(text, 1), renamed_from=text) for change in Change),
            gates=(GateResult(text, text, Verdict.REGRESSED, text, Location(text, 1)),),
            effects=(make_effect(0.2, metric=f"judges.{text}"),),
        )
        for text in hostile_strings(FEW)
    ]

    assert_harmless(texts_of(summary_lines(comparisons, width=80, verbosity=verbosity, past={}, grown=["\x1b[2J"])))


def test_node_ids_and_reasons_of_cases_that_are_let_through() -> None:
    strings = hostile_strings(ALL)

    seen = assert_harmless(texts_of(below_lines(dict(zip(strings, strings, strict=True)), 10**9, 1)))

    assert count_readable(seen) == ALL


def test_reviews_of_failures() -> None:
    strings = hostile_strings(FEW)
    for number, text in enumerate(strings):
        scores = (Score(text, 0.0, passed=False, threshold=0.5, explanation=f"{text}\n{text}"),)
        result = make_result(
            text,
            0.0,
            model=text,
            expected=text,
            prompt=RenderedPrompt((Message("user", text), Message("system", text)), text),
            scores=scores,
            trials=(Trial(1, Response(f"no, {text}"), scores, 0.0, passed=False),),
        )
        before = BaselineCase(text, text, "c", text, text, 1.0, passed=True, output=text)

        assert marker(number) in assert_harmless(failure_lines(result, before))


def test_errors_of_providers() -> None:
    strings = hostile_strings(ALL)
    results = (make_result("a", None, error=ErrorRecord("provider", text)) for text in strings)

    seen = assert_harmless(row for result in results for row in error_lines(result))

    assert count_readable(seen) == ALL


def test_what_changed() -> None:
    for text in hostile_strings(FEW):
        delta = Delta(text, Change.WORSE, 1.0, 0.0, Location(text, 1), passed_before=True, passed_after=False)
        changes = FileChanges(
            CaseChanges(
                (PromptChange(text, "a", "b", 1, {text: text}, {text: f"{text}!"}),), (ModelChange(text, text, 1),)
            ),
            resolved=(ValueChange(text, text, text),),
            parameters=(ValueChange(text, text, [text]),),
            judges=(ValueChange(text, text, None),),
            packages=(ValueChange(text, None, text),),
            flips=(Flip(delta, text, f"now {text}"),),
            hint=text,
        )
        comparison = Comparison(text, METRICS, has_baseline=True, baseline=text, deltas=(delta,))

        assert_harmless(texts_of(change_lines(comparison, changes, 80)))


@pytest.mark.parametrize(
    "show",
    [
        lambda text: fill_lines(text, 80),
        lambda text: [Line(text).text],
        lambda text: text_table(["a", "b"], [[text, "c"]]).splitlines(),
        lambda text: [visible_line(text)],
    ],
    ids=["fill_lines", "Line", "text_table", "visible_line"],
)
def test_any_text(show: Callable[[str], list[str]]) -> None:
    for number, text in enumerate(hostile_strings(ALL)):
        rows = show(text)
        assert marker(number) in assert_harmless(rows).replace("  ", "")
        assert not any("\n" in row for row in rows)


def test_two_outputs_beside_each_other() -> None:
    for number, text in enumerate(hostile_strings(FEW)):
        rows = side_by_side(text, "b", 10_000)

        assert marker(number) in assert_harmless(rows)


def test_of_a_line_of_a_megabyte_a_review_shows_the_begin_unless_all_is_asked_for() -> None:
    endless = "x" * 1_000_000
    scores = (Score("mine", 0.0, passed=False, explanation=endless),)
    result = make_result("a", 0.0, scores=scores, trials=(Trial(1, Response(endless), scores, 0.0, passed=False),))

    assert max(map(len, failure_lines(result, None))) < 6_000
    assert max(map(len, failure_lines(result, None, Detail(2)))) > 1_000_000
    assert len(error_lines(make_result("a", None, error=ErrorRecord("provider", endless)))[0]) < 6_000
