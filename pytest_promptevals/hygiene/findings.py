"""What a check finds."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.errors import FileProblem
from pytest_promptevals.records.cases import Case, Dataset, Location


class Severity(enum.Enum):
    """How bad a finding is."""

    ERROR = "error"
    """What the evals say cannot be trusted, or they do not run at all."""
    WARNING = "warning"
    """Worth a look."""


class Kind(enum.Enum):
    """What is found; the value is what users write."""

    LOAD_ERROR = "load-error"
    """The eval file cannot be loaded or planned: pytest would say the same."""
    UNKNOWN_PLUGIN = "unknown-plugin"
    """A judge or a provider is not built in, so that what uses it is not checked."""
    MISSPELLING = "misspelling"
    """A judge or a provider is not built in, but one of nearly its name is."""
    CONFLICT = "conflict"
    """Cases that ask the same expect answers that exclude each other."""
    DUPLICATE = "duplicate"
    """Cases ask the same."""
    NEAR_DUPLICATE = "near-duplicate"
    """Cases ask nearly the same."""
    FEW_SHOT_LEAK = "few-shot-leak"
    """An example that is put before the question gives a case away."""
    CROSS_FILE_DUPLICATE = "cross-file-duplicate"
    """Cases of several files ask the same with the same prompt and model."""
    CROSS_FILE_NEAR_DUPLICATE = "cross-file-near-duplicate"
    """Cases of several files ask nearly the same with the same prompt and model."""
    CROSS_FILE_LEAK = "cross-file-leak"
    """An example of one file is a case of another file with the same prompt."""
    ANSWER_IN_PROMPT = "answer-in-prompt"
    """The expected answer stands in the prompt."""
    UNUSED_VARIABLE = "unused-variable"
    """A variable is used by some prompts only, or by nothing that judges a recorded output."""
    CANNOT_FAIL = "cannot-fail"
    """A judge passes every answer."""
    NO_EFFECT = "no-effect"
    """A judge changes neither the score nor whether a case passes."""
    MISSING_ID = "missing-id"
    """Cases have no id of their own."""
    LABEL_IMBALANCE = "label-imbalance"
    """Nearly all cases expect the same label, or a label has one case only."""
    SMALL_DATASET = "small-dataset"
    """There are too few cases to tell a drop from chance."""

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return Severity.ERROR if self in _ERRORS else Severity.WARNING


_ERRORS: Final = (Kind.LOAD_ERROR, Kind.MISSPELLING, Kind.CONFLICT, Kind.CANNOT_FAIL)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is worth a look."""

    kind: Kind
    """What it is."""
    message: str
    """What, with the values, and what to do next."""
    path: str
    """The file, relative to the rootdir where it is inside of it."""
    line: int | None = None
    """1-based line; ``None`` where the whole file is meant."""
    cases: tuple[str, ...] = ()
    """Ids of the cases that are involved, in file order."""
    also: tuple[Location, ...] = ()
    """Places in other files that are involved."""

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.kind.value}: {self.message}"


@dataclass(frozen=True, slots=True)
class Subject:
    """An eval file to check."""

    path: Path
    """The file."""
    rootdir: Path
    """Root of the project."""
    dataset: Dataset
    """As loaded."""
    planned: tuple[PlannedCase, ...] = ()
    """Its cases with prompts, models and judges; empty where they cannot be planned."""
    broken: frozenset[str] = frozenset()
    """The files, as locations name them, in which something keeps its cases from being planned."""
    confidence: float = 0.95
    """That its gates ask for, 0..1."""


Check: TypeAlias = Callable[[Subject], Iterator[Finding]]
"""Looks for one kind of thing, or for a few that are found together."""


def find(
    kind: Kind, message: str, location: Location, cases: Sequence[Case] = (), also: Sequence[Location] = ()
) -> Finding:
    """Return a finding at a place; ``also`` are places in other files."""
    return Finding(kind, message, location.path, location.line, tuple(case.id for case in cases), tuple(also))


def find_problem(problem: FileProblem) -> Finding:
    """Return a problem that loading or planning has found."""
    field = f"{problem.field}: " if problem.field else ""
    return Finding(Kind.LOAD_ERROR, f"{field}{problem.message}", problem.path, problem.line)


def name_cases(cases: Sequence[Case], path: str | None = None, limit: int = 3) -> str:
    """Return the first cases as messages name them, each with its place, and how many more there are.

    ``path`` is the file that the message is about, that of the first case if left out: lines of it go by number alone.
    """
    first = cases[0].location.path if path is None else path
    shown = [name_case(case, first) for case in cases[:limit]]
    return ", ".join(shown) if len(cases) <= limit else f"{', '.join(shown)} and {len(cases) - limit:,} more"


def name_case(case: Case, path: str) -> str:
    """Return a case as a message about a file names it: with its line, and with its file if that is another one."""
    return f"{case.id!r} ({f'line {case.location.line}' if case.location.path == path else case.location})"
