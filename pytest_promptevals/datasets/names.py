"""Which texts may be ids and tags of cases."""

from __future__ import annotations

import re
from typing import Final

MAX_ID_LENGTH: Final = 200

_ID: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\[\]]+")
_TAG: Final = re.compile(r"[\w+\-.\[\]\\/]+")
_NOT_SELECTABLE: Final = frozenset({"and", "or", "not", "True", "False", "None"})
_TAKEN: Final = frozenset(
    {"skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings", "evals"}
    # Of widespread plugins, which would take the tag for an order to them:
    | {"timeout", "flaky", "order", "xdist_group", "asyncio", "anyio", "trio", "django_db", "repeat", "dependency"}
)


def check_id(text: str) -> None:
    """Raise ``ValueError`` saying what the id of a case must be, where it cannot stand in a pytest node id."""
    if not text:
        raise ValueError("must not be empty; leave the key out to get an id made from input and vars")
    if len(text) > MAX_ID_LENGTH:
        raise ValueError(f"must not be longer than {MAX_ID_LENGTH} characters, but has {len(text)}")
    if text.strip() != text:
        raise ValueError("must not begin or end with a space")
    if "::" in text:
        raise ValueError("must not hold '::', which separates the parts of a pytest node id")
    if not _ID.fullmatch(text):
        raise ValueError("must not hold '[', ']' or control characters, which pytest gives a meaning of its own")


def check_tag(text: str) -> None:
    """Raise ``ValueError`` saying what a tag must be, where ``pytest -m`` could not select it."""
    if text in _TAKEN:
        raise ValueError("is the name of a mark with a meaning of its own; choose another tag")
    if text in _NOT_SELECTABLE:
        raise ValueError("is a word of 'pytest -m' itself; choose another tag")
    if text.startswith("_"):
        raise ValueError("must not begin with '_', which pytest allows no mark to")
    if not _TAG.fullmatch(text):
        raise ValueError("must consist of letters, digits and - _ . + / only, so that 'pytest -m' can select it")
