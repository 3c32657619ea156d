"""The JSON objects in what a model answered: bare, fenced, between sentences, sloppy or cut off."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pytest_promptevals.errors import DatasetError
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.judges.model.other_keys import REASON_KEYS

Object: TypeAlias = dict[str, Any]

_OBJECT_BEGINS: Final = re.compile(
    r"""\{\s*+(?:"[^"{}\n]*+"\s*+:|'[^'{}\n]*+'\s*+:|“[^“”{}\n]*+”\s*+:|[\w.-][\w .-]*+:|\})"""
)
_LONGEST_SLOPPY: Final = 50_000
"""Characters; what is longer and no JSON is not looked into."""
_MOST_OBJECTS: Final = 50
_MOST_DIGITS: Final = 300
_DEEPEST: Final = 60
_NOT_PLAIN: Final = re.compile(r"\s#|[:=]\s{0,9}[-+]?(?:0[\dxob]|\d{1,9}_\d)", re.IGNORECASE)
"""In what is no JSON: comments, which may take back what they stand beside, and numbers that languages differ about."""

_MAY_BE_DROPPED: Final = re.compile(
    rf"""\s*+(?:"(?:{"|".join(REASON_KEYS)})"\s*+:\s*+"(?:[^"\\\n]|\\[^\n])*+(?:\\|"\s*+)?)?""", re.IGNORECASE
)
"""What may stand behind the last comma of an object that is cut off: nothing, or a reason in one line."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object in a text."""

    value: Object
    """What it holds: plain JSON."""
    start: int
    """Place of its first character."""
    end: int
    """Place behind its last one."""


def find_objects(text: str) -> list[Object]:
    """Return the objects of a text, outermost ones only. Raises ``ValueError`` as ``locate_objects`` does."""
    return [found.value for found in locate_objects(text)]


def locate_objects(text: str) -> list[Found]:
    """Return the objects of a text and where they stand, outermost ones only.

    Single quotes, bare keys, trailing commas and Python's constants are read; of an object that is cut off, the members
    that are whole. Raises ``ValueError`` for what begins like an object and cannot be read, and for a key with two
    values.
    """
    found: list[Found] = []
    place = 0
    while (begin := _OBJECT_BEGINS.search(text, place)) is not None:
        value, place = _read_object(text, begin.start())
        _check_depth(value)
        found.append(Found(value, begin.start(), place))
        if len(found) > _MOST_OBJECTS:
            raise ValueError("it holds too many JSON objects")
    return found


def _read_object(text: str, start: int) -> tuple[Object, int]:
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError:
        raise ValueError("its JSON is nested too deep") from None
    except json.JSONDecodeError:
        return _read_sloppy(text, start)
    return value, end


def _check_depth(value: Object) -> None:
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        level = [inner for item in level for inner in _items_of(item)]
        if not level:
            return
    raise ValueError("its JSON is nested too deep")


def _items_of(value: Any) -> list[Any]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict | list)]


def _read_sloppy(text: str, start: int) -> tuple[Object, int]:
    rest = text[start:]
    end = rest.rfind("}") + 1
    if len(rest) <= _LONGEST_SLOPPY and _NOT_PLAIN.search(rest, 0, end) is None:
        for read in (_read_python, _read_flow):
            value = read(rest[:end])
            if isinstance(value, dict):
                return value, start + end
    if len(rest) <= _LONGEST_SLOPPY and (begun := _read_begun(rest)) is not None:
        return begun, len(text)
    raise ValueError("its JSON cannot be read")


def _read_python(source: str) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python does not know
            tree = ast.parse(source.strip(), mode="eval")
        if any(len(set(keys)) < len(keys) for keys in _keys_of(tree)):
            return None
        value = ast.literal_eval(tree)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None
    return value if _is_json(value) else None


def _keys_of(tree: ast.AST) -> Iterator[list[object]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield [key.value for key in node.keys if isinstance(key, ast.Constant)]


def _is_json(value: object) -> bool:
    """Return whether a value that Python's parser has read, and so is not nested deep, is plain JSON."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_json, value))
    return value is None or isinstance(value, str | int | float)


def _read_flow(source: str) -> object:
    try:
        return parse_yaml(source, "answer").value
    except DatasetError:
        return None


def _read_begun(source: str) -> Object | None:
    """Read what an object that is cut off holds before the last comma between its members, if nothing counts there."""
    depth, in_text, is_escaped, cut = 0, False, False, 0
    for place, character in enumerate(source):
        if in_text:
            in_text = character != '"' or is_escaped
            is_escaped = character == "\\" and not is_escaped
        elif character == '"':
            in_text = True
        elif character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
        elif character == "," and depth == 1:
            cut = place
    if depth < 1 or not cut or _MAY_BE_DROPPED.fullmatch(source, cut + 1) is None:
        return None
    try:
        value: Object = _DECODER.decode(source[:cut] + "}")
    except (json.JSONDecodeError, RecursionError):
        return None
    return value


def _build_object(pairs: list[tuple[str, Any]]) -> Object:
    built: Object = {}
    for key, value in pairs:
        add_member(built, key, value)
    return built


def add_member(data: Object, key: str, value: Any) -> None:
    """Add a member to an object. Raises ``ValueError`` if it has one with another value."""
    if key in data and not _is_same(data[key], value):
        raise ValueError(f"its JSON says {key!r} twice, and not the same")
    data[key] = value


def _is_same(one: Any, other: Any) -> bool:
    # True equals 1 in Python, and no judge says the one for the other.
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _read_int(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"it holds a number of {len(digits)} digits")
    return int(digits)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"its JSON holds {name}, which is no number")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_build_object, parse_int=_read_int, parse_constant=_refuse_constant, strict=False
)
