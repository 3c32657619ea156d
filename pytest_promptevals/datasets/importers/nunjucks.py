"""Templates filled in as Nunjucks does, where that can be known without JavaScript."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import jinja2
from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pytest_promptevals.records.json_types import Json

_CONDITIONS: Final = (nodes.If, nodes.CondExpr, nodes.And, nodes.Or, nodes.Not)
_SAME_FILTERS: Final = frozenset({"upper", "lower", "trim"})
"""Filters that do the same to a text in Jinja2."""
_LONGEST: Final = 1e21
"""Whole numbers from here on are written with an exponent."""
_EMPTY: Final = "an empty list or mapping counts as true there"
_NOT_NUMBERS: Final = "{operator!r} between a text and a number is JavaScript's own"


class Nunjucks:
    """Fills in templates.

    Args:
        show: returns how a value is printed.
    """

    def __init__(self, show: Callable[[Any], str]) -> None:
        self._environment = _Environment(finalize=show, keep_trailing_newline=True, undefined=jinja2.ChainableUndefined)
        self._environment.filters["tojson"] = _dump
        self._environment.filters["round"] = _round

    def render(self, template: str, variables: Mapping[str, Json]) -> str:
        """Return a template of Jinja2's filled in. Raises ``TemplateError`` for what only JavaScript can say."""
        decides = next(self._environment.parse(template).find_all(_CONDITIONS), None) is not None
        if decides and any(_holds_empty(value) for value in variables.values()):
            raise jinja2.TemplateRuntimeError(_EMPTY)
        return self._environment.from_string(template).render(variables)


def is_plain(template: nodes.Template) -> bool:
    """Return whether a template but prints variables, which is the same wherever they are printed."""
    printed = (node for part in template.body if isinstance(part, nodes.Output) for node in part.nodes)
    return all(isinstance(part, nodes.Output) for part in template.body) and all(map(_is_plain, printed))


def _is_plain(node: nodes.Node | None) -> bool:
    if isinstance(node, nodes.Filter):
        return node.name in _SAME_FILTERS and not node.args and not node.kwargs and _is_plain(node.node)
    is_text = isinstance(node, nodes.Const) and isinstance(node.value, str)
    return is_text or isinstance(node, nodes.TemplateData | nodes.Name)


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        are_numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (left, right))
        are_texts = operator == "+" and isinstance(left, str) and isinstance(right, str)
        is_rest_of_negative = operator == "%" and are_numbers and min(left, right) < 0
        if not (are_numbers or are_texts) or is_rest_of_negative:
            raise jinja2.TemplateRuntimeError(_NOT_NUMBERS.format(operator=operator))
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict):
            return obj[attribute] if attribute in obj else self.undefined(name=attribute)
        if isinstance(obj, str | list) and attribute == "length":
            return len(obj.encode("utf-16-le")) // 2 if isinstance(obj, str) else len(obj)
        if isinstance(obj, str | list | int | float):
            raise jinja2.TemplateRuntimeError(f"'.{attribute}' is JavaScript's own")
        return super().getattr(obj, attribute)


def _dump(value: Any, indent: int | None = None) -> str:
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(_whole(value), ensure_ascii=False, separators=separators, indent=indent)


def _whole(value: Any) -> Any:
    """Return data with whole numbers as JavaScript has them."""
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _LONGEST else value


def _round(value: float, precision: int = 0, method: str = "round") -> float:
    ways: dict[str, Callable[[float], float]] = {"ceil": math.ceil, "floor": math.floor}
    factor = float(10**precision)
    return ways.get(method, _half_up)(value * factor) / factor


def _half_up(number: float) -> float:
    return math.floor(number + 0.5)


def _holds_empty(value: Json) -> bool:
    if isinstance(value, dict):
        return not value or any(map(_holds_empty, value.values()))
    return isinstance(value, list) and (not value or any(map(_holds_empty, value)))
