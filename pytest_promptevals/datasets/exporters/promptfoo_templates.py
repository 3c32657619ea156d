"""Jinja2 templates of ours as the Nunjucks templates of promptfoo."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import jinja2
import jinja2.meta
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pytest_promptevals.datasets.exporters.losing import Lost
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.json_types import Json

_FRAME: Final = "{{ '' }}"
"""Stands before and behind a text that must not be taken for the name of a file."""
_FILTERS: Final = {"tojson": "dump"}
_KNOWN_FILTERS: Final = frozenset(
    (
        *("abs", "batch", "capitalize", "center", "default", "dictsort", "dump", "e", "escape", "first"),
        *("float", "forceescape", "groupby", "indent", "int", "join", "last", "length", "list", "lower"),
        *("nl2br", "random", "reject", "rejectattr", "replace", "reverse", "round", "safe", "select"),
        *("selectattr", "slice", "sort", "string", "striptags", "sum", "title", "trim", "truncate", "upper"),
        *("urlencode", "urlize", "wordcount", "tojson"),
    )
)
"""Filters that Nunjucks has, too."""
_KNOWN_TESTS: Final = frozenset(
    (
        *("callable", "defined", "divisibleby", "escaped", "equalto", "eq", "sameas", "even", "falsy", "ge"),
        *("greaterthan", "gt", "le", "lessthan", "lt", "lower", "ne", "none", "number", "odd", "string"),
        *("truthy", "undefined", "upper", "iterable", "mapping"),
    )
)
"""Tests behind ``is`` that Nunjucks has, too."""
_ITEMS: Final = re.compile(r"(\{%-?\s*for\s+\w+\s*,\s*\w+\s+in\s+[\w.]+)\.items\(\)")
"""A loop over a mapping, which Nunjucks writes without the method."""
_UNKNOWN: Final = "{what} is of Jinja2, and Nunjucks has none; write the template in another way"


class Templates:
    """Brings templates into promptfoo's form.

    Args:
        renames: variables that have another name there.
        lost: takes what Nunjucks has not.
    """

    def __init__(self, renames: Mapping[str, str], lost: Lost) -> None:
        self._renames = renames
        self._lost = lost
        self._jinja = ImmutableSandboxedEnvironment(keep_trailing_newline=True)
        self._converted: dict[tuple[str, Location, str], str] = {}

    def convert(self, text: str, location: Location, field: str) -> str:
        """Return a template that does the same in Nunjucks; what cannot is noted as lost at that place and field."""
        key = (text, location, field)
        if key not in self._converted:
            self._converted[key] = self._convert(*key)
        return self._converted[key]

    def names(self, text: str) -> frozenset[str]:
        """Return the names that a template of ours uses."""
        return frozenset(jinja2.meta.find_undeclared_variables(self._jinja.parse(text)))

    def printed(self, text: str) -> frozenset[str]:
        """Return the names that a template of ours prints as they are."""
        outputs = self._jinja.parse(text).find_all(nodes.Output)
        return frozenset(node.name for output in outputs for node in output.nodes if isinstance(node, nodes.Name))

    def render(self, text: str, variables: Mapping[str, Json]) -> str:
        """Return a template of ours filled in. Raises ``ValueError`` if it cannot be."""
        try:
            return self._jinja.from_string(text).render(variables)
        except (jinja2.TemplateError, TypeError, ArithmeticError) as error:
            raise ValueError(f"its template cannot be filled in: {error}") from None

    def render_data(self, value: Json, variables: Mapping[str, Json]) -> Json:
        """Return data with the templates in it filled in. Raises ``ValueError`` if one cannot be."""
        if isinstance(value, str):
            return self.render(value, variables)
        if isinstance(value, list):
            return [self.render_data(item, variables) for item in value]
        if isinstance(value, dict):
            return {key: self.render_data(item, variables) for key, item in value.items()}
        return value

    def _convert(self, text: str, location: Location, field: str) -> str:
        if text.startswith(_FRAME) and text.endswith(_FRAME) and len(text) > 2 * len(_FRAME):
            text = text[len(_FRAME) : -len(_FRAME)]
        if "{{" not in text and "{%" not in text:
            return text
        text = _ITEMS.sub(r"\1", text)
        for what in dict.fromkeys(_unknown_parts(self._jinja.parse(text))):
            self._lost.at(location, field, _UNKNOWN.format(what=what))
        return "".join(self._tokens(text))

    def _tokens(self, text: str) -> Iterator[str]:
        """Yield the parts of a template, with other names for variables and filters."""
        before = ""
        for _, kind, value in self._jinja.lex(text):
            if kind == "name" and before == "|":
                yield _FILTERS.get(value, value)
            elif kind == "name" and before != ".":
                yield self._renames.get(value, value)
            else:
                yield value
            before = value if kind != "whitespace" else before


def _unknown_parts(tree: nodes.Template) -> Iterator[str]:
    """Yield what Nunjucks does not know of a template."""
    for node in tree.find_all((nodes.Filter, nodes.Test, nodes.Call, nodes.Slice, nodes.Include, nodes.Import)):
        if isinstance(node, nodes.Filter) and node.name not in _KNOWN_FILTERS:
            yield f"the filter {node.name!r}"
        elif isinstance(node, nodes.Test) and node.name not in _KNOWN_TESTS:
            yield f"the test {node.name!r}"
        elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
            yield f"the method {node.node.attr!r}"
        elif isinstance(node, nodes.Slice):
            yield "a slice such as [1:3]"
        elif isinstance(node, nodes.Include | nodes.Import):
            yield "a template that includes a file"


def texts_in(value: Any) -> Iterator[str]:
    """Yield all texts in data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from texts_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from texts_in(part)
