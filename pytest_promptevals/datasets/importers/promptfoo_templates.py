"""Nunjucks templates of promptfoo as Jinja2 templates of ours, or rendered as promptfoo would."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import jinja2
import jinja2.meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pytest_promptevals.datasets.importers.drafting import literal
from pytest_promptevals.datasets.importers.foreign import Losses
from pytest_promptevals.datasets.importers.javascript_numbers import number_text
from pytest_promptevals.datasets.importers.nunjucks import Nunjucks, is_plain
from pytest_promptevals.datasets.importers.promptfoo_javascript import Token, without_javascript
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.json_types import Json

_MARK: Final = re.compile(r"\{[{%#]")
_PLAIN: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_PARTIAL: Final = re.compile(r"\{%[^%]*$|\{\{[^}]*$|\{#[^#]*$", re.MULTILINE)
"""A tag that does not end in its line: promptfoo then takes a text as it is."""
_MAX_ROUNDS: Final = 5
"""How often promptfoo fills variables into variables."""
_PAIRS: Final = re.compile(r"(\{%-?\s*for\s+\w+\s*,\s*\w+\s+in\s+[\w.]+)(\s*-?%\})")
"""A loop over a mapping, which Jinja2 writes with a method."""
_FILTERS: Final = {"dump": "tojson"}
_NO_TEMPLATE: Final = (
    "is no template that Jinja2 can read ({error}); taken as plain text. Rewrite it as a Jinja2 template"
)
_NO_VALUE: Final = "its value {template!r} cannot be filled in as Nunjucks does ({error})"
_NO_ENVIRONMENT: Final = "eval files read no environment variables, and the config sets none of that name; left empty"
_ENVIRONMENT_SET: Final = "eval files set no environment variables; left out"


class Templates:
    """Brings templates into our form.

    Args:
        environment: what the config sets under ``env``.
        losses: takes what has no equivalent.
    """

    def __init__(self, environment: Mapping[str, Json], losses: Losses) -> None:
        self._environment = environment
        self._losses = losses
        self._nunjucks = Nunjucks(js_text)
        self._jinja = ImmutableSandboxedEnvironment(finalize=js_text, keep_trailing_newline=True)
        self._strict = self._jinja.overlay(undefined=jinja2.StrictUndefined)
        self._read: set[str] = set()

    def convert(self, text: str, source: Source, renames: Mapping[str, str] | None = None) -> str:
        """Return a Jinja2 template that does what the Nunjucks template does.

        Args:
            text: the template.
            source: where it stands.
            renames: variables that have another name with us.
        """
        if not _MARK.search(text):
            return text
        try:
            return self._converted(text, source, renames or {})
        except jinja2.TemplateSyntaxError as error:
            self._losses.add(source, _NO_TEMPLATE.format(error=error.message))
            return literal(text)

    def _converted(self, text: str, source: Source, renames: Mapping[str, str]) -> str:
        converted = "".join(self._tokens(_PAIRS.sub(r"\1.items()\2", text), source, renames))
        self._jinja.compile(converted)
        return converted

    def runnable(self, converted: str, text: str, source: Source, given: Sequence[Mapping[str, Json]]) -> str:
        """Return a converted template if it can be filled in here; else its text, kept literally, and a loss.

        Args:
            converted: the template.
            text: the same as it is written in the config.
            source: where it stands.
            given: the variables of each case.
        """
        try:
            for variables in given:
                self._strict.from_string(converted).render(variables)
        except _FAILURES as error:
            self._losses.add(source, _NO_TEMPLATE.format(error=error))
            return literal(text)
        return converted

    def fill_variables(self, variables: Mapping[str, Json], source: Source) -> dict[str, Json]:
        """Return variables whose texts are templates, filled in with each other as promptfoo does for prompts."""
        return {
            name: self._fill_variable(name, value, variables, source)
            if isinstance(value, str) and _MARK.search(value)
            else value
            for name, value in variables.items()
        }

    def _fill_variable(self, name: str, text: str, variables: Mapping[str, Json], source: Source) -> str:
        if _PARTIAL.search(text):
            return text
        try:
            converted = self._converted(text, source, _NO_RENAMES)
            # What names an unknown variable stays as it is in promptfoo, too.
            if not self.names(converted) <= variables.keys():
                return text
            return self._nunjucks.render(converted, variables)
        except _FAILURES as error:
            self._losses.add(source, _NO_TEMPLATE.format(error=error), name)
            return text

    def note_unread(self, source: Source) -> None:
        """Note what the config sets in the environment and no template reads."""
        for name in self._environment.keys() - self._read:
            self._losses.add(source, _ENVIRONMENT_SET, name)

    def names(self, converted: str) -> frozenset[str]:
        """Return the variables that a converted template uses."""
        return frozenset(jinja2.meta.find_undeclared_variables(self._jinja.parse(converted)))

    def fill(
        self, text: str, source: Source, variables: Mapping[str, Json], renames: Mapping[str, str] | None = None
    ) -> str:
        """Return a template for the parameter of a judge: as it is where it says the same here, else rendered.

        Args:
            text: the foreign template.
            source: where it stands.
            variables: of the case, by their names with us.
            renames: variables that have another name with us.
        """
        converted = self.convert(text, source, renames)
        if not _MARK.search(converted):
            return converted
        is_same = all(prints_the_same(variables.get(name)) for name in self.names(converted))
        if is_same and is_plain(self._jinja.parse(converted)):
            return converted
        return literal(self.evaluate(converted, variables))

    def evaluate(self, converted: str, variables: Mapping[str, Json]) -> str:
        """Return a converted template filled in as promptfoo does. Raises ``ValueError`` where that cannot be known."""
        try:
            return self._nunjucks.render(converted, variables)
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise ValueError(_NO_VALUE.format(template=converted, error=error)) from None

    def render(self, converted: str, variables: Mapping[str, Json]) -> str:
        """Return a converted template filled in as promptfoo does: what is not there is an empty text."""
        try:
            return self._jinja.from_string(converted).render(variables)
        except _FAILURES:
            return converted

    def _tokens(self, text: str, source: Source, renames: Mapping[str, str]) -> Iterator[str]:
        """Yield the parts of a template, with other names for variables and filters."""
        before, skipped = "", 0
        tokens = without_javascript([(kind, value) for _, kind, value in self._jinja.lex(text)])
        for index, (kind, value) in enumerate(tokens):
            if skipped:
                skipped -= 1
                continue
            if kind == "name" and before == "|":
                yield _FILTERS.get(value, value)
            elif kind == "name" and before != "." and value == "env" and "env" not in renames:
                name, skipped = _environment_name(tokens[index + 1 :])
                yield self._environment_value(name, source)
            elif kind == "name" and before != ".":
                yield renames.get(value, value)
            else:
                yield value
            before = value if kind != "whitespace" else before

    def _environment_value(self, name: str, source: Source) -> str:
        self._read.add(name)
        value = self._environment.get(name)
        if value is None:
            self._losses.add(source, f"env.{name}: {_NO_ENVIRONMENT}")
        return repr(js_text(value))


_FAILURES: Final = (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError)
"""What expressions of a foreign template may end in."""
_NO_RENAMES: Final[Mapping[str, str]] = {}


def _environment_name(tokens: Sequence[Token]) -> tuple[str, int]:
    """Return the variable of the environment that tokens name behind ``env``, and how many of them do so.

    Raises ``TemplateSyntaxError`` where they name none: nothing stands for the environment as a whole.
    """
    places = [place for place, (kind, _) in enumerate(tokens) if kind != "whitespace"]
    listed = [tokens[place] for place in places[:3]]
    if len(listed) > 1 and listed[0] == ("operator", ".") and listed[1][0] == "name":
        return listed[1][1], places[1] + 1
    kinds = [kind for kind, _ in listed]
    if kinds == ["operator", "string", "operator"] and (listed[0][1], listed[2][1]) == ("[", "]"):
        return str(ast.literal_eval(listed[1][1])), places[2] + 1
    raise jinja2.TemplateSyntaxError("env is only known as env.NAME", 1)


def js_text(value: Any) -> str:
    """Return how JavaScript prints a value; nothing for ``null``, as Nunjucks does."""
    if value is None or isinstance(value, jinja2.Undefined):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, list):
        return ",".join(map(js_text, value))
    return "[object Object]" if isinstance(value, dict) else str(value)


def resolve(variables: Mapping[str, Json]) -> dict[str, Json]:
    """Return variables whose texts name other variables, with those filled in."""
    found = dict(variables)
    for _ in range(_MAX_ROUNDS):
        for name, value in found.items():
            if isinstance(value, str) and "{{" in value:
                found[name] = _PLAIN.sub(lambda match: _filled(match, found), value)
    return found


def _filled(match: re.Match[str], variables: Mapping[str, Json]) -> str:
    value = variables.get(match[1])
    return match[0] if value is None else js_text(value)


def prints_the_same(value: Json) -> bool:
    """Return whether Python prints a value as JavaScript does."""
    return isinstance(value, str | int | float) and str(value) == js_text(value)
