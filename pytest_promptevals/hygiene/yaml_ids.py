"""Where ids of cases can be written into a YAML text, so that all else stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import yaml
from yaml import events

Path: TypeAlias = tuple[str | int, ...]
"""Keys and 0-based indexes that lead to a value."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A piece of one line to replace."""

    line: int
    """0-based line."""
    start: int
    """0-based column of the first character that goes."""
    end: int
    """0-based column after the last one."""
    text: str
    """What takes its place; line ends are ``\\n``."""


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    path: Path
    is_mapping: bool
    is_flow: bool = False
    count: int = 0
    key: str | None = None
    first_key: events.ScalarEvent | None = None
    ids: list[events.ScalarEvent] = field(default_factory=list)


def plan_edits(text: str, ids: Mapping[Path, str]) -> dict[Path, Edit]:
    """Return the edits that give an id to each mapping that a path leads to, in the order of the text.

    A mapping that cannot be edited, such as one that is only an alias, has no edit. The text must be valid.
    """
    lines = text.split("\n")
    edits = {mapping.path: _edit(mapping, ids[mapping.path]) for mapping in _mappings(text) if mapping.path in ids}
    # Behind the "?" of an explicit key nothing can be put.
    return {
        path: edit
        for path, edit in edits.items()
        if edit is not None and not lines[edit.line][: edit.start].rstrip().endswith("?")
    }


def _mappings(text: str) -> Iterator[_Open]:
    opened: list[_Open] = []
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, events.CollectionEndEvent):
            closed = opened.pop()
            if closed.is_mapping:
                yield closed
        elif isinstance(event, events.CollectionStartEvent):
            is_mapping = isinstance(event, events.MappingStartEvent)
            opened.append(_Open(_enter(opened, event), is_mapping, is_flow=bool(event.flow_style)))
        elif isinstance(event, events.ScalarEvent | events.AliasEvent) and opened:
            _enter(opened, event)


def _enter(opened: Sequence[_Open], event: events.NodeEvent) -> Path:
    """Return the path of the node that begins with an event; a key has none of its own."""
    if not opened:
        return ()
    holder = opened[-1]
    if not holder.is_mapping:
        holder.count += 1
        return (*holder.path, holder.count - 1)
    if holder.key is None:
        key = cast("events.ScalarEvent", event)
        holder.key = key.value
        holder.first_key = holder.first_key or key
        return ()
    path = (*holder.path, holder.key)
    if holder.key == "id" and isinstance(event, events.ScalarEvent):
        holder.ids.append(event)
    holder.key = None
    return path


def _edit(mapping: _Open, case_id: str) -> Edit | None:
    if mapping.ids:
        return _fill(mapping.ids[-1], case_id)
    if mapping.first_key is None:
        return None
    return _insert(mapping.first_key, case_id, is_flow=mapping.is_flow)


def _fill(empty: events.ScalarEvent, case_id: str) -> Edit:
    """Return the edit that puts an id in the place of ``null``, or of nothing."""
    start, end = cast("yaml.Mark", empty.start_mark), cast("yaml.Mark", empty.end_mark)
    text = _write(case_id)
    return Edit(start.line, start.column, end.column, text if empty.value else f" {text}")


def _insert(first_key: events.ScalarEvent, case_id: str, *, is_flow: bool) -> Edit:
    mark = cast("yaml.Mark", first_key.start_mark)
    if not is_flow:
        return Edit(mark.line, mark.column, mark.column, f"id: {_write(case_id)}\n{' ' * mark.column}")
    pair = f'"id": "{case_id}", ' if first_key.style == '"' else f"id: {_write(case_id)}, "
    return Edit(mark.line, mark.column, mark.column, pair)


def _write(case_id: str) -> str:
    """Return an id as YAML: in quotes where some reader would take it for a number."""
    return f'"{case_id}"' if set(case_id) <= set("0123456789e_.") else case_id
