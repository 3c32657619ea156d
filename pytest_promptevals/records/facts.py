"""What the history knows of a case: enough to order cases, and to say beforehand what a run will take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """One case in the last runs. All but ``failed`` are means over its results there; ``None`` is unknown."""

    failed: bool | None = None
    """Whether its newest result failed or is an error, errors of calls that were not made left aside."""
    cost: float | None = None
    """US dollars of a result: of all its trials, judges included, cached responses at what they once cost."""
    latency: float | None = None
    """Seconds of a response."""
    trials: float | None = None
    """Responses of a result."""
    input_tokens: float | None = None
    """Tokens of a prompt."""
    output_tokens: float | None = None
    """Tokens of a response."""
    calls: float | None = None
    """Judges' calls of a result."""
