"""The one verdict that stands for several."""

from __future__ import annotations

from collections.abc import Collection

from pytest_promptevals.records.comparisons import WORST_FIRST, Verdict


def worst_verdict(verdicts: Collection[Verdict]) -> Verdict | None:
    """Return the verdict that a reader has to know first; ``None`` if there is none at all."""
    return next((verdict for verdict in WORST_FIRST if verdict in verdicts), None)
