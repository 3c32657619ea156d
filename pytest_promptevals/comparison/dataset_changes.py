"""What differs between two versions of a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pytest_promptevals.records.json_types import Json


@dataclass(frozen=True, slots=True)
class DatasetChanges:
    """What became of the cases, by their ids, in alphabetical order."""

    added: tuple[str, ...] = ()
    """New ones."""
    removed: tuple[str, ...] = ()
    """Those that are gone."""
    edited: tuple[str, ...] = ()
    """Those whose content is another one."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Old and new ids of cases whose content is the same."""
    same: int = 0
    """How many are as they were."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.edited or self.renamed)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of a case that has another value."""

    field: str
    """Its path, such as ``vars.name`` or ``judges[0].threshold``."""
    before: Json
    """Its value; ``None`` if it was not there."""
    after: Json
    """Its value now; ``None`` if it is gone."""


def compare_members(before: Mapping[str, str], after: Mapping[str, str]) -> DatasetChanges:
    """Return what became of cases, given the content hash of each by its id."""
    gone = sorted(before.keys() - after.keys())
    new = sorted(after.keys() - before.keys())
    renamed = tuple(_pair_equal(gone, new, before, after))
    old_names, new_names = {old for old, _ in renamed}, {name for _, name in renamed}
    common = before.keys() & after.keys()
    edited = tuple(sorted(name for name in common if before[name] != after[name]))
    return DatasetChanges(
        added=tuple(name for name in new if name not in new_names),
        removed=tuple(name for name in gone if name not in old_names),
        edited=edited,
        renamed=renamed,
        same=len(common) - len(edited),
    )


def compare_fields(before: Json, after: Json, path: str = "") -> Iterator[FieldChange]:
    """Yield the fields that differ between two contents, in alphabetical order."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from compare_fields(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif _are_listed(before) and _are_listed(after):
        old, new = _items(before), _items(after)
        for index in range(max(len(old), len(new))):
            yield from compare_fields(
                old[index] if index < len(old) else None, new[index] if index < len(new) else None, f"{path}[{index}]"
            )
    else:
        yield FieldChange(path, before, after)


def _pair_equal(
    gone: list[str], new: list[str], before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    by_content: dict[str, list[str]] = {}
    for name in gone:
        by_content.setdefault(before[name], []).append(name)
    for name in new:
        if old := by_content.get(after[name]):
            yield old.pop(0), name


def _are_listed(value: Json) -> bool:
    """Return whether a value is a list of things that have fields, or none."""
    return value is None or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
