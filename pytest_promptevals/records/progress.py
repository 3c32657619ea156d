"""How far a run is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Numbers of one process, or of all workers together."""

    total: int = 0
    """Cases to run."""
    done: int = 0
    """Cases that have a result."""
    running: int = 0
    """Model calls under way."""
    calls: int = 0
    """Model calls that were answered, cached ones not included."""
    cached: int = 0
    """Answers that were read from the cache, or shared with an equal call under way."""
    spent: float = 0.0
    """US dollars of the answered calls whose cost is known."""
    unpriced: int = 0
    """Answered calls whose cost is not known."""
    limit: int = 0
    """Calls that may be under way at once, as the providers allow now."""
    is_paused: bool = False
    """Whether no further call is begun until the user says so."""

    def plus(self, other: Progress) -> Progress:
        """Return the numbers of both together."""
        return Progress(
            self.total + other.total,
            self.done + other.done,
            self.running + other.running,
            self.calls + other.calls,
            self.cached + other.cached,
            self.spent + other.spent,
            self.unpriced + other.unpriced,
            self.limit + other.limit,
            self.is_paused or other.is_paused,
        )
