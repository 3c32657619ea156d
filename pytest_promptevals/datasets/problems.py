"""Collecting everything that is wrong, and saying it in the project's words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import DatasetError, FileProblem, did_you_mean
from pytest_promptevals.records.json_types import Json

MAX_SHOWN: Final = 60
"""Characters of a value that a message shows."""

WireModel = TypeVar("WireModel", bound=BaseModel)


class Problems:
    """The problems of an eval file and of all files that belong to it."""

    def __init__(self) -> None:
        self._problems: list[FileProblem] = []

    def __len__(self) -> int:
        return len(self._problems)

    def add(self, message: str, source: Source, path: Sequence[str | int] = ()) -> None:
        """Note a problem of a part of the source's value."""
        line, field = source.line_of(path), source.field_of(path)
        self._problems.append(FileProblem(message, path=source.shown, line=line, field=field))

    def extend(self, problems: Iterable[FileProblem]) -> None:
        """Note problems that know their place."""
        self._problems.extend(problems)

    def raise_all(self) -> None:
        """Raise ``DatasetError`` with all problems, by file and line, if there are any."""
        if self._problems:
            raise DatasetError(sorted(self._problems, key=lambda problem: (problem.path, problem.line or 0)))

    def check(self, model: type[WireModel], value: object, source: Source) -> WireModel | None:
        """Return the value as a wire model, or ``None`` after noting all that is wrong with it."""
        try:
            return model.model_validate(value)
        except ValidationError as error:
            self.explain(error, model, source)
            return None

    def explain(self, error: ValidationError, model: type[BaseModel], source: Source) -> None:
        """Note all that a wire model found to be wrong."""
        for detail in error.errors(include_url=False):
            path = [part for part in detail["loc"] if not _is_branch(part)]
            self.add(_describe(detail["type"], detail, model, path), source, path)


def shorten(value: Json) -> str:
    """Return a value as messages show it: JSON, cut where it gets long."""
    text = json.dumps(value[: MAX_SHOWN * 2] if isinstance(value, str) else value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def render_problems(problems: Sequence[FileProblem], limit: int = 30) -> str:
    """Return problems as text, one a line, with the number of those beyond the limit."""
    lines = [str(problem) for problem in problems[:limit]]
    if len(problems) > limit:
        lines.append(f"... and {len(problems) - limit} more")
    return "\n".join(lines)


def _is_branch(part: str | int) -> bool:
    """Return whether a part of a path names a branch of the model, not a place in the data."""
    return part == "[key]" or str(part).startswith("<")


def _describe(kind: str, detail: Mapping[str, Any], model: type[BaseModel], path: Sequence[str | int]) -> str:
    if kind == "extra_forbidden":
        return f"unknown key.{did_you_mean(str(path[-1]), _known_keys(model, path[:-1]))}"
    if kind == "missing":
        return "this key is missing; add it"
    if kind == "value_error":
        return f"{detail['ctx']['error']}, got {shorten(detail['input'])}"
    expected = _EXPECTED.get(kind)
    words = expected(detail.get("ctx", {})) if expected else detail["msg"]
    hint = "; put it into quotes" if kind == "string_type" and isinstance(detail["input"], bool | int | float) else ""
    return f"{words}, got {shorten(detail['input'])}{hint}"


def _number(name: str) -> Callable[[Mapping[str, Any]], str]:
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}[name]
    return lambda context: f"must be {words} {context[name]:g}"


_EXPECTED: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "string_type": lambda _: "must be a text",
    "int_type": lambda _: "must be a whole number",
    "float_type": lambda _: "must be a number",
    "finite_number": lambda _: "must be a finite number",
    "bool_type": lambda _: "must be true or false",
    "list_type": lambda _: "must be a list",
    "dict_type": lambda _: "must be a mapping",
    "model_type": lambda _: "must be a mapping",
    "string_too_short": lambda _: "must not be empty",
    "too_short": lambda _: "must not be empty",
    "literal_error": lambda context: f"must be {context['expected']}",
    "greater_than": _number("gt"),
    "greater_than_equal": _number("ge"),
    "less_than": _number("lt"),
    "less_than_equal": _number("le"),
}


def _known_keys(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Return the keys of the mapping that a path leads to, starting in a wire model."""
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = _find_model(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _find_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _find_model(part))), None)
