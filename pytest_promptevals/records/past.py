"""What the history has of a case's earlier runs, as far as chance is told from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunTrials:
    """Fresh trials of one case in one run: those whose response was not read from the cache."""

    fingerprint: str
    """Content hash of all that gives their scores a meaning."""
    trials: int
    """How many have a score."""
    passes: int
    """How many of them passed."""


@dataclass(frozen=True, slots=True)
class FreshScore:
    """Score of one case in one run, all of whose responses were asked for anew."""

    fingerprint: str
    """Content hash of all that gives the score its meaning."""
    score: float
    """0..1."""
    passed: bool
    """Whether the case reached its thresholds."""
    trials: int = 1
    """How many trials the score rests on."""
    weight: float = 1.0
    """Weight of the case."""
    group: str | None = None
    """Group of the case."""
