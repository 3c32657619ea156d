"""Student's t distribution, as far as intervals need it: scipy takes longer to import than a comparison does."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import Final

_MOST_STEPS: Final = 300
_CLOSE: Final = 1e-14
_PRECISION: Final = 1e-12


@lru_cache(maxsize=256)
def t_quantile(chance: float, freedom: float) -> float:
    """Return the value that a t-distributed number does not exceed with that chance, 0.5 < chance < 1.

    ``freedom`` is the degrees of freedom, 1 or more; it need not be whole.
    """
    low, high = 0.0, NormalDist().inv_cdf(chance) * 2
    while t_cdf(high, freedom) < chance:
        low, high = high, high * 2
    while high - low > _PRECISION * high:
        middle = (low + high) / 2
        low, high = (middle, high) if t_cdf(middle, freedom) < chance else (low, middle)
    return (low + high) / 2


def t_cdf(value: float, freedom: float) -> float:
    """Return the chance that a t-distributed number is at most ``value``, which is 0 or more."""
    return 1 - _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + value * value)) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function, 0 < x <= 1.

    Abramowitz and Stegun (1964), 26.5.8, evaluated after Lentz (1976).
    """
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _MOST_STEPS):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d, c = 1 / (1 + step * d), 1 + step / c
            fraction *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return front * fraction
