"""Amounts of money as text."""

from __future__ import annotations

import math
from typing import Final

_DIGITS: Final = 3
_SMALLEST: Final = 1e-6


def format_dollars(amount: float | None) -> str:
    """Return US dollars as text: ``$1.23``, ``$0.000123``; an unknown amount is ``unknown``, never ``$0``.

    Amounts below a dollar have three digits that count, and at least two decimals.
    """
    if amount is None or math.isnan(amount):
        return "unknown"
    if amount < 0:
        return f"-{format_dollars(-amount)}"
    if 0 < amount < _SMALLEST:
        return f"<${_SMALLEST:.6f}"
    if amount == 0 or amount >= 1:
        return f"${amount:,.2f}"
    places = _DIGITS - 1 - math.floor(math.log10(amount))
    cents, _, rest = f"{amount:.{places}f}".partition(".")
    return f"${cents}.{rest.rstrip('0'):0<2}"
