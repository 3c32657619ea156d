"""What a comparison of a run with a baseline says."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, overload

from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.effects import Effect, Evidence


@dataclass(frozen=True, slots=True)
class BaselineCase:
    """What a baseline keeps of one case: one line of the committed file."""

    name: str
    """The item's name: case id, with the variant in brackets if there was one."""
    case_id: str
    """Id of the case."""
    case_fingerprint: str
    """Content hash of the case and its judges."""
    model: str
    """``provider/model``."""
    prompt_name: str
    """Name of the prompt's template."""
    score: float
    """The case's score, 0..1."""
    passed: bool
    """Whether the case reached its thresholds."""
    scores: dict[str, float] = field(default_factory=dict)
    """Each judge's score over the trials."""
    trials: int = 1
    """How many trials the score rests on."""
    output: str = ""
    """Text of the first response, shortened."""
    trial_scores: tuple[float, ...] = ()
    """Score of each trial; empty for a single one."""
    cost: float | None = None
    """US dollars of responses and judges together; ``None`` if unknown."""
    latency: float | None = None
    """Mean latency of the responses in seconds; ``None`` if unknown."""
    output_length: float | None = None
    """Mean number of characters of the responses; ``None`` if there was none."""
    fingerprint: str = ""
    """Content hash of all that gives the score its meaning; empty in baselines of older versions."""
    prompt_hash: str = ""
    """Content hash of the prompt's template; empty if there was none."""


class Change(enum.Enum):
    """What became of a case since the baseline."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "same"
    NEW = "new"
    EDITED = "edited"
    MISSING = "missing"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Delta:
    """The change of one case."""

    name: str
    """The item's name."""
    change: Change
    """What became of it."""
    before: float | None = None
    """Score in the baseline."""
    after: float | None = None
    """Score now."""
    location: Location | None = None
    """Where the case stands now; ``None`` for a missing one."""
    weight: float = 1.0
    """Weight of the case."""
    group: str | None = None
    """Group of the case."""
    passed_before: bool | None = None
    """Whether the baseline passed it."""
    passed_after: bool | None = None
    """Whether it passes now."""
    renamed_from: str | None = None
    """The item's name in the baseline, where the same content had another id."""
    name_before: str | None = None
    """The item's name in the baseline, where it was another: the case was renamed, or a model or a prompt joined."""

    @property
    def old_name(self) -> str:
        """What the item is called in the baseline."""
        return self.name_before or self.name

    @property
    def drop(self) -> float | None:
        """``before - after`` where both are known and comparable, else ``None``."""
        if self.change not in _PAIRED or self.before is None or self.after is None:
            return None
        return self.before - self.after


_PAIRED = frozenset({Change.WORSE, Change.BETTER, Change.SAME})


class DeltasOnDemand(Sequence[Delta]):
    """Changes of cases that are made when they are looked at.

    Args:
        places: of the cases, in the order of the changes.
        make: gives the change of the case at a place.
    """

    def __init__(self, places: Sequence[int], make: Callable[[int], Delta]) -> None:
        self._places = places
        self._make = make

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Delta]:
        return map(self._make, self._places)

    @overload
    def __getitem__(self, place: int) -> Delta: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Delta]: ...
    def __getitem__(self, place: int | slice) -> Delta | Sequence[Delta]:
        if isinstance(place, slice):
            return DeltasOnDemand(self._places[place], self._make)
        return self._make(self._places[place])


class GroupedDeltas(Sequence[Delta]):
    """Changes of cases, one kind after the other. It equals a tuple of the same ones.

    Args:
        groups: those of each kind, in order.
    """

    def __init__(self, groups: Mapping[Change, Sequence[Delta]]) -> None:
        self._groups = groups

    def with_change(self, change: Change) -> Sequence[Delta]:
        """Return those of one kind."""
        return self._groups.get(change, ())

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))

    def __iter__(self) -> Iterator[Delta]:
        return itertools.chain.from_iterable(self._groups.values())

    @overload
    def __getitem__(self, place: int) -> Delta: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Delta]: ...
    def __getitem__(self, place: int | slice) -> Delta | Sequence[Delta]:
        return tuple(self)[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, tuple | GroupedDeltas) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


@dataclass(frozen=True, slots=True)
class Metrics:
    """Numbers over the cases of one eval file. The mean of nothing is ``None``, not 0."""

    cases: int
    """Cases that were run, errors included."""
    passed: int
    """Cases that reached their thresholds."""
    errors: int
    """Cases without a score."""
    mean_score: float | None
    """Weighted mean over the cases that have a score."""
    pass_rate: float | None
    """Weighted share of passed cases among those that have a score."""
    cost: float | None = None
    """US dollars, ``None`` if a part of it is unknown."""
    latency_p50: float | None = None
    """Median over the cases of their mean latency in seconds; ``None`` if none is known."""
    latency_p95: float | None = None
    """95th percentile of the same."""
    output_length: float | None = None
    """Mean number of characters of the responses."""
    judges: dict[str, float] = field(default_factory=dict)
    """Weighted mean of each judge's scores, by its label."""


class Verdict(enum.Enum):
    """Answer of a gate; ``failed`` is that of a gate that needs no baseline."""

    REGRESSED = "regressed"
    PASSED = "passed"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"
    NO_BASELINE = "no baseline"
    INSUFFICIENT_DATA = "insufficient data"

    @property
    def fails(self) -> bool:
        """Whether it makes the session fail."""
        return self in (Verdict.REGRESSED, Verdict.FAILED, Verdict.INSUFFICIENT_DATA)


WORST_FIRST: Final = (
    Verdict.REGRESSED,
    Verdict.FAILED,
    Verdict.INSUFFICIENT_DATA,
    Verdict.INCONCLUSIVE,
    Verdict.PASSED,
    Verdict.NO_BASELINE,
)
"""Verdicts in the order in which a reader has to know them: the first of several stands for all of them."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """What one gate says about one eval file."""

    file: str
    """The eval file."""
    gate: str
    """Name of the gate, such as ``score``, ``min_pass_rate`` or ``judges.NAME``."""
    verdict: Verdict
    """Its answer."""
    explanation: str
    """One sentence with the numbers."""
    location: Location
    """Where the gate, or else the eval file, is written."""
    evidence: Evidence | None = None
    """What the verdict rests on; ``None`` for gates that compare nothing."""
    is_accepted: bool = False
    """Whether the settings let the verdict pass: an inconclusive one, by ``on_inconclusive``."""

    @property
    def fails(self) -> bool:
        """Whether it makes the session fail."""
        return not self.is_accepted and (self.verdict.fails or self.verdict is Verdict.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One eval file's run against its baseline."""

    file: str
    """The eval file."""
    metrics: Metrics
    """Numbers of this run."""
    has_baseline: bool = False
    """Whether there was anything to compare with."""
    baseline: str = ""
    """What it was compared with: a file's name, or words; empty if there was no baseline."""
    deltas: Sequence[Delta] = ()
    """One per case, worst first."""
    mean_before: float | None = None
    """Weighted mean score of the paired cases in the baseline."""
    mean_after: float | None = None
    """Weighted mean score of the same cases now."""
    gates: tuple[GateResult, ...] = ()
    """Answers of the file's gates."""
    is_partial: bool = False
    """Whether only a part of the judges ran: such a run saves no baseline."""
    effects: tuple[Effect, ...] = ()
    """How each metric changed over the paired cases: ``score``, ``pass_rate``, each judge, cost, latency, length."""
    baseline_run: str = ""
    """Id of the run that the baseline is, where it is one."""

    @property
    def drop(self) -> float | None:
        """``mean_before - mean_after``; ``None`` if nothing could be paired."""
        if self.mean_before is None or self.mean_after is None:
            return None
        return self.mean_before - self.mean_after

    def deltas_with(self, change: Change) -> Sequence[Delta]:
        """Return the cases with that change, in order."""
        if isinstance(self.deltas, GroupedDeltas):
            return self.deltas.with_change(change)
        return tuple(delta for delta in self.deltas if delta.change is change)
