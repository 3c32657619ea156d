"""Several grades to one: samples of one judge model, votes of a panel, and how far they agree. Pure functions."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.results import Grade

Aggregate: TypeAlias = Literal["mean", "median", "majority", "min"]
"""How the votes of a panel become one grade."""

_DIGITS: Final = 12
"""The mean of three 0.7 must reach a threshold of 0.7."""
_SHOWN_DIGITS: Final = 6
"""Digits that details keep."""
_LONGEST_STEP: Final = 0.25
"""On a scale of three or fewer steps, one step is most of it: there, to agree is to be equal."""
_STEP_WITHOUT_SCALE: Final = 0.1
_CLOSE: Final = 1e-9
_ENDS: Final = 2


def round_value(value: float) -> float:
    """Return a value of a grade within 0..1, without the dust of sums of floats."""
    return min(1.0, max(0.0, round(value, _DIGITS)))


def lacks_votes(how: Aggregate, given: int, seats: int) -> bool:
    """Return whether too few of a panel gave a grade to say what it decides: ``min`` needs all, ``majority`` most."""
    if how == "min":
        return given < seats
    return how == "majority" and 2 * given <= seats


def aggregate_values(values: Sequence[float], how: Aggregate, seats: int = 0) -> float:
    """Return one value for those of several models.

    ``majority`` is the highest value that more than half of the models reach: of n models, in falling order, the value
    at place floor(n / 2) + 1. So it passes a threshold, whichever that is, just when more than half of the models do; a
    tie does not pass. ``median`` differs from it only where n is even: there it is the mean of the middle two.

    ``seats`` is how many models were to give one, if more than did. Those that gave none reach nothing: for a majority
    they count against it.
    """
    if how == "mean":
        value = statistics.fmean(values)
    elif how == "median":
        value = statistics.median(values)
    elif how == "min":
        value = min(values)
    else:
        value = sorted(values, reverse=True)[max(len(values), seats) // 2]
    return round_value(value)


def judge_noise(samples: Sequence[Sequence[float]]) -> float | None:
    """Return the standard deviation of the samples of one response; ``None`` if no model has two of them.

    It is that of a sample, with n - 1; of several models, each about its own mean, pooled by degrees of freedom:
    sqrt(sum((n_m - 1) * s_m^2) / sum(n_m - 1)). That models differ from each other is no noise.
    """
    several = [values for values in samples if len(values) > 1]
    if not several:
        return None
    freedom = sum(len(values) - 1 for values in several)
    return math.sqrt(sum((len(values) - 1) * statistics.variance(values) for values in several) / freedom)


def agreement(grades: Sequence[Grade]) -> float | None:
    """Return the share of pairs of models that agree, 0..1; ``None`` if there are less than two.

    Two models agree if both say themselves whether the response passes, and say the same; otherwise, if their values
    are no more than one step of the scale apart: 1 / (high - low), at most 0.25, and 0.1 for a judge without a scale.
    """
    pairs = list(itertools.combinations(grades, 2))
    if not pairs:
        return None
    return sum(_do_agree(one, other) for one, other in pairs) / len(pairs)


def _do_agree(one: Grade, other: Grade) -> bool:
    if one.passed is not None and other.passed is not None:
        return one.passed == other.passed
    return abs(one.value - other.value) <= _step_of(one) + _CLOSE


def _step_of(grade: Grade) -> float:
    scale = (grade.details or {}).get("scale")
    if not isinstance(scale, list) or len(scale) != _ENDS:
        return _STEP_WITHOUT_SCALE
    low, high = (end if isinstance(end, int | float) else 0.0 for end in scale)
    return min(_LONGEST_STEP, 1.0 / (high - low)) if high > low else _STEP_WITHOUT_SCALE


def combine_samples(grades: Sequence[Grade]) -> Grade:
    """Return the grade of one model that was asked several times: the mean, with the words of the sample next to it.

    Where the samples say themselves whether the response passes, more than half of them decide.
    """
    if len(grades) == 1:
        return grades[0]
    value = aggregate_values([grade.value for grade in grades], "mean")
    nearest = min(grades, key=lambda grade: abs(grade.value - value))
    return Grade(value, nearest.explanation, _decide(grades, "mean"), details=merge_details(grades))


def combine_votes(votes: Mapping[str, Grade], how: Aggregate, seats: int = 0) -> Grade:
    """Return the grade of a panel of ``seats`` models, from the grade of each that gave one by its name.

    Where the models say themselves whether the response passes, more than half of them decide, and all for ``min``.
    Those that gave no grade count against a majority. See ``lacks_votes`` for how many there must be.
    """
    grades = list(votes.values())
    value = aggregate_values([grade.value for grade in grades], how, seats)
    agreed = agreement(grades)
    details: dict[str, Json] = {
        **merge_details(grades),
        "votes": {model: round(grade.value, _SHOWN_DIGITS) for model, grade in votes.items()},
        "aggregate": how,
    }
    if agreed is not None:
        details["agreement"] = round(agreed, _SHOWN_DIGITS)
    decided = _decide(grades, how, seats)
    return Grade(value, _explain_votes(votes, how, seats, agreed), decided, details=details)


def _explain_votes(votes: Mapping[str, Grade], how: Aggregate, seats: int, agreed: float | None) -> str:
    shown = ", ".join(f"{model} {grade.value:.3g}" for model, grade in votes.items())
    missing = seats - len(votes)
    against = f" and {missing} of {seats} without a grade, which counts against it" if missing > 0 else ""
    lowest = min(votes, key=lambda model: votes[model].value)
    said = f"; {lowest}: {votes[lowest].explanation}" if votes[lowest].explanation else ""
    share = "" if agreed is None else f" ({agreed:.0%} of the pairs agree)"
    return f"{how} of {shown}{against if how == 'majority' else ''}{share}{said}"


def _decide(grades: Sequence[Grade], how: Aggregate, seats: int = 0) -> bool | None:
    passed = [grade.passed for grade in grades if grade.passed is not None]
    if len(passed) < len(grades):
        return None
    if how == "min":
        return all(passed)
    return 2 * sum(passed) > (max(len(passed), seats) if how == "majority" else len(passed))


def merge_details(grades: Sequence[Grade]) -> dict[str, Json]:
    """Return what the details of several grades have in common: what is equal, and the means of numbers.

    A yes or no counts as 1 or 0, so that of several is the share of yes. Texts that differ are left out.
    """
    return _merge([grade.details or {} for grade in grades])


def _merge(several: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    first, *others = several
    merged: dict[str, Json] = {}
    for key, value in first.items():
        if not all(key in other for other in others):
            continue
        values = [value, *(other[key] for other in others)]
        if all(item == value for item in values):
            merged[key] = value
        elif all(isinstance(item, int | float) for item in values):
            merged[key] = round(statistics.fmean(item for item in values if isinstance(item, int | float)), 6)
        elif all(isinstance(item, dict) for item in values):
            merged[key] = _merge([item for item in values if isinstance(item, dict)])
    return merged
