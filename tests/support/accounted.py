"""Whether an importer accounts for every field of a foreign format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.imported import Imported


def assert_accounted(
    fields: Mapping[str, str], sample: Any, made: Imported, converted: Mapping[str, str] | None = None
) -> None:
    """Check that a sample has all fields of a table, and that each of its values is in the eval file, or told as lost.

    Args:
        fields: the table, whose keys end in the name of a key of the sample.
        sample: what was imported.
        made: what came of it.
        converted: what is written instead of the value of a key.
    """
    leaves = list(_leaves(sample, ()))
    # Keys may hold points themselves.
    paths = [".".join(path) for path, _ in leaves]
    missing = [name for name in fields if not any(_holds(path, name) for path in paths)]
    assert not missing, f"the sample lacks {missing}"
    told = "\n".join(made.losses)
    for path, value in leaves:
        words = (converted or {}).get(path[-1], str(value)) if path else str(value)
        is_told = any(name in told for name in path)
        assert is_told or words in made.text or not value, f"{path}: {value!r} is nowhere"


def _holds(path: str, name: str) -> bool:
    """Return whether a path has the key that a name of the table ends in."""
    return f".{name}." in f".{path}." or f".{name.rpartition('.')[2]}." in f".{path}."


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, (*path, str(key)))
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part, path)
    else:
        yield path, value
