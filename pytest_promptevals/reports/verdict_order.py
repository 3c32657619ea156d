"""The one verdict that stands for several."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pytest_promptevals.records.comparisons import Verdict

_WORST_FIRST: Final = (
    Verdict.REGRESSED,
    Verdict.FAILED,
    Verdict.INSUFFICIENT_DATA,
    Verdict.INCONCLUSIVE,
    Verdict.PASSED,
    Verdict.NO_BASELINE,
)


def worst_verdict(verdicts: Collection[Verdict]) -> Verdict | None:
    """Return the verdict that a reader has to know first; ``None`` if there is none at all."""
    return next((verdict for verdict in _WORST_FIRST if verdict in verdicts), None)
