"""Keys of a judge model's answer that users name."""

from __future__ import annotations

import re
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, WithJsonSchema

_PATTERN: Final = r"^[a-z][a-z0-9_]{0,39}$"
_TAKEN: Final = frozenset({"reasoning", "score"})
"""Those that every answer has."""


def _check_spelling(key: str) -> str:
    if not re.fullmatch(_PATTERN, key):
        raise ValueError(
            f"must be up to 40 lower-case letters, digits and _, a letter first, such as 'tool_choice', not {key!r}"
        )
    return key


def _refuse_taken(key: str) -> str:
    if key in _TAKEN:
        raise ValueError(f"{key!r} is a key of every answer already; rename it")
    return key


Name: TypeAlias = Annotated[
    str, AfterValidator(_check_spelling), WithJsonSchema({"type": "string", "pattern": _PATTERN})
]
"""A name in lower case."""
AnswerKey: TypeAlias = Annotated[Name, AfterValidator(_refuse_taken)]
"""A name that can be a key of an answer."""
