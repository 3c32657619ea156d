"""Two runs beside each other as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import tabulate

from pytest_promptevals.reports.cells import count_cells, pad_cells
from pytest_promptevals.reports.comparison_view import LEGEND, METRIC_HEADS, CaseList, ComparisonView, FileView
from pytest_promptevals.reports.lines import fill_lines
from pytest_promptevals.reports.side_by_side import side_by_side

_OUTPUT_ROWS: Final = 12
"""Rows of two outputs beside each other, above which they are cut."""
_ALIGN = ("left", *["right"] * (len(METRIC_HEADS) - 1))


def comparison_table(view: ComparisonView, width: int) -> str:
    """Return the report in lines of ``width`` characters, but for names and places that are longer."""
    return "\n".join(_lines(view, width))


def _lines(view: ComparisonView, width: int) -> Iterator[str]:
    yield from fill_lines(f"before: {view.before}", width, indent="        ")
    yield from fill_lines(f"now:    {view.now}", width, indent="        ")
    for note in view.notes:
        yield from fill_lines(note, width)
    for file in view.files:
        yield ""
        yield from _file_lines(file, width)
    if any(file.metrics for file in view.files):
        yield ""
        yield from fill_lines(LEGEND, width, indent="")


def _file_lines(file: FileView, width: int) -> Iterator[str]:
    yield f"{file.file}: {file.verdict}" if file.verdict else file.file
    if file.before:
        yield from fill_lines(f"  before: {file.before}", width, indent="    ")
    for gate in file.gates:
        yield from fill_lines(f"  [{gate.name}] {gate.verdict}: {gate.explanation}", width, indent="    ")
    if file.metrics:
        yield ""
        yield from _metric_lines(file)
    for cases in file.cases:
        yield ""
        yield from _case_lines(cases, width)


def _metric_lines(file: FileView) -> Iterator[str]:
    rows = [METRIC_HEADS, *(row.cells for row in file.metrics)]
    yield f"  {file.compared}"
    for line in tabulate.tabulate(rows, tablefmt="plain", colalign=_ALIGN, disable_numparse=True).splitlines():
        yield f"  {line}"


def _case_lines(cases: CaseList, width: int) -> Iterator[str]:
    yield f"  {cases.title}"
    longest = min(max((count_cells(row.name) for row in cases.rows), default=0), width // 3)
    for row in cases.rows:
        yield "    " + "  ".join(
            text for text in (pad_cells(row.name, longest), row.scores, row.note, row.place) if text
        )
        if row.outputs is not None:
            yield from _output_lines(*row.outputs, width)
    if cases.left_out:
        yield f"    ... and {cases.left_out:,} more; --all lists them"


def _output_lines(before: str, now: str, width: int) -> Iterator[str]:
    indent = " " * 6
    if before == now:
        yield f"{indent}the same output as before"
        return
    yield from (indent + row for row in side_by_side(before, now, width - len(indent), _OUTPUT_ROWS))
