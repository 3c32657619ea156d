"""Which runs of the history are wanted, and what a list says of each."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_promptevals.records.comparisons import Verdict
from pytest_promptevals.records.runs import Run, RunKind, RunStatus


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are wanted; what is ``None`` leaves all of them in."""

    file: str | None = None
    """They have results of that eval file: its path from the rootdir, or the end of it from a folder's name on."""
    branch: str | None = None
    """They were made on that branch."""
    commit: str | None = None
    """They were made at a commit that begins so."""
    model: str | None = None
    """They asked that model: ``provider/model``, or the name alone, or the name that a provider answered with."""
    tag: str | None = None
    """They have a case with that tag."""
    since: str | None = None
    """They began then or later: ISO 8601, UTC."""
    until: str | None = None
    """They began before: ISO 8601, UTC."""
    status: RunStatus | None = None
    """How far they got."""
    verdict: Verdict | None = None
    """They finished, and that is the worst verdict of their gates."""
    name: str | None = None
    """They were saved under that name."""
    kind: RunKind | None = None
    """What they are."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a list says of a run."""

    run: Run
    """The run, without what makes its files comparable."""
    files: int
    """Eval files that it has results of."""
    cases: int
    """Cases that it has results of, errors included."""
    errors: int | None = None
    """Cases without a score; ``None`` while it is running."""
    passed: int | None = None
    """Cases that reached their thresholds; ``None`` while it is running."""
    mean_score: float | None = None
    """Mean over the cases that have a score, as its eval files weigh them; ``None`` without any."""
    pass_rate: float | None = None
    """Share of passed cases among those with a score, weighted in the same way."""
    verdicts: tuple[str, ...] = ()
    """What its gates said, worst first, each once; those that the settings let pass are among them."""
