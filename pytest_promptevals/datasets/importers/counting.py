"""Losses that many rows of a file share: each kind is told once, with its number, and not a hundred times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_promptevals.datasets.importers.foreign import Fields, Losses
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.json_types import Json

_BLANK: Final[Sequence[Json]] = (None, "", [], {})


@dataclass(slots=True)
class _Kind:
    """One kind of loss."""

    message: str
    """What is lost."""
    source: Source
    """Where it was met first."""
    path: tuple[str | int, ...]
    """What leads to it from there."""
    places: set[tuple[object, ...]] = field(default_factory=set)
    """Where it was met; none where names are told instead."""
    names: dict[str, None] = field(default_factory=dict)
    """Keys that are lost, in order."""


class CountedLosses:
    """Takes losses, and notes each kind of them at the first of its places.

    Args:
        losses: takes what is noted.
    """

    def __init__(self, losses: Losses) -> None:
        self.losses = losses
        self._kinds: dict[tuple[str | int, ...], _Kind] = {}

    def add(self, source: Source, message: str, *path: str | int) -> None:
        """Count a loss. Of one kind are those with the same message and path; what is read twice counts once."""
        kind = self._kinds.setdefault((message, *path), _Kind(message, source, path))
        kind.places.add((source.shown, source.line, source.root))

    def add_names(self, fields: Fields, message: str, names: Sequence[str]) -> None:
        """Take those of the keys that are there; the message is told once, with the names of all of them."""
        found = [name for name in names if name in fields and not is_empty(fields.take(name))]
        if found:
            kind = self._kinds.setdefault((message,), _Kind(message, fields.source, ()))
            kind.names.update(dict.fromkeys(found))

    def note(self) -> None:
        """Note what was counted."""
        for kind in self._kinds.values():
            named = f"{kind.message}: {', '.join(kind.names)}" if kind.names else kind.message
            count = len(kind.places)
            self.losses.add(kind.source, f"{named} ({count} times)" if count > 1 else named, *kind.path)


def put_note(notes: dict[str, Json], name: str, value: Json, source: Source, counts: CountedLosses) -> None:
    """Put a value into the metadata; where another one has its name already, that is kept, and this one is told."""
    if notes.setdefault(name, value) != value:
        counts.add(source, "the metadata has a value of this name, too, which is kept", name)


def is_empty(value: Json) -> bool:
    """Return whether a value says nothing that were worth a word when it is left out: 0 and false do not."""
    return not value


def is_blank(value: Json) -> bool:
    """Return whether there is no value; 0 and false are some."""
    return value in _BLANK
