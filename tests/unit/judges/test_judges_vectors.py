"""Scores of two vectors."""

from __future__ import annotations

import math
from array import array

import pytest

from pytest_promptevals.errors import JudgeError
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
@pytest.mark.parametrize("other", [[0.0, 0.0], [1.0, 0.0]])
def test_a_vector_without_a_length_is_no_low_score(metric: Metric, other: list[float]) -> None:
    for first, second in ((other, [0.0, 1e-300]), ([0.0, 1e-300], other)):
        with pytest.raises(JudgeError) as caught:
            score(metric, first, second)

        assert str(caught.value) == (
            "the model gave a vector without a length: all of its numbers are 0, or nearly so; name another model"
        )


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_short_vectors_have_a_length(metric: Metric) -> None:
    assert score(metric, [1e-30, 0.0], [1e-30, 0.0]) == 1.0


def test_a_score_has_four_digits() -> None:
    assert score("cosine", [1.0, 0.0], [1.0, 1.0]) == 0.7071
