"""What is said of a flaky case."""

from __future__ import annotations

from pytest_promptevals.comparison.flaky import Flakiness
from pytest_promptevals.reports.words import count_text


def flaky_text(flakiness: Flakiness) -> str:
    """Return how often the case passed, and how often it may be expected to."""
    known = flakiness.probability
    trials = f"passed {known.passes} of {count_text(known.trials, 'earlier trial')}"
    expected = f"{known.low * 100:.0f} % to {known.high * 100:.0f} %"
    return f"{trials}{'' if flakiness.is_unchanged else ' before the change'}, {expected}"
