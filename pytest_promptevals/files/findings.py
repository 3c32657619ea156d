"""What pydantic finds wrong with data of a user's, in the project's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pytest_promptevals.errors import did_you_mean, percent_hint

Path: TypeAlias = "tuple[str | int, ...]"
"""Keys and 0-based indexes that lead to a value."""

_KEY: Final = "[key]"
"""Ends pydantic's path where the key itself is wrong."""
_QUOTED: Final = re.compile(r"'([^']*)'")
_KINDS: Final[Mapping[str, str]] = {
    "string_type": "a text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
"""What a value should have been, by what pydantic says where it is of another kind."""
_WORDS: Final[Mapping[str, str]] = {
    **{kind: f"must be {noun}" for kind, noun in _KINDS.items()},
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must match {pattern}",
    "finite_number": "must be a finite number",
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be one of {expected}",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    kind: str
    """Pydantic's name for it."""
    path: Path
    """Where it is in the data."""
    words: str
    """What is wrong, without the value."""
    value: Any
    """The value."""
    is_key: bool = False
    """Whether the last part of the path, a key, is what is wrong, and not the value behind it."""
    is_over_one: bool = False
    """Whether the value is a number that is too large for a share of 1."""
    only_key: str = ""
    """The only key of the mapping that the value should have been; empty where there are several, or it is none."""

    @property
    def hint(self) -> str:
        """What to do, appended to a message.

        YAML reads as numbers and booleans what was meant as text, and reads no percentages.
        """
        is_percentage = self.kind == "float_type" and isinstance(self.value, str) and self.value.endswith("%")
        if is_percentage or self.is_over_one:
            return percent_hint(self.value)
        if self.only_key and isinstance(self.value, int | float) and not isinstance(self.value, bool):
            return f"; write {{{self.only_key}: {self.value}}}"
        is_unquoted = self.kind == "string_type" and isinstance(self.value, bool | int | float)
        return "; put it into quotes" if is_unquoted else ""


@dataclass(frozen=True, slots=True)
class _Detail:
    """What pydantic says of one branch of a union, or of no union."""

    error: ErrorDetails
    path: Path
    is_key: bool
    union: Path | None
    """Where the union stands in the data; ``None`` outside of any."""
    branch: str
    is_other_kind: bool
    """Whether the value is not of the branch's kind at all, such as a list where it takes a mapping."""


def find_problems(error: ValidationError, model: type[BaseModel], data: object) -> list[Finding]:
    """Return what a model found wrong with data: of a union, what is wrong with the branch that the data comes nearest.

    Args:
        error: what the model raised.
        model: it.
        data: what it was given.
    """
    details = [_read(detail, data) for detail in error.errors(include_url=False)]
    return [_finding(detail, model) if isinstance(detail, _Detail) else detail for detail in _choose(details)]


def known_keys(model: type[BaseModel], path: Sequence[str | int] = ()) -> list[str]:
    """Return the keys that users may write in the mapping to which a path leads, starting in a model."""
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = _find_model(model.model_fields[part].annotation) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _find_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _find_model(part))), None)


def _read(error: ErrorDetails, data: Any) -> _Detail:
    """Tell the parts of pydantic's path that lead through the data from those that name branches of the model."""
    path: list[str | int] = []
    union, branch, after_branch = None, "", -1
    loc = [part for part in error["loc"] if part != _KEY]
    for number, part in enumerate(loc):
        is_absent_key = error["type"] == "missing" and number == len(loc) - 1
        if is_absent_key or _leads_on(data, part):
            path.append(part)
            data = None if is_absent_key else data[part]
        elif union is None:
            union, branch, after_branch = tuple(path), str(part), number
    is_key = error["loc"][-1:] == (_KEY,)
    if is_key:
        path[-1] = str(path[-1])  # a number is an index
    is_other_kind = error["type"] in _KINDS and after_branch == len(loc) - 1 and not is_key
    return _Detail(error, tuple(path), is_key, union, branch, is_other_kind)


def _leads_on(data: Any, part: str | int) -> bool:
    if isinstance(data, Mapping):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def _choose(details: Sequence[_Detail]) -> Iterator[_Detail | Finding]:
    """Leave out what is said of branches that the data was not meant for; where it fits none, say so once."""
    told: set[Path] = set()
    for detail in details:
        rivals = [other for other in details if detail.union is not None and other.union == detail.union]
        unfit = {other.branch for other in rivals if other.is_other_kind}
        fit = [other.branch for other in rivals if other.branch not in unfit]
        if not rivals or (fit and detail.branch == fit[0]):
            yield detail
        elif not fit and detail.path not in told:
            told.add(detail.path)
            yield _of_no_kind(rivals)


def _of_no_kind(rivals: Sequence[_Detail]) -> Finding:
    nouns = list(dict.fromkeys(_KINDS[detail.error["type"]] for detail in rivals if detail.is_other_kind))
    first = rivals[0]
    return Finding(first.error["type"], first.path, f"must be {_join(nouns)}", first.error["input"])


def _join(nouns: Sequence[str]) -> str:
    return nouns[0] if len(nouns) == 1 else f"{', '.join(nouns[:-1])} or {nouns[-1]}"


def _finding(detail: _Detail, model: type[BaseModel]) -> Finding:
    error, path = detail.error, detail.path
    most = error.get("ctx", {}).get({"less_than": "lt", "less_than_equal": "le"}.get(error["type"], ""))
    keys = known_keys(model, path) if error["type"] == "model_type" else []
    return Finding(
        error["type"],
        path,
        _words(detail, model),
        error["input"],
        detail.is_key,
        is_over_one=most is not None and most <= 1,
        only_key=keys[0] if len(keys) == 1 else "",
    )


def _words(detail: _Detail, model: type[BaseModel]) -> str:
    error, kind = detail.error, detail.error["type"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key.{did_you_mean(str(detail.path[-1]), known_keys(model, detail.path[:-1]))}"
    if kind == "missing":
        return "is missing"
    if detail.is_key and kind == "literal_error":
        return f"unknown key.{did_you_mean(str(error['input']), _QUOTED.findall(context['expected']))}"
    if kind == "value_error":
        return str(context["error"])
    known = _WORDS.get(kind)
    words = known.format_map(context) if known else error["msg"][0].lower() + error["msg"][1:]
    return f"the key {words}" if detail.is_key else words
