"""The JSON objects in what a model answered: bare, fenced, between sentences, sloppy or cut off."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from pytest_promptevals.errors import DatasetError
from pytest_promptevals.files.yaml import parse_yaml

Object: TypeAlias = dict[str, Any]

_OBJECT_BEGINS: Final = re.compile(r"\{\s*(?:[\"'“]?[\w .-]+[\"'”]?\s*:|\})")
_LONGEST_SLOPPY: Final = 50_000
"""Characters; what is longer and no JSON is not looked into."""
_MOST_OBJECTS: Final = 50


def find_objects(text: str) -> list[Object]:
    """Return the objects of a text, outermost ones only.

    Single quotes, bare keys, trailing commas and Python's constants are read; of an object that is cut off, the members
    that are whole. Raises ``ValueError`` for what begins like an object and cannot be read, and for a key with two
    values.
    """
    found: list[Object] = []
    place = 0
    while (begin := _OBJECT_BEGINS.search(text, place)) is not None:
        value, place = _read_object(text, begin.start())
        found.append(value)
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


def _read_sloppy(text: str, start: int) -> tuple[Object, int]:
    rest = text[start:]
    if len(rest) > _LONGEST_SLOPPY:
        raise ValueError("its JSON cannot be read")
    end = rest.rfind("}") + 1
    for source, read in ((rest[:end], _read_python), (rest[:end], _read_flow), (rest, _read_begun)):
        value = read(source)
        if isinstance(value, dict):
            return {str(key): item for key, item in value.items()}, len(text) if read is _read_begun else start + end
    raise ValueError("its JSON cannot be read")


def _read_python(source: str) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python does not know
            tree = ast.parse(source.strip(), mode="eval")
        if any(len(set(keys)) < len(keys) for keys in _keys_of(tree)):
            return None
        return ast.literal_eval(tree)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None


def _keys_of(tree: ast.AST) -> Iterator[list[object]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield [key.value for key in node.keys if isinstance(key, ast.Constant)]


def _read_flow(source: str) -> object:
    try:
        return parse_yaml(source, "answer").value
    except DatasetError:
        return None


def _read_begun(source: str) -> object:
    """Read what an object that is cut off holds before the last comma between its members."""
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
    if depth < 1 or not cut:
        return None
    try:
        return _DECODER.decode(source[:cut] + "}")
    except (json.JSONDecodeError, RecursionError):
        return None


def _build_object(pairs: list[tuple[str, Any]]) -> Object:
    built: Object = {}
    for key, value in pairs:
        if built.setdefault(key, value) != value:
            raise ValueError(f"its JSON says {key!r} twice, and not the same")
    return built


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_build_object, strict=False)
