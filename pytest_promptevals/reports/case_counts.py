"""How many cases a run has, and how many of them pass, in a few words."""

from __future__ import annotations

from pytest_promptevals.records.run_reports import RunReport
from pytest_promptevals.records.runs import RunStatus
from pytest_promptevals.reports.words import count_text


def cases_text(report: RunReport) -> str:
    """Return ``7 of 8 cases pass, 1 error``; of a run that did not finish, also how many cases it did not come to."""
    results = [case.result for file in report.files for case in file.cases]
    passed = sum(result.passed is True for result in results)
    errors = sum(result.error is not None for result in results)
    missing = _count_missing(report, len(results))
    if not results:
        return f"none of {count_text(missing, 'case')} has a result" if missing else "no case has a result"
    text = f"{passed:,} of {count_text(len(results), 'case')} pass"
    text += f", {count_text(errors, 'error')}" if errors else ""
    return f"{text}, {missing:,} more {'has' if missing == 1 else 'have'} no result" if missing else text


def _count_missing(report: RunReport, results: int) -> int:
    """Return how many of the selected cases have no result, as far as the run knows: a share counts those of all."""
    run = report.run
    is_known = run.status is not RunStatus.FINISHED and run.shard is None
    return max(0, run.selected - results) if is_known else 0
