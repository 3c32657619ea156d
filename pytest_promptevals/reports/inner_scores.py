"""What is known of the judges inside of groups, as it is of those outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pytest_promptevals.records.json_types import Json, JsonObject
from pytest_promptevals.records.results import CHILDREN, Score


@dataclass(frozen=True, slots=True)
class JudgeDetails:
    """The details of one judge's score."""

    judge: str
    """Its label, after that of its group if it has one: ``all_of/pairwise``."""
    value: float
    """The score."""
    details: JsonObject
    """What the judge knows beside it."""


def judge_details(scores: Iterable[Score]) -> Iterator[JudgeDetails]:
    """Yield the details of scores, and of those of the judges inside of groups; none for a score without any."""
    for score in scores:
        if score.details is not None:
            yield from _with_inner(JudgeDetails(score.judge, score.value, score.details))


def _with_inner(outer: JudgeDetails) -> Iterator[JudgeDetails]:
    yield outer
    for name, known in _object(outer.details.get(CHILDREN)).items():
        inner = _object(known)
        value, details = inner.get("score"), inner.get("details")
        if isinstance(value, int | float) and isinstance(details, dict):
            yield from _with_inner(JudgeDetails(f"{outer.judge}/{name}", float(value), details))


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
