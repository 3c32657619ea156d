"""A run as GitHub's Markdown: a comment on a pull request, or the summary of a job."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.records.comparisons import GateResult, Verdict
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.run_reports import ReportedCase, RunReport
from pytest_promptevals.reports.case_order import badness, has_flipped
from pytest_promptevals.reports.markdown_cases import case_block, error_block
from pytest_promptevals.reports.markdown_changes import change_blocks
from pytest_promptevals.reports.markdown_headline import SIGNS, headline
from pytest_promptevals.reports.markdown_text import inline
from pytest_promptevals.reports.markdown_totals import file_table, run_text
from pytest_promptevals.reports.page import Page

MARKER: Final = "<!-- promptevals -->"
"""First line of each report, by which a workflow finds the comment that it wrote before."""
LONGEST: Final = 65_000
"""Characters that are less than what GitHub takes in a comment."""
_LAST: Final = 1_500
"""Characters that are kept for the last lines."""
_MOST_BLOCKS: Final = 30
"""Of each kind: who wants to see more cases, opens another report."""
_LONGEST_REASON: Final = 800
_LONGEST_NAME: Final = 150


class MarkdownReport:
    """The verdict first, then why: numbers, what changed, cases that got worse with both answers, other failures."""

    description = "comment on a pull request, or summary of a job"
    ending = ".md"

    def render(self, report: RunReport) -> str:
        """Return the report in fewer than ``LONGEST`` characters; what there is no room for is counted at its end."""
        page = Page(LONGEST - 1, _LAST)
        page.add([MARKER, f"## {headline(report)}", ""])
        page.add(file_table(report.files) if report.files else [])
        left_out = [rest for section in _sections(report) if (rest := section.add_to(page))]
        return page.text([*_left_out_lines(left_out, report.run.id), f"<sub>{run_text(report)}</sub>"])


@dataclass(frozen=True, slots=True)
class _Section:
    """A head, and as much below it as there is room for."""

    head: str
    blocks: Iterable[Sequence[str]]
    count: int
    rest: str
    """What its blocks are called where some are left out."""

    def add_to(self, page: Page) -> str | None:
        """Add it, and return what there was no room for."""
        if not self.count:
            return None
        shown = itertools.islice(self.blocks, _MOST_BLOCKS)
        added = page.add_all(shown) if page.add([self.head, ""] if self.head else []) else 0
        page.add([""])
        return f"{self.count - added:,} {self.rest}" if added < self.count else None


def _sections(report: RunReport) -> Iterator[_Section]:
    """Yield what explains the verdict, by importance."""
    gates = [gate for gate in report.gates if gate.fails or gate.verdict is Verdict.INCONCLUSIVE]
    yield _Section("", map(_gate_lines, gates), len(gates), "verdicts")
    changes = [block for file in report.files for block in change_blocks(file)]
    yield _Section("### What changed", changes, len(changes), "changes")
    low = sorted(_low_cases(report), key=badness)
    flips = [case for case in low if has_flipped(case)]
    others = [case for case in low if not has_flipped(case)]
    yield _case_section(report, flips, "case that now fails", "cases that now fail")
    more = "more " if flips else ""
    yield _case_section(report, others, f"{more}case that does not pass", f"{more}cases that do not pass")
    errors = _group_errors(report)
    yield _Section("### Errors", (error_block(*group) for group in errors), len(errors), "errors")


def _case_section(report: RunReport, cases: Sequence[ReportedCase], one: str, many: str) -> _Section:
    blocks = (case_block(case, report.run.id) for case in cases)
    return _Section(f"### {len(cases):,} {one if len(cases) == 1 else many}", blocks, len(cases), many)


def _gate_lines(gate: GateResult) -> list[str]:
    name = f"**{inline(gate.gate, _LONGEST_NAME)}** of {inline(gate.file, _LONGEST_NAME)}"
    return [f"- {SIGNS[gate.verdict]} {name} {gate.verdict.value}: {inline(gate.explanation, _LONGEST_REASON)}"]


def _low_cases(report: RunReport) -> Iterator[ReportedCase]:
    """Yield the cases that have a score and do not pass."""
    for file in report.files:
        yield from (case for case in file.cases if case.result.passed is False and case.result.error is None)


def _group_errors(report: RunReport) -> list[tuple[CaseResult, int]]:
    """Return the first case of each error, and how many more ended in the same."""
    found: dict[str, list[CaseResult]] = {}
    for file in report.files:
        for case in file.cases:
            if case.result.error is not None:
                found.setdefault(case.result.error.message, []).append(case.result)
    return [(group[0], len(group) - 1) for group in found.values()]


def _left_out_lines(left_out: Sequence[str], run_id: str) -> list[str]:
    if not left_out:
        return []
    ways = (
        f"`promptevals show {run_id} --all` lists the cases, and "
        f"`promptevals report {run_id} --format html -o report.html` has all of it"
    )
    return [f"Left out here: {', '.join(left_out)}. {ways}.", ""]
