"""What a run came to, in the one line that everybody reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_promptevals.records.comparisons import GateResult, Verdict
from pytest_promptevals.records.run_reports import RunReport
from pytest_promptevals.reports.case_counts import cases_text
from pytest_promptevals.reports.markdown_text import inline
from pytest_promptevals.reports.metric_texts import effect_change, metric_title, value_text
from pytest_promptevals.reports.standing import Standing, find_standing, gates_text
from pytest_promptevals.reports.words import count_text

SIGNS: Final = {
    Verdict.REGRESSED: "❌",
    Verdict.FAILED: "❌",
    Verdict.INSUFFICIENT_DATA: "❌",
    Verdict.INCONCLUSIVE: "⚠️",
    Verdict.PASSED: "✅",
    Verdict.NO_BASELINE: "–",  # noqa: RUF001 - the dash of a table
}
"""A sign for each verdict, beside its word."""
_LONGEST_NAME: Final = 120


def headline(report: RunReport) -> str:
    """Return the verdict of a run in one line of Markdown."""
    cases = cases_text(report)
    match find_standing(report):
        case Standing.STOPPED:
            return f"{'❌' if report.has_failures else '⚠️'} Evals stopped early, so there is no verdict; {cases}"
        case Standing.GATES_FAIL:
            return f"❌ Evals {_gates_text([gate for gate in report.gates if gate.fails])}; {cases}"
        case Standing.OTHERS_FAIL:
            return f"❌ Evals: {cases}; {gates_text(report)}{_others_text(report.failures)}"
        case Standing.CANNOT_TELL:
            unsure = [gate for gate in report.gates if gate.verdict is Verdict.INCONCLUSIVE]
            return f"⚠️ Evals {_gates_text(unsure)}; {cases}"
        case Standing.UNKNOWN:
            return f"⚠️ Evals: {cases}; no gate failed"
        case Standing.GOOD:
            return f"✅ Evals: {cases}{_good_text(report)}"


def _good_text(report: RunReport) -> str:
    if not all(case.result.passed for file in report.files for case in file.cases):
        return ", the others were let through; no gate failed"
    is_compared = any(gate.evidence is not None for gate in report.gates)
    return ", no regression" if is_compared else "; there is no baseline to compare with"


def _gates_text(gates: Sequence[GateResult]) -> str:
    more = f" (and {count_text(len(gates) - 1, 'more gate')})" if len(gates) > 1 else ""
    return f"{_gate_text(gates[0])}{more}"


def _others_text(failures: Sequence[str]) -> str:
    if not failures:
        return ""
    more = f" and {len(failures) - 1} more" if len(failures) > 1 else ""
    return f", but {inline(failures[0], _LONGEST_NAME)}{more} did"


def _gate_text(gate: GateResult) -> str:
    file = inline(gate.file, _LONGEST_NAME)
    if gate.evidence is None:
        return f"{gate.verdict.value}: gate {inline(gate.gate, _LONGEST_NAME)} of {file}"
    effect = gate.evidence.effect
    title = inline(metric_title(effect.metric), _LONGEST_NAME)
    before, after = (value_text(effect.metric, value).replace("$", "&#36;") for value in (effect.before, effect.after))
    moved = "rose" if effect_change(effect) > 0 else "fell"
    return f"{gate.verdict.value}: {title} of {file} {moved} from {before} to {after}"
