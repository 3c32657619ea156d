"""The numbers of a run and its eval files, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.records.comparisons import WORST_FIRST
from pytest_promptevals.records.run_reports import ReportedFile, RunReport
from pytest_promptevals.reports.markdown_headline import SIGNS
from pytest_promptevals.reports.markdown_text import inline, table
from pytest_promptevals.reports.run_list import git_text
from pytest_promptevals.reports.spending import spending_text

_HEADS: Final = ("eval file", "cases", "passed", "errors", "score", "before", "change", "cost", "verdict")
_NUMBERS: Final = range(1, 8)
"""Columns that stand at the right."""
_LONGEST_NAME: Final = 150
_UNKNOWN: Final = "–"  # noqa: RUF001 - the dash of a table
_MOST_FILES: Final = 50
_SILENT: Final = ("errors", "before", "change", "cost")
"""Columns that are left out where they say nothing of any file."""


def file_table(files: Sequence[ReportedFile]) -> list[str]:
    """Return a table of the eval files, the worst first; of very many, the first ones."""
    shown = sorted(files, key=_badness)[:_MOST_FILES]
    rows = [_row(file) for file in shown]
    kept = [number for number, head in enumerate(_HEADS) if head not in _SILENT or _says(row[number] for row in rows)]
    lines = table(_take(_HEADS, kept), [_take(row, kept) for row in rows], [number in _NUMBERS for number in kept])
    left_out = len(files) - len(shown)
    return [*lines, "", f"… and {left_out:,} more eval files.", ""] if left_out else [*lines, ""]


def run_text(report: RunReport) -> str:
    """Return what a run cost, and what it is."""
    run = report.run
    results = [case.result for file in report.files for case in file.cases]
    unpriced = sum(result.cost is None for result in results) if run.cost is None else 0
    judged = sum(charge.cost or 0.0 for result in results for charge in result.charges)
    parts = [spending_text(run, unpriced, judged), f"run {run.id}"]
    parts.append(None if run.git is None else git_text(run.git))
    return ", ".join(inline(part) for part in parts if part)


def _badness(file: ReportedFile) -> tuple[int, str]:
    return len(WORST_FIRST) if file.verdict is None else WORST_FIRST.index(file.verdict), file.file


def _row(file: ReportedFile) -> tuple[str, ...]:
    comparison, metrics = file.comparison, file.comparison.metrics
    drop = comparison.drop if comparison.has_baseline else None
    return (
        inline(file.file, _LONGEST_NAME),
        f"{metrics.cases:,}",
        f"{metrics.passed:,}",
        f"{metrics.errors:,}",
        _number(metrics.mean_score),
        _number(comparison.mean_before) if comparison.has_baseline else _UNKNOWN,
        _UNKNOWN if drop is None else _change(drop),
        inline(format_dollars(metrics.cost)) if metrics.cost else _UNKNOWN,
        _UNKNOWN if file.verdict is None else f"{SIGNS[file.verdict]} {file.verdict.value}",
    )


def _says(cells: Iterable[str]) -> bool:
    return any(cell not in ("0", _UNKNOWN) for cell in cells)


def _number(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.3f}"


def _change(drop: float) -> str:
    text = f"{-drop:+.3f}"
    return "0.000" if float(text) == 0 else text


def _take(cells: Sequence[str], numbers: Sequence[int]) -> list[str]:
    return [cells[number] for number in numbers]
