"""What a run is, and what it is compared by."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pytest_promptevals.records.json_types import JsonObject


class RunStatus(enum.Enum):
    """How far a run got."""

    RUNNING = "running"
    """Still going, or killed before it could say otherwise."""
    FINISHED = "finished"
    """Every selected case was run."""
    INTERRUPTED = "interrupted"
    """Stopped early: Ctrl-C, ``-x`` or ``--maxfail``."""


class RunKind(enum.Enum):
    """What a run is."""

    RUN = "run"
    """A pytest session."""
    RERUN = "rerun"
    """A pytest session over what had failed before, by ``--last-failed``, ``--stepwise`` or by hand: no baseline."""
    REGATE = "regate"
    """Gates decided anew over the results of its parent."""
    REJUDGE = "rejudge"
    """Outputs of its parent, judged anew."""
    ATTRIBUTE = "attribute"
    """Cases that flipped, run with one of several changes alone."""
    SHARD = "shard"
    """A share of its parent, the run that it was merged into with the others: it counts there, and not twice."""


@dataclass(frozen=True, slots=True)
class RunFile:
    """What makes the results of one eval file comparable with those of other runs.

    Hashes are keys of the history's ``contents``, which hold the texts.
    """

    file: str
    """The eval file, or ``test_file.py::function``."""
    dataset_version: str = ""
    """Content hash of all its cases, selected or not, whatever their order."""
    cases: int = 0
    """How many there are."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Content hash of each prompt's template, with the files that it includes, by the prompt's name."""
    models: Mapping[str, str] = field(default_factory=dict)
    """The model as the provider says it answered, by ``provider/model``; the name itself where it says nothing."""
    parameters: JsonObject = field(default_factory=dict)
    """Parameters of the model calls."""
    judges: Mapping[str, str] = field(default_factory=dict)
    """Content hash of each judge with its parameters, its rubric and that one's version, by the judge's label."""


class OutcomeKind(enum.Enum):
    """What pytest made of an item."""

    LET_THROUGH = "let through"
    """Below its thresholds or without a score, and passed all the same: its file's policy or its function lets it."""
    SKIPPED = "skipped"
    """Not called."""
    XFAILED = "xfailed"
    """Failed, as expected."""
    XPASSED = "xpassed"
    """Passed although a failure was expected."""
    FAILED = "failed"
    """Failed while it was called."""
    ERROR = "error"
    """Failed before it was called: a fixture, or a file that cannot be used."""
    TEARDOWN = "teardown"
    """Failed when it was over."""

    @property
    def fails(self) -> bool:
        """Whether the session fails by it."""
        return self in _FAILING


_FAILING: Final = frozenset({OutcomeKind.FAILED, OutcomeKind.ERROR, OutcomeKind.TEARDOWN})


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What pytest made of an item, where no result of a case tells it."""

    nodeid: str
    """The item, or the file."""
    kind: OutcomeKind
    """What it is."""
    message: str = ""
    """Why, in a line."""


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
    """Responses that it asked for, cached ones included, and judges' calls; none for results that it took over."""
    cached: int = 0
    """Part of ``calls`` that was read from the cache."""
    cost: float | None = None
    """US dollars of all ``calls``; ``None`` if a part of it is unknown."""
    spent: float | None = None
    """Part of ``cost`` that this run paid."""
    parent: str | None = None
    """Id of the run whose outputs it decides or judges anew; ``None`` for a run of its own."""
    kind: RunKind = RunKind.RUN
    """What it is."""
    name: str | None = None
    """Name that it was saved under as a baseline."""
    files: tuple[RunFile, ...] = ()
    """What makes the results of each eval file comparable; known by the end of the run."""
    outcomes: tuple[ItemOutcome, ...] | None = None
    """What pytest made of items where the results do not tell: ordinary tests that failed, too; ``None`` if unknown."""
