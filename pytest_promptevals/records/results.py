"""What became of a case: scores, trials and the case's result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.json_types import Json, JsonObject
from pytest_promptevals.records.responses import RenderedPrompt, Response

RELATIVE: Final = "against_baseline"
"""Key of a score's details: true where the score says how the response compares with the baseline's, 0.5 for a tie."""
CHILDREN: Final = "judges"
"""Key of a group's details: what is known of each of its judges, by name: its ``score`` and ``details`` among it."""

UNDECIDED: Final = "undecided"
"""Key of a score's details: true where the baseline had nothing that the response could be compared with."""
OF_BASELINE: Final = "baseline"
"""``CaseResult.reused_from`` of what a committed baseline says, for which the history has no run."""
NO_GRADE: Final = "no_grade"
"""Key of a score's details: the judge models that gave no grade while others did, each with the reason in short."""


@dataclass(frozen=True, slots=True)
class Grade:
    """What a judge returns."""

    value: float
    """The score, 0..1."""
    explanation: str = ""
    """Why, in a sentence; always there when the value is not 1."""
    passed: bool | None = None
    """Set only by judges that decide otherwise than by their threshold."""
    cost: float | None = None
    """US dollars the judge spent; ``None`` for a judge that calls no model."""
    details: JsonObject | None = None
    """What the judge knows beside its number, small: dimensions, samples, votes and how far they agree."""


@dataclass(frozen=True, slots=True)
class Score:
    """One judge's number for one trial, or for the case over its trials."""

    judge: str
    """Label of the judge, unique within the case."""
    value: float
    """0..1."""
    passed: bool
    """Whether the value reaches the threshold."""
    threshold: float | None = None
    """Smallest value that passes; ``None`` where the judge decides otherwise."""
    weight: float = 1.0
    """Share in the case's score."""
    required: bool = True
    """Whether the case fails when this judge does."""
    explanation: str = ""
    """Why."""
    cost: float | None = None
    """US dollars that the judge's calls cost, cached ones included; ``None`` if it made none, or if it is unknown."""
    calls: int = 0
    """Model calls that the judge made, cached ones included."""
    spent: float | None = None
    """Part of ``cost`` that this run paid; ``None`` as for ``cost``."""
    details: JsonObject | None = None
    """The judge's ``Grade.details``; ``None`` over several trials, whose own scores have them.

    A group's are those of its judges, below ``CHILDREN``.
    """
    cached: int = 0
    """Part of ``calls`` that was read from the cache."""


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """Something that kept a case from getting a score. It never counts as a score."""

    kind: str
    """``provider``, ``timeout``, ``cache``, ``prompt``, ``judge``, ``cancelled`` or ``test``; ``budget``, ``quota``,
    ``refused``, ``replay`` or ``unreachable`` where a call was not made, see ``NOT_RUN``."""
    message: str
    """What happened and what to do next."""


NOT_RUN: Final = frozenset({"budget", "quota", "refused", "replay", "unreachable"})
"""Kinds of errors that say nothing of the case: what it needed was not asked for."""


@dataclass(frozen=True, slots=True)
class JudgeSpending:
    """What judges spent that gave no score after all."""

    calls: int
    """Model calls, cached ones included."""
    cost: float | None = None
    """US dollars; ``None`` if a part of it is unknown."""
    spent: float | None = None
    """Part of ``cost`` that this run paid; ``None`` if a part of it is unknown."""
    cached: int = 0
    """Part of ``calls`` that was read from the cache."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The n-th repetition of a case."""

    number: int
    """1-based."""
    response: Response | None = None
    """``None`` if there was none."""
    scores: tuple[Score, ...] = ()
    """In the order of the judges."""
    score: float | None = None
    """Weighted mean of the scores; ``None`` if there is an error."""
    passed: bool | None = None
    """Whether all required judges passed; ``None`` if there is an error."""
    error: ErrorRecord | None = None
    """Set if the trial could not be scored."""
    judging: JudgeSpending | None = None
    """Set beside ``error`` if judges had called models by then."""
    is_further: bool = False
    """Whether it was added once the case had been reported: it counts in the scores, and not in what passes."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of one case with one prompt and one model."""

    file: str
    """The eval file, relative to the rootdir."""
    name: str
    """The item's name: the case id, with the variant in brackets where a matrix makes it ambiguous."""
    case_id: str
    """Id of the case."""
    location: Location
    """Where the case stands."""
    model: str
    """``provider/model``."""
    prompt_name: str
    """Name of the prompt's template."""
    case_fingerprint: str
    """Content hash of the case and its judges: scores are compared only while it is the same."""
    fingerprint: str
    """Content hash of all that gives the score its meaning: case, judges, rendered prompt, model, parameters."""
    trials: tuple[Trial, ...] = ()
    """In order."""
    scores: tuple[Score, ...] = ()
    """Each judge's score over the trials."""
    score: float | None = None
    """The case's score, 0..1; ``None`` if there is an error."""
    passed: bool | None = None
    """Whether the case reaches its thresholds; ``None`` if there is an error."""
    error: ErrorRecord | None = None
    """Set if the case could not be scored."""
    prompt: RenderedPrompt | None = None
    """What was asked; ``None`` if nothing was rendered."""
    expected: Json = None
    """The reference answer."""
    tags: tuple[str, ...] = ()
    """Tags of the case."""
    group: str | None = None
    """Group of the case."""
    weight: float = 1.0
    """Weight of the case."""
    reused_from: str | None = None
    """Id of the run whose result this is, or ``OF_BASELINE``; ``None`` where the case was run."""
    prompt_hash: str = ""
    """Content hash of the prompt's template, with the files that it includes; empty if there was none."""
    text_lengths: tuple[float, ...] = ()
    """Characters of each response, or their mean, where not all of the texts are kept."""

    @property
    def nodeid(self) -> str:
        """Node id of its item; those of a test function have the case in brackets."""
        return f"{self.file}[{self.name}]" if self.is_of_function else f"{self.file}::{self.name}"

    @property
    def is_of_function(self) -> bool:
        """Whether a test function made it, not an eval file."""
        return "::" in self.file

    @property
    def output(self) -> str | None:
        """Text of the first response, ``None`` if there is none."""
        for trial in self.trials:
            if trial.response is not None:
                return trial.response.text
        return None

    @property
    def trial_count(self) -> int:
        """How many trials there are, those with an error included."""
        return len(self.trials)

    @property
    def trial_scores(self) -> tuple[float, ...]:
        """Score of each trial where several have one, else empty: what a baseline keeps of them."""
        scores = tuple(trial.score for trial in self.trials if trial.score is not None)
        return scores if len(scores) > 1 else ()

    @property
    def judge_values(self) -> dict[str, float]:
        """Each judge's score over the trials, by its label."""
        return {score.judge: score.value for score in self.scores}

    @property
    def latency(self) -> float | None:
        """Mean latency of the responses in seconds, ``None`` if unknown."""
        return _mean([r.latency for r in self._responses() if r.latency is not None])

    @property
    def output_length(self) -> float | None:
        """Mean number of characters of the responses, ``None`` if there is none."""
        return _mean(list(self.text_lengths or (len(response.text) for response in self._responses())))

    @property
    def cost(self) -> float | None:
        """US dollars of responses and judges together, cached ones included; ``None`` if a part of it is unknown."""
        return _sum_known([*(r.cost for r in self._responses()), *(s.cost for s in self.charges)])

    @property
    def spent(self) -> float | None:
        """Part of ``cost`` that this run paid; ``None`` if a part of it is unknown."""
        responses = [0.0 if response.cached else response.cost for response in self._responses()]
        return _sum_known([*responses, *(charge.spent for charge in self.charges)])

    @property
    def charges(self) -> list[Score | JudgeSpending]:
        """What judges spent, trial by trial."""
        # A judge may state a cost of its own although it asked nothing through the engine.
        scores = [score for trial in self.trials for score in trial.scores if score.calls or score.cost is not None]
        return [*scores, *(trial.judging for trial in self.trials if trial.judging is not None)]

    def _responses(self) -> list[Response]:
        return [trial.response for trial in self.trials if trial.response is not None]


def _sum_known(costs: list[float | None]) -> float | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known) if costs and len(known) == len(costs) else None


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
