"""Two runs beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_promptevals.records.comparisons import Comparison


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One side of a comparison of two runs."""

    reference: str
    """What the user asked for: an id, a name, a branch, a commit, ``latest`` or ``file``."""
    words: str
    """What to call it."""
    run_id: str | None = None
    """Id of the run; ``None`` for committed baselines, and where eval files are compared with different runs."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What was answered to one case: the first response of each side."""

    before: str | None
    """In the baseline; ``None`` if it is not known."""
    now: str | None
    """In the run; ``None`` if it is not known."""


@dataclass(frozen=True, slots=True)
class RunComparison:
    """What changed between a baseline and a run."""

    before: ComparedRun
    """The baseline."""
    now: ComparedRun
    """What is compared with it."""
    files: tuple[Comparison, ...] = ()
    """Each eval file that both have scores of, by name."""
    only_before: tuple[str, ...] = ()
    """Eval files that only the baseline has scores of."""
    only_now: tuple[str, ...] = ()
    """Eval files that only the other has results of."""
    notices: tuple[str, ...] = ()
    """What the user should know of how the two were found."""
    outputs: Mapping[str, Mapping[str, Outputs]] = field(default_factory=dict)
    """By eval file and name of the item, the outputs that were asked for."""
