"""Scores of two vectors, whatever they are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import mul
from typing import Final, Generic, Literal, TypeAlias, TypeVar

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.records.embeddings import Vector

VectorT = TypeVar("VectorT")

Metric: TypeAlias = Literal["cosine", "dot", "euclidean"]
"""How to make a score of two vectors."""
DIGITS: Final = 4
"""Digits of a score: what comes after them depends on which texts were in one batch."""


@dataclass(frozen=True, slots=True)
class Arithmetic(Generic[VectorT]):
    """How to reckon with vectors of one kind."""

    inner: Callable[[VectorT, VectorT], float]
    """Their dot product."""
    length: Callable[[VectorT], float]
    """The length of one."""
    distance: Callable[[VectorT, VectorT], float]
    """The length of their difference."""


def score_vectors(metric: Metric, first: VectorT, second: VectorT, arithmetic: Arithmetic[VectorT]) -> float:
    """Return how alike two vectors are by a metric: a number from 0 to 1, of ``DIGITS`` digits.

    Raises ``JudgeError`` if one has no length: that is how a model fails, and says nothing of a text.
    """
    if not (arithmetic.length(first) and arithmetic.length(second)):
        raise JudgeError(
            "the model gave a vector without a length: all of its numbers are 0, or nearly so; name another model"
        )
    return round(min(1.0, max(0.0, _METRICS[metric](first, second, arithmetic))), DIGITS)


def _inner(first: Vector, second: Vector) -> float:
    return float(sum(map(mul, first, second)))


def _length(vector: Vector) -> float:
    return math.hypot(*vector)


PLAIN: Final = Arithmetic(_inner, _length, math.dist)
"""That of vectors without numpy; they have as many numbers as each other."""


def _cosine(first: VectorT, second: VectorT, by: Arithmetic[VectorT]) -> float:
    return by.inner(first, second) / (by.length(first) * by.length(second))


def _dot(first: VectorT, second: VectorT, by: Arithmetic[VectorT]) -> float:
    return by.inner(first, second) / max(by.inner(first, first), by.inner(second, second))


def _euclidean(first: VectorT, second: VectorT, by: Arithmetic[VectorT]) -> float:
    return 1.0 - by.distance(first, second) / (by.length(first) + by.length(second))


_METRICS: Final[Mapping[Metric, Callable[..., float]]] = {"cosine": _cosine, "dot": _dot, "euclidean": _euclidean}
