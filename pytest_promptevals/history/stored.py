"""How texts and plain data are stored in a database."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import Any, Final

from pytest_promptevals.errors import CodecError
from pytest_promptevals.records.codec import to_plain


def store_text(text: str) -> str:
    """Return a text as any database takes it: lone surrogates and NUL, which UTF-8 columns refuse, become escapes."""
    if text.isascii() and "\0" not in text:  # nearly all of them
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def store_json(value: object) -> str:
    """Return records, or plain data, as the JSON text that the codec's plain data would give.

    Fields that hold their default are left out. Raises ``CodecError`` for what JSON cannot hold.
    """
    try:
        text = _ENCODER.encode(value)
    except ValueError as error:
        raise CodecError(f"a number cannot be stored: JSON has no such number ({error})") from error
    # The escape of a lone surrogate is also its escape in JSON, so that it is read back as it was.
    return store_text(text)


def changed_fields(record: Any) -> dict[str, Any]:
    """Return the fields of a record that do not hold their default, the records among them as they are."""
    return {
        name: value
        for name, default in _fields_of(record.__class__)
        if (value := getattr(record, name)) is not default and value != default
    }


def _to_json(value: object) -> object:
    # The codec builds all of a document before it is encoded; this asks once for each record, in a third of the time.
    return changed_fields(value) if dataclasses.is_dataclass(value) else to_plain(value)


# Records are trees, so nothing can hold itself.
_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False, default=_to_json
)


@functools.cache
def _fields_of(record: Any) -> tuple[tuple[str, object], ...]:
    return tuple((field.name, _default_of(field)) for field in dataclasses.fields(record))


def _default_of(field: dataclasses.Field[Any]) -> object:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
