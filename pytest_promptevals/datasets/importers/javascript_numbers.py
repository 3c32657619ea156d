"""How JavaScript prints numbers."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

_MOST_DIGITS: Final = 21
"""Digits before the point that are written out."""
_MOST_ZEROS: Final = 6
"""Places that a small number may begin behind the point."""


def number_text(value: float) -> str:
    """Return a number as JavaScript prints it, which has but one kind: 64 bits with a point."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0:
        return "0"
    sign, shown, exponent = Decimal(repr(number)).normalize().as_tuple()
    digits = "".join(map(str, shown))
    # The rules of Number::toString in ECMA-262: `place` is where the point stands in the digits.
    place = len(digits) + int(exponent)
    return ("-" if sign else "") + _placed(digits, place)


def _placed(digits: str, place: int) -> str:
    if len(digits) <= place <= _MOST_DIGITS:
        return digits + "0" * (place - len(digits))
    if 0 < place <= _MOST_DIGITS:
        return f"{digits[:place]}.{digits[place:]}"
    if -_MOST_ZEROS < place <= 0:
        return "0." + "0" * -place + digits
    fraction = f".{digits[1:]}" if digits[1:] else ""
    return f"{digits[0]}{fraction}e{place - 1:+d}"
