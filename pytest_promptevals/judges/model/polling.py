"""Asking one judge model or several for a grade: samples, panels, and who stands in for a model that gives none."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from pytest_promptevals.errors import CallNotMadeError, JudgeError, ProviderError
from pytest_promptevals.judges.excerpts import clip
from pytest_promptevals.judges.model.voting import (
    Aggregate,
    combine_samples,
    combine_votes,
    judge_noise,
    lacks_votes,
    round_value,
)
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.results import NO_GRADE, Grade

GradeWith: TypeAlias = Callable[[str], Awaitable[Grade]]
"""One grade from the model of that name."""

_STOPS: Final = frozenset({"budget", "quota"})
"""Reasons for which no other model is asked either."""
_SHOWN_DIGITS: Final = 6
_REASON_SHOWN: Final = 90
"""Characters of why a model gave no grade that stand beside the grade of others."""
_ERROR_SHOWN: Final = 300
"""Characters of it in an error."""


@dataclass(frozen=True, slots=True)
class Poll:
    """Whom a judge asks for the grade of one response, and how often."""

    models: tuple[str, ...]
    """The panel, or the one model."""
    fallback: tuple[str, ...] = ()
    """Models that stand in for those that give no grade, in turn."""
    samples: int = 1
    """How often each is asked."""
    aggregate: Aggregate = "mean"
    """How the votes of a panel become one grade."""
    where: str = ""
    """What errors begin with: the case and the judge."""


@dataclass(frozen=True, slots=True)
class _Vote:
    """What came of asking one model."""

    model: str
    grades: tuple[Grade, ...]
    errors: tuple[JudgeError | ProviderError, ...]


async def take_poll(poll: Poll, grade_with: GradeWith) -> Grade:
    """Return the grade that the models give together.

    All are asked at once. One that gives no grade is named in the explanation and in the details, below ``NO_GRADE``,
    and the others count; for ``majority`` and ``min``, see ``lacks_votes``. Raises the error of the model if it is the
    only one, and ``JudgeError`` if too few of several give a grade. A spent budget or quota is raised as it is, and so
    is the lack of an answer in a replay, unless another model stands in.
    """

    async def grade_exactly(model: str) -> Grade:
        grade = await grade_with(model)
        return dataclasses.replace(grade, value=round_value(grade.value))

    if poll.samples == len(poll.models) == 1 and not poll.fallback:
        return await grade_exactly(poll.models[0])
    spare = iter(poll.fallback)
    votes: list[_Vote] = []
    for vote in await _ask(poll.models, poll.samples, grade_exactly):
        tried = [vote, *([] if vote.grades else await _ask_next(spare, poll.samples, grade_exactly))]
        _raise_if_replay_lacks(tried[-1] if tried[-1].grades else vote)
        votes += tried
    counted = [vote for vote in votes if vote.grades]
    if not counted or lacks_votes(poll.aggregate, len(counted), len(poll.models)):
        raise _too_few(votes, len(counted), poll)
    return _note(_count(counted, poll), votes, poll)


async def _ask(models: Sequence[str], samples: int, grade_with: GradeWith) -> list[_Vote]:
    # All come to their end, even if one must stop the judge: what is under way is paid for, and kept.
    calls = (grade_with(model) for model in models for _ in range(samples))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    grades: dict[str, list[Grade]] = {model: [] for model in models}
    errors: dict[str, list[JudgeError | ProviderError]] = {model: [] for model in models}
    for number, answer in enumerate(answers):
        model = models[number // samples]
        if not isinstance(answer, BaseException):
            grades[model].append(answer)
        elif isinstance(answer, JudgeError | ProviderError) and not _is_stop(answer):
            errors[model].append(answer)
        else:
            raise answer
    return [_Vote(model, tuple(grades[model]), tuple(errors[model])) for model in models]


async def _ask_next(spare: Iterator[str], samples: int, grade_with: GradeWith) -> list[_Vote]:
    """Ask those that may stand in, one after the other, until one gives a grade."""
    tried: list[_Vote] = []
    for model in spare:
        tried += await _ask([model], samples, grade_with)
        if tried[-1].grades:
            break
    return tried


def _is_stop(error: JudgeError | ProviderError) -> bool:
    if isinstance(error, CallNotMadeError):
        return error.reason in _STOPS
    return isinstance(error, ProviderError) and error.is_exhausted


def _raise_if_replay_lacks(vote: _Vote) -> None:
    for error in vote.errors:
        if isinstance(error, CallNotMadeError) and error.reason == "replay":
            raise error


def _too_few(votes: Sequence[_Vote], given: int, poll: Poll) -> JudgeError | ProviderError:
    failed = [vote for vote in votes if not vote.grades]
    first = failed[0].errors[0]
    if len(votes) == 1:
        return first
    said = "; ".join(f"{vote.model}: {clip(_reason(vote, poll.where), _ERROR_SHOWN)}" for vote in failed)
    if given:
        share = "all" if poll.aggregate == "min" else "more than half"
        head = f"{poll.aggregate!r} needs a grade of {share} of the {len(poll.models)} models, and got {given}"
        instead = "another `aggregate`, which leaves out models without a grade"
        said += f"; take {instead}" if poll.fallback else f"; add a `fallback`, or take {instead}"
    else:
        head = f"none of {len(votes)} judge models gave a grade"
    error = JudgeError(f"{poll.where}{head}: {said}")
    error.__cause__ = first
    return error


def _reason(vote: _Vote, where: str) -> str:
    """Return why a model gave no grade, without what is said of it anyway: the place and its name."""
    return str(vote.errors[0]).removeprefix(where).removeprefix(f"{vote.model} gave ").removesuffix(".")


def _short_reason(vote: _Vote, where: str) -> str:
    return clip(_reason(vote, where).partition(". ")[0], _REASON_SHOWN)


def _count(votes: Sequence[_Vote], poll: Poll) -> Grade:
    grades = {vote.model: combine_samples(vote.grades) for vote in votes}
    grade = combine_votes(grades, poll.aggregate, len(poll.models)) if len(poll.models) > 1 else grades[votes[0].model]
    if poll.samples == 1:
        return grade
    samples = [[one.value for one in vote.grades] for vote in votes]
    details: dict[str, Json] = {**(grade.details or {}), "samples": _rounded(samples)}
    noise = judge_noise(samples)
    if noise is None:
        return dataclasses.replace(grade, details=details)
    details["judge_noise"] = round(noise, _SHOWN_DIGITS)
    said = f"; {grade.explanation}" if grade.explanation else ""
    of_each = " of each model" if len(votes) > 1 else ""
    explanation = f"{poll.samples} samples{of_each}, noise {noise:.2g}{said}"
    return dataclasses.replace(grade, explanation=explanation, details=details)


def _rounded(samples: Sequence[Sequence[float]]) -> list[Json]:
    return [round(value, _SHOWN_DIGITS) for values in samples for value in values]


def _note(grade: Grade, votes: Sequence[_Vote], poll: Poll) -> Grade:
    """Return the grade with what went wrong on the way, and who stood in."""
    failed = [vote for vote in votes if vote.errors]
    if not failed:
        return grade
    stood_in = ", ".join(vote.model for vote in votes if vote.grades and vote.model in poll.fallback)
    missing: Json = {vote.model: _short_reason(vote, poll.where) for vote in failed if not vote.grades}
    kept = {key: item for key, item in (("fallback", stood_in), (NO_GRADE, missing)) if item}
    failures = [f"{vote.model} gave {_lack(vote)}: {_short_reason(vote, poll.where)}" for vote in failed]
    instead = [f"asked instead: {stood_in}"] if stood_in else []
    # The first line is what a review is headed with.
    text = "\n".join([grade.explanation, "; ".join([*failures, *instead])]).strip()
    return dataclasses.replace(grade, explanation=text, details={**(grade.details or {}), **kept})


def _lack(vote: _Vote) -> str:
    return f"no grade in {len(vote.errors)} of {len(vote.errors) + len(vote.grades)} samples" if vote.grades else "none"
