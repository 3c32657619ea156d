from __future__ import annotations

import pytest
from statsmodels.stats.multitest import multipletests

from pytest_promptevals.comparison.holm import holm


@pytest.mark.parametrize(
    "p_values", [[0.01], [0.01, 0.04, 0.03, 0.005], [0.5, 0.5], [0.2, 1.0, 0.9, 0.001, 0.001], [0.04, 0.05, 0.02]]
)
def test_corrected_p_values_are_those_of_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


def test_the_smallest_is_multiplied_by_how_many_there_are_and_the_others_by_less() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_of_nothing_there_is_nothing_to_correct() -> None:
    assert holm([]) == []
