"""How the records of Braintrust's logs hang together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pytest_promptevals.records.json_types import Json


class Spans:
    """The records of a file, which may be spans inside of others.

    Args:
        rows: all records.
    """

    def __init__(self, rows: Sequence[Mapping[str, Json]]) -> None:
        self._roots = {_text(row.get("root_span_id")) for row in rows if _is_root(row)}
        self._sizes = Counter(_text(row.get("root_span_id")) for row in rows)

    def kind_inside(self, row: Mapping[str, Json]) -> str | None:
        """Return the type of a record that is a span inside of another one of the file; ``None`` for all others."""
        if _is_root(row) or _text(row.get("root_span_id")) not in self._roots:
            return None
        attributes = row.get("span_attributes")
        kind = attributes.get("type") if isinstance(attributes, dict) else None
        return str(kind or "span")

    def group_of(self, row: Mapping[str, Json]) -> str | None:
        """Return what records of one trace share, where they are cases of their own."""
        root = _text(row.get("root_span_id"))
        return root if root and root not in self._roots and self._sizes[root] > 1 else None


def _is_root(row: Mapping[str, Json]) -> bool:
    root = row.get("root_span_id")
    if root in (None, "") or row.get("is_root") is True:
        return True
    return not row.get("span_parents") and row.get("span_id") in (None, "", root)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
