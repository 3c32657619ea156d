"""Where a piece of data was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pytest_promptevals.files.fields import field_name
from pytest_promptevals.records.cases import Location

Path = tuple[str | int, ...]
"""Keys and 0-based indexes that lead to a value."""


class Document(Protocol):
    """A document that knows where its parts stand."""

    def line_of(self, path: Path) -> int:
        """Return the 1-based line of a part; of its nearest holder where the path leads nowhere."""


@dataclass(frozen=True, slots=True)
class Source:
    """A value in a file that a user wrote, which knows the lines of its parts."""

    shown: str
    """The file, as messages name it."""
    line: int = 1
    """Line of the value."""
    document: Document | None = None
    """The document it is part of; ``None`` where the value stands in one line, or its parts have no lines."""
    root: Path = ()
    """What leads to the value inside of the document."""

    def line_of(self, path: Sequence[str | int] = ()) -> int:
        """Return the line of a part of the value."""
        return self.line if self.document is None else self.document.line_of((*self.root, *path))

    def locate(self, path: Sequence[str | int] = ()) -> Location:
        """Return the place of a part of the value."""
        return Location(self.shown, self.line_of(path))

    def field_of(self, path: Sequence[str | int] = ()) -> str:
        """Return how messages name a part of the value: ``cases[3].weight``."""
        return field_name((*self.root, *path))

    def part(self, *path: str | int) -> Source:
        """Return the source of a part of the value."""
        return Source(self.shown, self.line_of(path), self.document, (*self.root, *path))
