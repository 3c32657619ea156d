"""Values of DeepEval's goldens: lists in one cell, calls of tools, notes."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Final

from pytest_promptevals.datasets.importers.conversations import parse_text
from pytest_promptevals.datasets.importers.counting import CountedLosses, is_blank, is_empty
from pytest_promptevals.datasets.importers.foreign import Fields
from pytest_promptevals.datasets.importers.naming import snake_name
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.json_types import Json

_PASSAGES: Final = "|"
_TOOLS: Final = ";"
"""What stands between the names of tools in a cell of CSV, where they are no JSON."""
_WITH_SOURCE: Final = re.compile(r"deepeval_source=(?P<source>.*?),deepeval_context=(?P<context>.*)", re.DOTALL)


def read_passages(fields: Fields, name: str, counts: CountedLosses) -> list[str]:
    """Return the passages of a field: a list, or a text that joins them."""
    value = fields.take(name)
    joined = value.split(_PASSAGES) if isinstance(value, str) else value
    items = joined if isinstance(joined, list) else [joined]
    return [_read_passage(item, fields.part(name), counts) for item in items if not is_empty(item)]


def _read_passage(item: Json, source: Source, counts: CountedLosses) -> str:
    marked = _WITH_SOURCE.fullmatch(item) if isinstance(item, str) else None
    data = marked.groupdict() if marked else item
    if isinstance(data, dict) and "context" in data:
        if not is_empty(data.get("source")):
            counts.add(source, "the source of a passage is left out")
        return str(data["context"])
    return str(item)


def snake_fields(data: Mapping[str, Json], source: Source, counts: CountedLosses) -> dict[str, Json]:
    """Return the fields that say something by their names in snake case; of two equal ones the first counts."""
    found: dict[str, Json] = {}
    for name, value in data.items():
        # A cell of CSV that is empty is no value.
        if value in (None, "", [], {}):
            continue
        if found.setdefault(snake_name(name), value) != value:
            counts.add(source, "stands there twice, in snake and in camel case; the first counts", name)
    return found


def read_tools(fields: Fields, name: str, counts: CountedLosses, *, with_output: bool = False) -> list[dict[str, Json]]:
    """Return the calls of tools in a field, as a recorded output holds them, on demand with what the tools gave."""
    value = parse_text(fields.take(name))
    items = [part.strip() for part in value.split(_TOOLS)] if isinstance(value, str) else value
    tools = items if isinstance(items, list) else [items]
    kept = ("output",) if with_output else ()
    return [_read_tool(tool, fields.part(name), counts, kept) for tool in tools if not is_empty(tool)]


def _read_tool(tool: Json, source: Source, counts: CountedLosses, kept: Sequence[str]) -> dict[str, Json]:
    if not isinstance(tool, dict):
        return {"name": str(tool)}
    with Fields(tool, source, counts.losses) as fields:
        called: dict[str, Json] = {"name": fields.take_text("name")}
        arguments = fields.take("input_parameters", "inputParameters")
        if arguments is not None:
            called["arguments"] = arguments
        kind = fields.take("type")
        if kind not in (None, "FUNCTION"):
            counts.add(source, f"the tool is one of {kind}; it is called as any other here")
        called.update({name: value for name in kept if (value := fields.take(name)) is not None})
        for name, value in fields.rest().items():
            if not is_empty(value):
                counts.add(source, f"{name!r} of a call of a tool is left out")
    return called


def add_note(case: dict[str, Json], name: str, value: Json) -> None:
    """Put a value into the metadata of a case, under a name that is free."""
    metadata = case["metadata"]
    if is_blank(value) or not isinstance(metadata, dict):
        return
    while name in metadata:
        name = f"golden_{name}"
    metadata[name] = value


def add_notes(case: dict[str, Json], name: str, value: Json, source: Source, counts: CountedLosses) -> None:
    """Put the values of a mapping into the metadata of a case; a text may hold it as JSON, or as Python writes it."""
    data = parse_text(value)
    if isinstance(data, str):
        data = _parse_literal(data)
    if isinstance(data, Mapping):
        for key, part in data.items():
            add_note(case, key, part)
    elif value is not None:
        add_note(case, name, value)
        counts.add(source, "is no mapping; it stands in the metadata as it is", name)


def _parse_literal(text: str) -> Json:
    try:
        value: Json = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, dict) and _is_json(value) else text


def _is_json(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(part) for key, part in value.items())
    if isinstance(value, list):
        return all(_is_json(part) for part in value)
    return value is None or isinstance(value, str | int | float)
