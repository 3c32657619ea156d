"""Scores of two vectors."""

from __future__ import annotations

import math
from array import array

import pytest

from pytest_promptevals.judges.vectors import PLAIN, Metric, score_vectors


def score(metric: Metric, first: list[float], second: list[float]) -> float:
    return score_vectors(metric, array("f", first), array("f", second), PLAIN)


@pytest.mark.parametrize(
    ("metric", "first", "second", "wanted"),
    [
        ("cosine", [3.0, 0.0], [0.5, 0.0], 1.0),
        ("cosine", [1.0, 0.0], [1.0, 1.0], 1 / math.sqrt(2)),
        ("cosine", [1.0, 0.0], [0.0, 1.0], 0.0),
        ("cosine", [1.0, 0.0], [-1.0, 0.2], 0.0),
        ("dot", [2.0, 0.0], [1.0, 0.0], 0.5),
        ("dot", [2.0, 0.0], [2.0, 0.0], 1.0),
        ("dot", [1.0, 0.0], [-1.0, 0.0], 0.0),
        ("euclidean", [1.0, 0.0], [1.0, 0.0], 1.0),
        ("euclidean", [1.0, 0.0], [-1.0, 0.0], 0.0),
        ("euclidean", [1.0, 0.0], [0.0, 1.0], 1 - math.sqrt(2) / 2),
        ("euclidean", [3.0, 0.0], [1.0, 0.0], 0.5),
    ],
)
def test_a_metric_makes_a_score(metric: Metric, first: list[float], second: list[float], wanted: float) -> None:
    assert score(metric, first, second) == score(metric, second, first) == pytest.approx(wanted, abs=5e-5)


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_vectors_of_nothing_are_like_nothing(metric: Metric) -> None:
    assert score(metric, [0.0, 0.0], [0.0, 0.0]) == 0.0


def test_a_score_has_four_digits() -> None:
    assert score("cosine", [1.0, 0.0], [1.0, 1.0]) == 0.7071
