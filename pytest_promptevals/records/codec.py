"""The one codec: records to plain JSON and back.

Stored data outlives the version that wrote it, so every document carries the schema version. Reading is
strict: an unknown field, a wrong type or a newer schema is a ``CodecError``, never a half-filled record.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from pytest_promptevals.errors import CodecError
from pytest_promptevals.records.json_types import Json

SCHEMA_VERSION: Final = 1
"""Raised when a record changes so that older data needs a translation."""

Record = TypeVar("Record")
_Decode = Callable[[Any, str], Any]


def to_plain(value: object) -> Json:
    """Return a record, or any value inside one, as plain JSON data.

    Fields that hold their default are left out. Raises ``CodecError`` for a number that JSON cannot hold.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise CodecError(f"{value!r} cannot be stored: JSON has no such number")
        return value
    if isinstance(value, enum.Enum):
        return cast("Json", value.value)
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [to_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            name: to_plain(item)
            for name, default in _fields_of(type(value))
            if (item := getattr(value, name)) != default
        }
    raise CodecError(f"{type(value).__name__} cannot be stored: it is no record and no plain JSON data")


def from_plain(record: type[Record], data: object) -> Record:
    """Build a record from what ``to_plain`` made of it. Raises ``CodecError`` naming the field that is wrong."""
    return cast("Record", _decoder(cast("Any", record))(data, record.__name__))


def encode(record: object) -> str:
    """Return a record as one line of JSON that names its type and the schema version."""
    document = {"schema": SCHEMA_VERSION, "type": type(record).__name__, "data": to_plain(record)}
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def decode(record: type[Record], text: str) -> Record:
    """Read what ``encode`` wrote. Raises ``CodecError`` if it is something else."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise CodecError(f"no JSON: {error}") from error
    if not isinstance(document, dict) or not {"schema", "type", "data"} <= document.keys():
        raise CodecError("not a stored record: 'schema', 'type' or 'data' is missing")
    if document["schema"] != SCHEMA_VERSION:
        raise CodecError(
            f"written with schema {document['schema']!r}, this version of pytest-promptevals reads schema "
            f"{SCHEMA_VERSION}; use the version that wrote it, or a newer one"
        )
    if document["type"] != record.__name__:
        raise CodecError(f"holds a {document['type']!r}, not a {record.__name__!r}")
    return from_plain(record, document["data"])


@functools.cache
def _fields_of(record: type) -> tuple[tuple[str, object], ...]:
    """Return name and default of each field of a record."""
    return tuple((field.name, _default_of(field)) for field in dataclasses.fields(record))


def _default_of(field: dataclasses.Field[Any]) -> object:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return dataclasses.MISSING


@functools.cache
def _decoder(hint: Any) -> _Decode:
    """Return the function that reads one value of that type hint; built once for each type."""
    origin = typing.get_origin(hint)
    if hint is object:
        return _decode_json
    if origin in (typing.Union, types.UnionType):
        return _union_decoder(typing.get_args(hint))
    if origin in (tuple, Sequence):
        return _tuple_decoder(typing.get_args(hint)[0])
    if origin is not None and issubclass(origin, Mapping):
        return _mapping_decoder(typing.get_args(hint)[1])
    if isinstance(hint, type):
        return _class_decoder(hint)
    raise CodecError(f"{hint!r} is no type that records may hold")


def _class_decoder(hint: type) -> _Decode:
    if dataclasses.is_dataclass(hint):
        return _record_decoder(hint)
    if issubclass(hint, enum.Enum):
        return _enum_decoder(hint)
    return _scalar_decoder(hint)


def _decode_json(data: Any, where: str) -> Any:
    del where
    return data


def _scalar_decoder(hint: type) -> _Decode:
    def decode_scalar(data: Any, where: str) -> Any:
        if hint is float and type(data) is int:
            return float(data)
        if type(data) is not hint and not (hint is type(None) and data is None):
            raise CodecError(f"{where}: {data!r} is not of type {hint.__name__}")
        return data

    return decode_scalar


def _enum_decoder(hint: type[enum.Enum]) -> _Decode:
    def decode_enum(data: Any, where: str) -> Any:
        try:
            return hint(data)
        except ValueError:
            known = ", ".join(str(member.value) for member in hint)
            raise CodecError(f"{where}: {data!r} is none of {known}") from None

    return decode_enum


def _tuple_decoder(item_hint: Any) -> _Decode:
    decode_item = _decoder(item_hint)

    def decode_tuple(data: Any, where: str) -> Any:
        if not isinstance(data, list):
            raise CodecError(f"{where}: {data!r} is not a list")
        return tuple(decode_item(item, f"{where}[{index}]") for index, item in enumerate(data))

    return decode_tuple


def _mapping_decoder(item_hint: Any) -> _Decode:
    decode_item = _decoder(item_hint)

    def decode_mapping(data: Any, where: str) -> Any:
        if not isinstance(data, dict):
            raise CodecError(f"{where}: {data!r} is not an object")
        return {key: decode_item(item, f"{where}.{key}") for key, item in data.items()}

    return decode_mapping


def _union_decoder(hints: tuple[Any, ...]) -> _Decode:
    (option,) = (hint for hint in hints if hint is not type(None))
    decode_option = _decoder(option)

    def decode_optional(data: Any, where: str) -> Any:
        return None if data is None else decode_option(data, where)

    return decode_optional


def _record_decoder(record: type) -> _Decode:
    # Filled at the first use: a record may hold itself (the children of a judge spec).
    hints: dict[str, Any] = {}
    fields = {field.name: field for field in dataclasses.fields(record)}
    needed = [name for name, field in fields.items() if _default_of(field) is dataclasses.MISSING]

    def decode_record(data: Any, where: str) -> Any:
        if not isinstance(data, dict):
            raise CodecError(f"{where}: {data!r} is not an object")
        if not hints:
            hints.update(typing.get_type_hints(record))
        for name in data:
            if name not in fields:
                raise CodecError(f"{where}: unknown field {name!r}")
        for name in needed:
            if name not in data:
                raise CodecError(f"{where}: field {name!r} is missing")
        return record(**{name: _decoder(hints[name])(item, f"{where}.{name}") for name, item in data.items()})

    return decode_record
