"""How a metric changed between a baseline and a run, and what that rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SCORE: Final = "score"
PASS_RATE: Final = "pass_rate"  # noqa: S105 - no password
COST: Final = "cost"
LATENCY_P50: Final = "latency_p50"
LATENCY_P95: Final = "latency_p95"
OUTPUT_LENGTH: Final = "output_length"
JUDGE_PREFIX: Final = "judges."
"""A judge's metric is ``judges.NAME``."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Where a metric's scatter comes from, as standard deviations in the metric's unit."""

    between_cases: float | None = None
    """Of the cases' true changes; ``None`` if it cannot be told from the rest."""
    between_trials: float | None = None
    """Of one trial of a case around the case's mean: the model's. ``None`` without repeated trials."""
    judge: float | None = None
    """Of one judging of the same response; ``None`` where no judge took several samples."""
    trials: float | None = None
    """Trials of each case now, on average; ``None`` if their number is not known."""


@dataclass(frozen=True, slots=True)
class Effect:
    """How one metric changed over the cases that are paired.

    ``worse_by`` and what belongs to it are positive where the run is worse: a lower score, a higher cost.
    """

    metric: str
    """``score``, ``pass_rate``, ``judges.NAME``, ``cost``, ``latency_p50``, ``latency_p95`` or ``output_length``."""
    before: float
    """Value in the baseline: the weighted mean of scores and shares, 0..1; the plain mean of US dollars for one trial
    of a case; the percentile of the cases' mean latencies in seconds; the plain mean number of characters."""
    after: float
    """The same now."""
    worse_by: float
    """How much worse the run is, in the metric's unit; negative for better. Length is worse where it grows."""
    low: float | None = None
    """Lower end of the 95 % interval of ``worse_by``; ``None`` where no interval is known."""
    high: float | None = None
    """Upper end of it."""
    p_worse: float | None = None
    """How likely a change for the worse as large as this is where nothing changed, one-sided, 0 < p <= 1."""
    p_better: float | None = None
    """The same for the better."""
    error: float | None = None
    """Standard error of ``worse_by`` that the interval rests on."""
    cases: int = 0
    """Cases that are paired."""
    groups: int = 0
    """Groups of cases that are independent of each other; a case without a group is one of its own."""
    effective_groups: float | None = None
    """How many groups of one weight they are worth (Kish 1965); ``None`` for percentiles, and in older histories."""
    noise: Noise | None = None
    """Where the scatter comes from; ``None`` if nothing is known of it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the verdict of a gate that compares rests on."""

    effect: Effect
    """The change of its metric."""
    limit: float
    """Largest change for the worse that passes, in the metric's unit."""
    confidence: float
    """What the gate asks for, 0..1."""
    p_adjusted: float | None = None
    """``effect.p_worse``, corrected (Holm) for all gates of the run that compare."""
    p_better_adjusted: float | None = None
    """The same of ``effect.p_better``."""
    smallest_detectable: float | None = None
    """Smallest change for the worse that cases like these would show as ``regressed``, with a chance of 0.8."""
    cases_needed: int | None = None
    """Cases in all that would settle it, if the change is as large as it seems; ``None`` if it is settled."""
    trials_needed: int | None = None
    """Trials of each case that would settle it; ``None`` if it is settled, or if no number of trials would."""
