"""Names of fields that some files write in snake case, and others in camel case."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_MOST: Final = 20
"""Fields that a message names."""


def snake_name(name: str) -> str:
    """Return the name of a field in snake case: ``expectedOutput`` is ``expected_output``."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def both_names(*names: str) -> tuple[str, ...]:
    """Return names in snake case, each followed by the same in camel case."""
    return tuple(dict.fromkeys(form for name in names for form in (name, _camel_name(name))))


def list_names(names: Iterable[str]) -> str:
    """Return the names of fields as messages list them; of very many, the first ones."""
    known = list(names)
    return ", ".join([*known[:_MOST], *(["…"] if len(known) > _MOST else [])])


def _camel_name(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)
