"""The types of plain JSON data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
    JsonObject: TypeAlias = Mapping[str, Json]
else:
    # Python cannot resolve a recursive alias when the codec asks for a record's type hints.
    Json = object
    JsonObject = Mapping[str, object]
