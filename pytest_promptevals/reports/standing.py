"""What a run came to: the one decision that the headlines of all reports put into words."""

from __future__ import annotations

from enum import Enum

from pytest_promptevals.records.comparisons import Verdict
from pytest_promptevals.records.run_reports import RunReport
from pytest_promptevals.records.runs import RunStatus
from pytest_promptevals.reports.words import count_text


class Standing(Enum):
    """What a run came to, the first that holds."""

    STOPPED = "stopped"
    """It did not finish: there is no verdict."""
    GATES_FAIL = "gates fail"
    """At least one gate failed."""
    OTHERS_FAIL = "others fail"
    """No gate failed; a case, an eval file or an ordinary test did."""
    CANNOT_TELL = "cannot tell"
    """Nothing failed; at least one gate is inconclusive."""
    UNKNOWN = "unknown"
    """No gate failed; some cases do not pass, and it is not known whether pytest counts that as a failure."""
    GOOD = "good"
    """Nothing failed."""


def find_standing(report: RunReport) -> Standing:
    """Return what a run came to."""
    if report.run.status is not RunStatus.FINISHED:
        return Standing.STOPPED
    if report.fails:
        return Standing.GATES_FAIL
    if report.has_failures:
        return Standing.OTHERS_FAIL
    if any(gate.verdict is Verdict.INCONCLUSIVE for gate in report.gates):
        return Standing.CANNOT_TELL
    if any(case.is_failure is None and not case.result.passed for file in report.files for case in file.cases):
        return Standing.UNKNOWN
    return Standing.GOOD


def gates_text(report: RunReport) -> str:
    """Return ``2 gates of 5 failed`` or ``no gate failed, 1 cannot tell``."""
    fails = sum(gate.fails for gate in report.gates)
    unsure = sum(gate.verdict is Verdict.INCONCLUSIVE and not gate.fails for gate in report.gates)
    said = f"{count_text(fails, 'gate')} of {len(report.gates):,} failed" if fails else "no gate failed"
    return f"{said}, {unsure:,} cannot tell" if unsure else said
