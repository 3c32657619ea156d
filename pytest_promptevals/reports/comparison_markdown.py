"""Two runs beside each other as Markdown, for a pull request or a wiki."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pytest_promptevals.reports.comparison_view import LEGEND, METRIC_HEADS, CaseList, ComparisonView, FileView
from pytest_promptevals.reports.markdown_text import inline

_CASE_HEADS: Final = ("case", "score", "", "place")
_OUTPUT_HEADS: Final = ("case", "answered before", "answered now")


def comparison_markdown(view: ComparisonView) -> str:
    """Return the report as GitHub's Markdown. What strangers wrote is text in it: no markup, no image, no mention."""
    return "\n".join(_lines(view))


def _lines(view: ComparisonView) -> Iterator[str]:
    yield f"**Before:** {inline(view.before)}  "
    yield f"**Now:** {inline(view.now)}"
    for note in view.notes:
        yield from ("", inline(note))
    for file in view.files:
        yield from ("", *_file_lines(file))
    if any(file.metrics for file in view.files):
        yield from ("", f"<sub>{inline(LEGEND)}</sub>")


def _file_lines(file: FileView) -> Iterator[str]:
    verdict = f": {file.verdict}" if file.verdict else ""
    yield f"### {inline(file.file)}{verdict}"
    if file.before:
        yield from ("", f"Before: {inline(file.before)}")
    if file.gates:
        yield ""
    for gate in file.gates:
        yield f"- **{inline(gate.name)}** {gate.verdict}: {inline(gate.explanation)}"
    if file.metrics:
        yield from ("", *_table(METRIC_HEADS, [row.cells for row in file.metrics]))
        yield from ("", f"{file.compared}.")
    for cases in file.cases:
        yield from ("", *_case_lines(cases))


def _case_lines(cases: CaseList) -> Iterator[str]:
    if not cases.rows:
        yield f"{cases.title}."
        return
    yield from ("<details>", f"<summary>{cases.title}</summary>", "")
    yield from _table(_CASE_HEADS, [(row.name, row.scores, row.note, row.place) for row in cases.rows])
    if cases.left_out:
        yield from ("", f"… and {cases.left_out:,} more.")
    answered = [(row.name, *row.outputs) for row in cases.rows if row.outputs is not None]
    if answered:
        yield from ("", *_table(_OUTPUT_HEADS, answered, _text_in_lines))
    yield from ("", "</details>")


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], write: Callable[[str], str] | None = None
) -> Iterator[str]:
    for number, row in enumerate([heads, *rows]):
        yield f"| {' | '.join(map(write or inline, row))} |"
        if number == 0:
            yield f"| --- |{' ---: |' * (len(heads) - 1)}" if heads is METRIC_HEADS else f"|{' --- |' * len(heads)}"


def _text_in_lines(text: str) -> str:
    return "<br>".join(map(inline, text.splitlines()))
