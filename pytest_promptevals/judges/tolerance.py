"""Numbers that count as equal."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final

_ARITHMETIC: Final = Context(prec=60, traps=[])
"""Never raises; what cannot be computed is NaN, which equals nothing."""
_NOT_MORE: Final = (Decimal(-1), Decimal(0))


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a number may be from the wanted one. Decimal, so that 1.1 ± 0.1 reaches 1.0 and 1.2."""

    absolute: float = 0.0
    """In the unit of the numbers."""
    relative: float = 0.0
    """As a share of the wanted number: 0.01 is 1 %."""

    def holds(self, wanted: Decimal, found: Decimal) -> bool:
        """Return whether ``found`` is within the larger of both tolerances of ``wanted``."""
        if wanted == found:
            return True
        distance = _ARITHMETIC.subtract(wanted, found).copy_abs()
        share = _ARITHMETIC.multiply(exact_decimal(self.relative), wanted.copy_abs())
        return _is_at_most(distance, exact_decimal(self.absolute)) or _is_at_most(distance, share)

    def __str__(self) -> str:
        parts = [f"{self.absolute:g}"] if self.absolute else []
        parts += [f"{self.relative * 100:g} %"] if self.relative else []
        return " or ".join(parts)


EXACTLY: Final = Tolerance()
"""Only the same number."""


def exact_decimal(number: float) -> Decimal:
    """Return the decimal that a number is written as: 0.1 is one tenth."""
    return Decimal(number) if isinstance(number, int) else Decimal(repr(number))


def hundredth(number: Decimal) -> Decimal:
    """Return the number divided by 100."""
    return _ARITHMETIC.multiply(number, Decimal("0.01"))


def _is_at_most(number: Decimal, limit: Decimal) -> bool:
    # Unlike <=, it does not raise for NaN.
    return _ARITHMETIC.compare(number, limit) in _NOT_MORE
