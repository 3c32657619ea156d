"""The texts of a case that checks compare."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pytest_promptevals.judges.unicode_forms import compose_caseless
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.json_types import Json


def question_text(case: Case) -> str:
    """Return what is asked: the input, the variables and the context, as templates would print their values.

    The template itself is left out, as it is the same for all cases. In what order the variables stand makes no
    difference.
    """
    values = [case.input, *(case.vars[name] for name in sorted(case.vars)), *case.context]
    return "\n".join(text for value in values for text in _leaves(value))


def _leaves(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield value if isinstance(value, str) else json.dumps(value)


def answer_texts(expected: Json) -> list[str]:
    """Return the answers that a case takes for right, as far as they are texts, numbers or booleans."""
    values = expected if isinstance(expected, list) else [expected]
    return [
        value if isinstance(value, str) else json.dumps(value)
        for value in values
        if value is not None and not isinstance(value, dict | list)
    ]


def plain(text: str) -> str:
    """Return a text without what makes no difference to a reader: case, and the width of white space."""
    return " ".join((text.casefold() if text.isascii() else compose_caseless(text)).split())
