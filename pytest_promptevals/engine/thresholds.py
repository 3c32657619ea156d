"""What the thresholds of now say of scores that are known: passed, failed, or that the scores do not tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pytest_promptevals.engine.judging import PlannedJudge
from pytest_promptevals.records.json_types import Json, JsonObject
from pytest_promptevals.records.results import CHILDREN

_DIGITS: Final = 9
"""Digits to which the score below a ``not:`` is known: it is one minus the other."""
_FREE_LEVEL: Final = 1
_OWN_JUDGES: Final = "pytest_promptevals.judges."


@dataclass(frozen=True, slots=True)
class KnownScore:
    """What is kept of one judge's score of one response."""

    value: float
    """0..1."""
    passed: bool | None = None
    """Whether it passed then; ``None`` if that is not kept."""
    details: JsonObject | None = None
    """What is kept beside it: the scores of a group's judges."""


def threshold_of(planned: PlannedJudge) -> float | None:
    """Return the smallest score that passes; ``None`` for a group that leaves it to its judges."""
    if planned.spec.threshold is not None or planned.judge_type is None:
        return planned.spec.threshold
    return planned.judge_type.default_threshold


def decides_itself(planned: PlannedJudge) -> bool:
    """Return whether a judge may decide otherwise than by its threshold: users' own, and those that ask a model."""
    if planned.judge_type is None:
        return False
    return planned.level > _FREE_LEVEL or not planned.judge_type.__module__.startswith(_OWN_JUDGES)


def passes_now(planned: PlannedJudge, known: KnownScore, slack: float = 0.0) -> bool | None:
    """Return whether a score passes by the thresholds of now; ``None`` if what is kept of it does not tell.

    A score may miss its threshold by ``slack``, where it was kept with fewer digits.
    """
    negated = planned.spec.negated
    value = round(1.0 - known.value, _DIGITS) if negated else known.value
    decided = _decide(planned, value, known.details, slack)
    if decided is None:
        return None
    passed = decided is not negated
    if known.passed not in {None, passed} and decides_itself(planned):
        return None
    return passed


def _decide(planned: PlannedJudge, value: float, details: JsonObject | None, slack: float) -> bool | None:
    threshold = threshold_of(planned)
    if threshold is not None:
        return value >= threshold - slack
    members = _members(planned, details)
    if members is None:
        same = _shared_threshold(planned)
        return None if same is None else value >= same - slack
    decided = [passes_now(child, known, slack) for child, known in zip(planned.children, members, strict=True)]
    settling = planned.spec.judge == "any_of"  # what one judge says for all of them
    if settling in decided:
        return settling
    return None if None in decided else not settling


def _members(planned: PlannedJudge, details: JsonObject | None) -> list[KnownScore] | None:
    """Return what is kept of a group's judges; ``None`` if it is not all there."""
    kept = (details or {}).get(CHILDREN)
    if not isinstance(kept, dict):
        return None
    members = [_member(kept.get(child.spec.name)) for child in planned.children]
    found = [member for member in members if member is not None]
    return found if len(found) == len(members) else None


def _member(kept: Json) -> KnownScore | None:
    if not isinstance(kept, dict):
        return None
    value, passed, details = kept.get("score"), kept.get("passed"), kept.get("details")
    if not isinstance(value, int | float):
        return None
    return KnownScore(
        float(value), passed if isinstance(passed, bool) else None, details if isinstance(details, dict) else None
    )


def _shared_threshold(planned: PlannedJudge) -> float | None:
    """Return the threshold that all judges of a group have; ``None`` if they have not one.

    With one, the lowest score tells whether all pass, and the highest whether one does.
    """
    if any(child.spec.negated for child in planned.children):
        return None
    thresholds = {
        _shared_threshold(child) if threshold_of(child) is None else threshold_of(child) for child in planned.children
    }
    return thresholds.pop() if len(thresholds) == 1 else None
