"""What a user's function returned, as a grade."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any, Final

from pytest_promptevals.errors import did_you_mean
from pytest_promptevals.judges.excerpts import clip
from pytest_promptevals.records.results import Grade

_KEYS: Final = ("value", "passed", "explanation", "cost")
_LIMIT: Final = 2_000
"""Characters that are kept of a function's explanation."""
_FORMS: Final = "return a bool, a number from 0 to 1, a Grade, or a dict with `value`, `passed` and `explanation`"


def read_result(result: object, reference: str) -> Grade:
    """Return the grade that a function meant. Raises ``ValueError`` if it meant none.

    Args:
        result: a bool, a number from 0 to 1, an object with the attributes of a ``Grade``, or a mapping with its keys.
        reference: how explanations name the function.
    """
    plain = _unwrap(result)
    fields = _fields_of(plain)
    passed = _unwrap(fields.get("passed"))
    if passed is not None and not isinstance(passed, bool):
        raise ValueError(f"returned `passed` {_show(passed)}, which is not a bool")
    value = _read_value(fields.get("value", passed))
    explanation = fields.get("explanation") or f"{reference} returned {_show(plain)}"
    if not isinstance(explanation, str):
        raise ValueError(f"returned the explanation {_show(explanation)}, no text")  # noqa: TRY004 - all raise one type
    return Grade(value, _shorten(explanation), passed, _read_cost(fields.get("cost")))


def _fields_of(result: object) -> Mapping[str, Any]:
    if isinstance(result, numbers.Real):
        return {"value": result}
    if isinstance(result, Mapping):
        return _checked_keys(result)
    fields = {key: getattr(result, key) for key in _KEYS if hasattr(result, key)}
    if "value" not in fields:
        raise ValueError(f"returned {_show(result)}; {_FORMS}")
    return fields


def _checked_keys(result: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in result:
        if key not in _KEYS:
            raise ValueError(f"returned a dict with the unknown key {key!r}.{did_you_mean(str(key), _KEYS)}")
    if "value" not in result and "passed" not in result:
        raise ValueError(f"returned {_show(result)}, which has neither `value` nor `passed`")
    return result


def _read_value(given: object) -> float:
    value = _unwrap(given)
    # A bool is a number to Python: True is 1.
    if not isinstance(value, numbers.Real) or not 0 <= float(value) <= 1:
        raise ValueError(f"returned the value {_show(value)}; a value is a number from 0 to 1")
    return float(value)


def _read_cost(given: object) -> float | None:
    cost = _unwrap(given)
    if cost is None:
        return None
    if not isinstance(cost, numbers.Real) or not 0 <= float(cost) < math.inf:
        raise ValueError(f"returned the cost {_show(cost)}; a cost is a number of US dollars")
    return float(cost)


def _unwrap(value: object) -> object:
    """Return a numpy scalar as a plain value: its ``bool_`` is no bool."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "shape", None) == () else value


def _show(value: object) -> str:
    return f"{clip(repr(value))} ({type(value).__name__})"


def _shorten(text: str) -> str:
    cut = text if len(text) <= _LIMIT else f"{text[:_LIMIT]}…"
    return cut.encode("utf-8", "backslashreplace").decode("utf-8")
