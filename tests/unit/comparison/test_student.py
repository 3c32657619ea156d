from __future__ import annotations

import pytest
from scipy import stats

from pytest_promptevals.comparison.student import t_cdf, t_quantile


@pytest.mark.parametrize(
    ("freedom", "chance", "value"),
    [
        (1, 0.975, 12.706),
        (2, 0.975, 4.303),
        (5, 0.95, 2.015),
        (10, 0.975, 2.228),
        (30, 0.995, 2.750),
        (120, 0.975, 1.980),
    ],
)
def test_the_published_table_is_met(freedom: int, chance: float, value: float) -> None:
    """Fisher and Yates, Statistical Tables (1938), table III."""
    assert t_quantile(chance, freedom) == pytest.approx(value, abs=5e-4)


@pytest.mark.parametrize("freedom", [1, 1.2, 2, 3, 7, 9.75, 31, 200, 5_000, 100_001])
@pytest.mark.parametrize("chance", [0.6, 0.9, 0.975, 0.9999])
def test_quantiles_are_those_of_scipy(chance: float, freedom: float) -> None:
    assert t_quantile(chance, freedom) == pytest.approx(stats.t.ppf(chance, freedom), rel=1e-8)


@pytest.mark.parametrize("freedom", [1, 4, 50, 10_000])
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0, 2.5, 20.0])
def test_chances_are_those_of_scipy(value: float, freedom: int) -> None:
    assert t_cdf(value, freedom) == pytest.approx(stats.t.cdf(value, freedom), abs=1e-10)
