"""What a run is, and what it is compared by."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class RunStatus(enum.Enum):
    """How far a run got."""

    RUNNING = "running"
    """Still going, or killed before it could say otherwise."""
    FINISHED = "finished"
    """Every selected case was run."""
    INTERRUPTED = "interrupted"
    """Stopped early: Ctrl-C, ``-x`` or ``--maxfail``."""


@dataclass(frozen=True, slots=True)
class GitState:
    """The git checkout a run was made in."""

    commit: str
    """Full hash of HEAD."""
    branch: str | None
    """Branch name, ``None`` if HEAD is detached."""
    is_dirty: bool
    """Whether tracked files differ from HEAD."""


@dataclass(frozen=True, slots=True)
class Run:
    """One recorded pytest session over a selection of cases."""

    id: str
    """Sortable by time, unique: ``20261121-172600-1a2b3c``."""
    started_at: str
    """ISO 8601, UTC."""
    status: RunStatus = RunStatus.RUNNING
    """How far it got."""
    finished_at: str | None = None
    """ISO 8601, UTC."""
    git: GitState | None = None
    """``None`` outside of a git checkout."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of Python and of the packages that matter to a score."""
    arguments: tuple[str, ...] = ()
    """The pytest command line."""
    host: str = ""
    """Name of the machine."""
    pid: int = 0
    """Process that records the run; 0 is unknown."""
    shard: str | None = None
    """``I/N`` where only that share of the selection was run."""
    selected: int = 0
    """Cases that were selected, before the share was taken."""
    selection: str = ""
    """Content hash of the selected items' node ids, before the share was taken: equal for the shards of one run."""
    calls: int = 0
    """Responses that the results rest on, cached ones included, and judges' calls."""
    cached: int = 0
    """Part of ``calls`` that was read from the cache."""
    cost: float | None = None
    """US dollars of all results, cached ones included; ``None`` if a part of it is unknown."""
    spent: float | None = None
    """Part of ``cost`` that this run paid."""
