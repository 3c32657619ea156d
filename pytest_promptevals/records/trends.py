"""Metrics of eval files over runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_promptevals.records.comparisons import Verdict


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """What one run says of one eval file."""

    run_id: str
    """Id of the run."""
    started_at: str
    """When it began: ISO 8601, UTC."""
    branch: str | None
    """Its git branch, ``None`` where none is known."""
    commit: str | None
    """Its git commit, ``None`` where none is known."""
    is_dirty: bool
    """Whether tracked files differed from the commit."""
    file: str
    """The eval file."""
    cases: int
    """Cases that were run, errors included."""
    errors: int
    """Cases without a score."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Each metric that is known, by its name: ``score``, ``pass_rate``, ``judges.NAME``, ``cost`` (US dollars of all
    cases), ``latency_p50``, ``latency_p95``, ``output_length``."""
    verdicts: tuple[Verdict, ...] = ()
    """What its gates said."""
