"""What a gate is told of a run, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pytest_promptevals.records.cases import OnInconclusive
from pytest_promptevals.records.comparisons import Metrics, Verdict
from pytest_promptevals.records.effects import Effect, Evidence

TOLERANCE: Final = 1e-9
"""Differences of means up to this one come from floating point and count as none."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all gates of an eval file."""

    confidence: float = 0.95
    """How sure it must be that a change is none of chance, 0..1."""
    on_inconclusive: OnInconclusive = OnInconclusive.PASS
    """What a change means that is too large but may be chance."""
    max_error_rate: float | None = None
    """Share of cases that may end in an error; ``None`` asks for a score of at least half of them."""

    def has_too_many_errors(self, metrics: Metrics) -> bool:
        """Return whether errors leave too few scores: fewer than half of the cases, unless the user expects that."""
        scored = metrics.cases - metrics.errors
        is_expected = self.max_error_rate is not None and metrics.errors <= self.max_error_rate * metrics.cases
        return scored == 0 or (scored < metrics.errors and not is_expected)


@dataclass(frozen=True, slots=True)
class Tested:
    """A change, and how likely it is by chance in a run that looks at several."""

    effect: Effect
    """The change."""
    p_worse: float
    """Chance of a change for the worse this large somewhere in the run, where nothing changed."""
    p_better: float
    """The same for the better."""
    together: int = 1
    """How many changes of the run are looked at."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a gate says."""

    verdict: Verdict
    """In one word."""
    explanation: str
    """One sentence with the numbers."""
    evidence: Evidence | None = None
    """What the verdict rests on; ``None`` where nothing is compared."""
    is_accepted: bool = False
    """Whether an inconclusive verdict passes."""
