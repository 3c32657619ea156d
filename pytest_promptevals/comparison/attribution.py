"""Which of two changes explains that cases fail: each of them was run again with one change alone."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class Cause(enum.Enum):
    """What explains that a case, which passed with neither change, fails with both."""

    PROMPT = "prompt"
    """It fails with the prompt's change alone, and passes with the model's alone."""
    MODEL = "model"
    """It fails with the model's change alone, and passes with the prompt's alone."""
    EITHER = "either"
    """It fails with each of them alone."""
    TOGETHER = "together"
    """It passes with each of them alone: only both together break it, or it failed by chance."""
    UNKNOWN = "unknown"
    """It has no score with one of them alone."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """What explains the cases of an eval file that now fail."""

    causes: Mapping[str, Cause] = field(default_factory=dict)
    """The cause of each, by the item's name."""
    other: str = "model"
    """What changed beside the prompt: ``model``, ``parameters`` or ``model and parameters``."""
    trials: int = 1
    """Most trials of a case."""
    calls: int = 0
    """Model calls that were made for it, cached ones included."""
    spent: float | None = None
    """US dollars that were paid for it; ``None`` if a part of it is unknown."""
    left_out: int = 0
    """Cases that fail, too, and were not run again."""
    problem: str = ""
    """Why nothing was run again; empty if it was."""


def find_cause(*, passes_with_prompt: bool | None, passes_with_model: bool | None) -> Cause:
    """Return the cause of a failure from what became of the case with the prompt's or the model's change alone."""
    if passes_with_prompt is None or passes_with_model is None:
        return Cause.UNKNOWN
    if passes_with_prompt:
        return Cause.TOGETHER if passes_with_model else Cause.MODEL
    return Cause.PROMPT if passes_with_model else Cause.EITHER
