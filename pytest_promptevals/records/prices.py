"""What a model costs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars; those for tokens are for a million of them."""

    input: float = 0.0
    """Prompt tokens that the provider neither read from nor wrote to its cache."""
    output: float = 0.0
    """Tokens of the answer, reasoning included."""
    cached_input: float | None = None
    """Prompt tokens that the provider read from its cache; ``None`` if they cost as much as others."""
    cache_write: float | None = None
    """Prompt tokens that the provider wrote to its cache; ``None`` if they cost as much as others."""
    call: float = 0.0
    """Each call, whatever its tokens."""
    max_output: int | None = None
    """Most tokens that one answer may have; ``None`` if unknown."""
