"""Results as a Parquet file, through pyarrow."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from pytest_promptevals.errors import UsageError
from pytest_promptevals.records.exports import ResultRow

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE: Final = 10_000
"""Rows of a group: as many are in memory at once."""


def write_parquet(stream: BinaryIO, columns: Mapping[str, str], rows: Iterable[ResultRow]) -> None:
    """Write results with their types: times in UTC, lists as lists, scores of judges as a map.

    Raises ``UsageError`` if pyarrow is not installed.
    """
    pa = load_pyarrow()
    from pyarrow.parquet import ParquetWriter  # noqa: PLC0415 - of an extra, and slow to load

    schema = pa.schema([(name, _types(pa)[kind]) for name, kind in columns.items()])
    remaining = iter(rows)
    with ParquetWriter(stream, schema, compression="zstd") as writer:
        while batch := list(itertools.islice(remaining, _AT_ONCE)):
            values = [_column(batch, name, kind) for name, kind in columns.items()]
            arrays = [pa.array(column, field.type) for column, field in zip(values, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def load_pyarrow() -> Any:
    """Return the package pyarrow. Raises ``UsageError`` if it is not installed."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - of an extra, and slow to load
    except ImportError:
        raise UsageError(
            'Parquet needs the package pyarrow; install it with: pip install "pytest-promptevals[parquet]"'
        ) from None
    return pa


def _types(pa: Any) -> Mapping[str, pa.DataType]:
    return {
        "text": pa.string(),
        "json": pa.string(),
        "time": pa.timestamp("ms", tz="UTC"),
        "truth": pa.bool_(),
        "number": pa.float64(),
        "count": pa.int64(),
        "texts": pa.list_(pa.string()),
        "numbers": pa.list_(pa.float64()),
        "numbers by name": pa.map_(pa.string(), pa.float64()),
    }


def _column(rows: Iterable[ResultRow], name: str, kind: str) -> list[Any]:
    translate = _TRANSLATIONS.get(kind)
    values = [row[name] for row in rows]
    return values if translate is None else [None if value is None else translate(value) for value in values]


def _clean(text: str) -> str:
    """Return a text without halves of surrogate pairs, which UTF-8 has no characters for."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


_TRANSLATIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "text": _clean,
    "json": lambda value: _clean(json.dumps(value, ensure_ascii=False)),
    "time": dt.datetime.fromisoformat,
    "texts": lambda texts: [None if text is None else _clean(text) for text in texts],
    "numbers by name": lambda numbers: [(_clean(name), number) for name, number in numbers.items()],
}
