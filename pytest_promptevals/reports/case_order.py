"""Which cases of a run a reader has to see first."""

from __future__ import annotations

from pytest_promptevals.comparison.changes import is_flip
from pytest_promptevals.records.run_reports import ReportedCase


def has_flipped(case: ReportedCase) -> bool:
    """Return whether a case passed in the baseline and fails now."""
    return case.delta is not None and is_flip(case.delta)


def badness(case: ReportedCase) -> tuple[float, float]:
    """Return a key that sorts the largest drop first, then the lowest score."""
    drop = case.delta.drop if case.delta is not None else None
    return -(drop or 0.0), case.result.score or 0.0
