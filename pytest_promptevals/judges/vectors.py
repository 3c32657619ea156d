"""Scores of two vectors, whatever they are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import mul
from typing import Final, Generic, Literal, TypeAlias, TypeVar

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
    """Return how alike two vectors are by a metric: a number from 0 to 1, of ``DIGITS`` digits."""
    return round(min(1.0, max(0.0, _METRICS[metric](first, second, arithmetic))), DIGITS)


def _inner(first: Vector, second: Vector) -> float:
    return float(sum(map(mul, first, second)))


def _length(vector: Vector) -> float:
    return math.hypot(*vector)


PLAIN: Final = Arithmetic(_inner, _length, math.dist)
"""That of vectors without numpy; they have as many numbers as each other."""


def _cosine(first: VectorT, second: VectorT, by: Arithmetic[VectorT]) -> float:
    lengths = by.length(first) * by.length(second)
    return by.inner(first, second) / lengths if lengths else 0.0


def _dot(first: VectorT, second: VectorT, by: Arithmetic[VectorT]) -> float:
    larger = max(by.inner(first, first), by.inner(second, second))
    return by.inner(first, second) / larger if larger else 0.0


def _euclidean(first: VectorT, second: VectorT, by: Arithmetic[VectorT]) -> float:
    lengths = by.length(first) + by.length(second)
    return 1.0 - by.distance(first, second) / lengths if lengths else 0.0


_METRICS: Final[Mapping[Metric, Callable[..., float]]] = {"cosine": _cosine, "dot": _dot, "euclidean": _euclidean}
