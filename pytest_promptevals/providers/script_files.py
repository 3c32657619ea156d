"""Reading the rules of a scripted model, written in YAML, with the place of whatever is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from pytest_promptevals.errors import CodecError, DatasetError, FileProblem, ProviderConfigError, did_you_mean
from pytest_promptevals.files.fields import field_name
from pytest_promptevals.files.paths import OutsideRootdirError, resolve_inside, search_folders, shown_path
from pytest_promptevals.files.text import read_text
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.providers.options import shown_provider
from pytest_promptevals.providers.scripted_rules import ScriptedRule, compile_rule
from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.codec import from_plain
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import ToolCall, Usage

_Path: TypeAlias = "tuple[str | int, ...]"
_Place: TypeAlias = "Callable[[_Path], Location]"


def read_script(context: ProviderContext) -> tuple[ScriptedRule, ...]:
    """Return the rules of the option ``script``: a list of them, or the name of a YAML file.

    A file is looked for beside the file that names it. Raises ``ProviderConfigError`` with everything that is wrong
    with the rules, each with file and line.
    """
    script = context.config.options["script"]
    try:
        if isinstance(script, str):
            return _read_file(script, context)
        location = context.config.location or Location("", 1)
        return _read_rules(script, ("script",), lambda _: location)
    except OutsideRootdirError as error:
        raise ProviderConfigError(f"{shown_provider(context.config)}: 'script': {error}") from None
    except (DatasetError, FileProblem) as error:
        raise ProviderConfigError(str(error)) from None


def _read_file(name: str, context: ProviderContext) -> tuple[ScriptedRule, ...]:
    path = resolve_inside(name, _folder(context), context.rootdir)
    shown = shown_path(path, context.rootdir)
    document = parse_yaml(read_text(path, shown), shown)
    return _read_rules(document.value, (), lambda part: Location(shown, document.line_of(part)))


def _folder(context: ProviderContext) -> Path:
    location = context.config.location
    return context.rootdir if location is None else search_folders(location.path, context.rootdir)[0]


def _read_rules(script: Json, path: _Path, place: _Place) -> tuple[ScriptedRule, ...]:
    if not isinstance(script, list) or not script:
        raise _problem("a script is a list of rules; write one such as '- reply: Hello!'", path, place)
    rules: list[ScriptedRule] = []
    problems: list[FileProblem] = []
    for index, rule in enumerate(script):
        try:
            rules.append(_read_rule(rule, (*path, index), place))
        except DatasetError as error:
            problems.extend(error.problems)
    if problems:
        raise DatasetError(problems)
    return tuple(rules)


def _read_rule(rule: Json, path: _Path, place: _Place) -> ScriptedRule:
    if not isinstance(rule, dict):
        raise DatasetError([_problem(f"{rule!r} is no rule; write a mapping such as 'reply: Hello!'", path, place)])
    values: dict[str, Any] = {}
    problems: list[FileProblem] = []
    for key, value in rule.items():
        try:
            values[key] = _read_key(key, value)
        except (CodecError, ValueError) as error:
            problems.append(_problem(str(error), (*path, key), place))
    if problems:
        raise DatasetError(problems)
    try:
        read = ScriptedRule(**values)
        compile_rule(read)
    except ProviderConfigError as error:
        raise DatasetError([_problem(str(error), path, place)]) from None
    return read


def _problem(message: str, path: _Path, place: _Place) -> FileProblem:
    location = place(path)
    return FileProblem(message, path=location.path, line=location.line, field=field_name(path))


def _read_key(key: str, value: Json) -> object:
    if key not in _READERS:
        raise ValueError(f"unknown key.{did_you_mean(key, _READERS)}")
    return _READERS[key](value)


def _read_text(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text; put it into quotes")  # noqa: TRY004 - a problem of the file
    return value


def _read_texts(value: Json) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    if not items:
        raise ValueError("is an empty list; write at least one text")
    return tuple(_read_text(item) for item in items)


def _read_number(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{value!r} is no number; write 0 or more")
    return float(value)


def _read_tool_calls(value: Json) -> tuple[ToolCall, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{value!r} is no list of tool calls; write '- {{name: ..., arguments: {{...}}}}'")
    return tuple(from_plain(ToolCall, item) for item in value)


def _read_usage(value: Json) -> Usage:
    return from_plain(Usage, value)


_READERS: Final[Mapping[str, Callable[[Json], object]]] = {
    "match": _read_texts,
    "unless": _read_texts,
    "model": _read_text,
    "reply": _read_text,
    "replies": _read_texts,
    "tool_calls": _read_tool_calls,
    "error": _read_text,
    "finish_reason": _read_text,
    "usage": _read_usage,
    "latency": _read_number,
    "cost": _read_number,
}
"""How each field of a rule is read."""
