"""What differs between two versions of a dataset, as lines for a terminal."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pytest_promptevals.comparison.dataset_changes import DatasetChanges, FieldChange, compare_fields
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.reports.words import count_text, json_text, visible_text

FEW: Final = 20
"""Cases of a kind that are shown where not all are asked for."""
_INDENT: Final = "    "
_LONGEST: Final = 2000
"""Characters of a value that are compared; of what is longer, the part around the first difference is shown."""


def change_text(changes: DatasetChanges) -> str:
    """Return how many cases changed in which way, in words."""
    parts = [("added", changes.added), ("removed", changes.removed), ("edited", changes.edited)]
    counts = [f"{len(names)} {word}" for word, names in [*parts, ("renamed", changes.renamed)] if names]
    return f"{', '.join(counts)}, {changes.same} the same" if counts else f"no change in {_cases(changes.same)}"


def change_lines(
    changes: DatasetChanges,
    before: Mapping[str, Json],
    after: Mapping[str, Json],
    *,
    width: int = 80,
    most: int | None = FEW,
) -> Iterator[str]:
    """Yield what changed: cases added, removed and renamed by name, and those edited with their fields.

    Args:
        changes: what became of the cases.
        before: contents of the edited cases, by id.
        after: their contents now.
        width: columns of the terminal.
        most: how many cases of each kind are shown; ``None`` shows all.
    """
    for word, names in (("added", changes.added), ("removed", changes.removed)):
        yield from _cut([f"{word} {name}" for name in names], most, word)
    yield from _cut([f"renamed {old} to {new}" for old, new in changes.renamed], most, "renamed")
    shown = changes.edited if most is None else changes.edited[:most]
    for name in shown:
        yield f"edited {name}"
        yield from _edit_lines(before.get(name), after.get(name), width)
    yield from _rest(len(changes.edited) - len(shown), "edited")


def _edit_lines(before: Json, after: Json, width: int) -> Iterator[str]:
    if before is None or after is None:
        yield f"{_INDENT}its content is not kept in the history"
        return
    for change in compare_fields(before, after):
        yield from (visible_text(line) for line in _field_lines(change, width))


def _field_lines(change: FieldChange, width: int) -> Sequence[str]:
    old, new = _value_text(change.before), _value_text(change.after)
    line = f"{_INDENT}{change.field}: {old or 'none'} → {new or 'none'}"
    if "\n" not in line and len(line) <= width:
        return [line]
    # Where no line differs, the way in which they end does.
    rows = [*_diff(old, new)] or [f"- {json_text(change.before)}", f"+ {json_text(change.after)}"]
    return [f"{_INDENT}{change.field}:", *(f"{_INDENT}  {row}" for row in rows)]


def _diff(old: str, new: str) -> Iterator[str]:
    """Yield the lines that differ, removed before added ones; of long lines, what is around the change."""
    lines_before, lines_after = old.splitlines(), new.splitlines()
    matcher = difflib.SequenceMatcher(a=lines_before, b=lines_after)
    for word, start, end, new_start, new_end in matcher.get_opcodes():
        if word == "equal":
            continue
        gone, come = lines_before[start:end], lines_after[new_start:new_end]
        if len(gone) == len(come) == 1 and max(len(gone[0]), len(come[0])) > _LONGEST:
            gone, come = _around_change(gone[0], come[0])
        yield from (f"- {line}" for line in gone)
        yield from (f"+ {line}" for line in come)


def _around_change(old: str, new: str) -> tuple[list[str], list[str]]:
    first = next((place for place, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), 0)
    start = max(0, first - _LONGEST // 20)
    cut = slice(start, start + _LONGEST // 10)
    head = "…" if start else ""
    return [f"{head}{old[cut]}…"], [f"{head}{new[cut]}…"]


def _value_text(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json_text(value)


def _cut(lines: Sequence[str], most: int | None, word: str) -> Iterator[str]:
    shown = lines if most is None else lines[:most]
    yield from map(visible_text, shown)
    yield from _rest(len(lines) - len(shown), word)


def _rest(count: int, word: str) -> Iterator[str]:
    if count > 0:
        yield f"and {count} more {word}; --all shows them"


def _cases(count: int) -> str:
    return count_text(count, "case")
