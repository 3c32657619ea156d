"""What a comparison reads of the two sides: so that rows of the history are compared without results made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.results import ErrorRecord, Score, Trial

SCORE_DIGITS: Final = 6
"""Scores are compared after rounding to this many digits, since a committed baseline keeps no more."""


class Compared(Protocol):
    """What is known of a case on both sides: which case it is, and its figures."""

    @property
    def name(self) -> str:
        """The item's name, unique within its eval file."""

    @property
    def case_id(self) -> str:
        """Id of the case."""

    @property
    def case_fingerprint(self) -> str:
        """Content hash of the case and its judges."""

    @property
    def model(self) -> str:
        """``provider/model``."""

    @property
    def prompt_name(self) -> str:
        """Name of the prompt's template."""

    @property
    def trial_scores(self) -> Sequence[float]:
        """Score of each trial; empty for a single one, or where they are not known."""

    @property
    def cost(self) -> float | None:
        """US dollars of all trials, responses and judges together; ``None`` if a part of it is unknown."""

    @property
    def latency(self) -> float | None:
        """Mean latency of the responses in seconds; ``None`` if unknown."""

    @property
    def output_length(self) -> float | None:
        """Mean number of characters of the responses; ``None`` if unknown, or if there is none."""


class Scored(Compared, Protocol):
    """One case as it is now; a ``CaseResult`` is one."""

    @property
    def location(self) -> Location | None:
        """Where the case stands, if that is known."""

    @property
    def weight(self) -> float:
        """Weight in the metrics of the eval file."""

    @property
    def group(self) -> str | None:
        """Cases of one group are not independent of each other."""

    @property
    def score(self) -> float | None:
        """0..1; ``None`` if there is an error."""

    @property
    def passed(self) -> bool | None:
        """Whether the case reaches its thresholds."""

    @property
    def error(self) -> ErrorRecord | None:
        """Set if the case could not be scored."""

    @property
    def judge_values(self) -> Mapping[str, float]:
        """Each judge's score over the trials, by its label."""

    @property
    def trial_count(self) -> int:
        """How many trials there are."""

    @property
    def scores(self) -> Sequence[Score]:
        """Each judge's score over the trials; read only where a part of the judges ran, or one of them compares."""

    @property
    def trials(self) -> Sequence[Trial]:
        """In order. Read for the ``details`` of their scores alone: it may be empty where there are none."""


class Before(Compared, Protocol):
    """One case as the baseline has it; a ``BaselineCase`` is one."""

    @property
    def score(self) -> float:
        """The case's score, 0..1."""

    @property
    def passed(self) -> bool:
        """Whether the case reached its thresholds."""

    @property
    def scores(self) -> Mapping[str, float]:
        """Each judge's score over the trials."""

    @property
    def trials(self) -> int:
        """How many trials the score rests on."""


Base = TypeVar("Base", bound=Before)


def as_baseline_case(before: Before) -> BaselineCase:
    """Return a case of the baseline as the record that it is, or would be, of which a field may be replaced."""
    if isinstance(before, BaselineCase):
        return before
    return BaselineCase(
        name=before.name,
        case_id=before.case_id,
        case_fingerprint=before.case_fingerprint,
        model=before.model,
        prompt_name=before.prompt_name,
        score=before.score,
        passed=before.passed,
        scores=dict(before.scores),
        trials=before.trials,
        trial_scores=tuple(before.trial_scores),
        cost=before.cost,
        latency=before.latency,
        output_length=before.output_length,
    )


class Pair(NamedTuple):
    """One case that is the same question, judged in the same way, in both runs, with a score in both."""

    now: Scored
    """The run's."""
    before: Before
    """The baseline's, as the judges of now judged it."""
