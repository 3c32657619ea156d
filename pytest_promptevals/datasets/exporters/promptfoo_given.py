"""What a judge of an eval file says, read for the assertion that it becomes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_promptevals.datasets.exporters.losing import Lost
from pytest_promptevals.datasets.exporters.promptfoo_templates import Templates
from pytest_promptevals.records.cases import Case, JudgeSpec
from pytest_promptevals.records.json_types import Json

_EXPECTED: Final = "{{ expected }}"
_NUMBERED: Final = re.compile(r"(.+) \d+")
_PARAMETER: Final = "has no equivalent in promptfoo; left out"
SHORT: Final[Mapping[str, str]] = {
    "contains_all": "values",
    "contains_any": "values",
    "regex": "pattern",
    "json_schema": "schema",
    "embedding": "model",
    "latency": "max",
    "cost": "max",
    "rubric": "criteria",
    "closed_qa": "criteria",
    "g_eval": "criteria",
    "factuality": "reference",
}
"""Judge -> the parameter that it takes without a name; of others it is ``value``."""


class UnfitError(Exception):
    """A judge has no equivalent with what it asks for. Its text says why."""


@dataclass(slots=True)
class Scope:
    """What is known of the case that is judged, and what its judges need of its test."""

    case: Case
    """The case."""
    variables: Mapping[str, Json]
    """What templates of its judges may name, by our names."""
    options: dict[str, Any] = field(default_factory=dict)
    """Options of the test that assertions ask for."""
    labels: Collection[str] = ()
    """What the user calls judges of the case."""
    needs_query: bool = False
    """Whether an assertion reads the question from the variable ``query``."""

    def metric(self, spec: JudgeSpec) -> str:
        """Return what the user calls a judge, without the number that tells it from an equal name of the case."""
        is_usual = re.fullmatch(rf"(not )?{re.escape(spec.judge)}(#\d+)?", spec.name)
        label = "" if is_usual else spec.name
        numbered = _NUMBERED.fullmatch(label)
        return numbered[1] if numbered and numbered[1] in self.labels else label


class Given:
    """The parameters of a judge.

    Args:
        spec: the judge.
        scope: what is known of its case.
        templates: brings texts into promptfoo's form.
        lost: takes parameters that nobody asks for.
    """

    def __init__(self, spec: JudgeSpec, scope: Scope, templates: Templates, lost: Lost) -> None:
        self.spec = spec
        self.scope = scope
        self._templates = templates
        self._lost = lost
        self.is_listed = False
        """Whether what is wanted stood in a list of the judge's."""
        self._parameters: dict[str, Any] = dict(spec.parameters)
        if spec.argument is not None:
            self._parameters[SHORT.get(spec.judge, "value")] = spec.argument

    def take(self, name: str, default: Json = None) -> Any:
        """Return a parameter, and count it as taken."""
        return self._parameters.pop(name, default)

    def lose_rest(self) -> None:
        """Note the parameters that nobody took."""
        for name in self._parameters:
            self._lost.judge(self.spec, _PARAMETER, name)

    def refuse(self, name: str, message: str) -> None:
        """Raise ``UnfitError`` if a parameter is there, and not empty or false."""
        if self.take(name):
            raise UnfitError(message)

    def text(self, value: Any) -> Any:
        """Return a value with its text as a template of promptfoo."""
        if isinstance(value, str):
            return self._templates.convert(value, self.spec.location, self.spec.judge)
        return value

    def wanted(self, name: str = "value") -> list[Any]:
        """Return what the output is compared with, of which any one will do: a parameter, or else ``expected``.

        Raises ``UnfitError`` if there is neither.
        """
        value = self.take(name)
        self.is_listed = isinstance(value, list)
        if isinstance(value, list):
            return [self.text(item) for item in value]
        if value is not None:
            return [self.text(value)]
        expected = self.scope.case.expected
        if isinstance(expected, list):
            return [literal(item) if isinstance(item, str) else item for item in expected]
        if expected is None or isinstance(expected, dict):
            raise UnfitError("there is no text to compare with: neither its own nor 'expected' of the case; left out")
        return [_EXPECTED]

    def filled(self, value: Any) -> Json:
        """Return data with its templates filled in for the case. Raises ``UnfitError`` if they cannot be."""
        try:
            return self._templates.render_data(value, self.scope.variables)
        except ValueError as error:
            raise UnfitError(str(error)) from None


def literal(text: str) -> str:
    """Return a template that renders to that text."""
    return "{% raw %}" + text + "{% endraw %}" if "{{" in text or "{%" in text else text


def labels_of(specs: Sequence[JudgeSpec]) -> Iterator[str]:
    """Yield the names of judges, and of those in groups."""
    for spec in specs:
        yield spec.name
        yield from labels_of(spec.children)
