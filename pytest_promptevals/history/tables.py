"""Tables of the history database.

A change here needs a migration in ``migrations`` and its number in ``REVISION``; a test holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect

from pytest_promptevals.records.json_types import Json

REVISION: Final = "0001"
"""Number of the newest migration."""

VERSION_TABLE: Final = "promptevals_version"
"""Table that holds the number of the last migration: not Alembic's own name, which an application may use."""

OVER_TRIALS: Final = 0
"""``scores.trial`` of a judge's score over all trials."""

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class StoredText(TypeDecorator[str]):
    """Text that any database takes: lone surrogates and NUL, which UTF-8 columns refuse, are written as escapes."""

    impl = Text
    cache_ok = True

    # Not process_bind_param: it costs three calls for each of a run's many texts.
    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:
        """Return what turns a text into what is stored."""
        del dialect
        return _store_text


class StoredJson(TypeDecorator[Any]):
    """Plain JSON data as text; ``None`` is NULL."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Json], str | None]:
        """Return what turns a value into what is stored."""
        del dialect
        return _store_json

    def process_result_value(self, value: str | None, dialect: Dialect) -> Json:
        """Return the value of what is stored."""
        del dialect
        data: Json = None if value is None else json.loads(value)
        return data


def _store_text(text: str | None) -> str | None:
    if text is None or (text.isascii() and "\0" not in text):  # nearly all of them
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _store_json(value: Json) -> str | None:
    # The escape of a lone surrogate is also its escape in JSON, so that it is read back as it was.
    return None if value is None else _store_text(_ENCODER.encode(value))


metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", StoredText, primary_key=True),
    Column("started_at", StoredText, nullable=False),
    Column("finished_at", StoredText),
    Column("status", StoredText, nullable=False),
    Column("git_commit", StoredText),
    Column("git_branch", StoredText),
    Column("git_is_dirty", Boolean),
    Column("versions", StoredJson, nullable=False),
    Column("arguments", StoredJson, nullable=False),
    Column("record_schema", Integer, nullable=False),
)

case_results = Table(
    "case_results",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", StoredText, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("file", StoredText, nullable=False),
    Column("name", StoredText, nullable=False),
    Column("case_id", StoredText, nullable=False),
    Column("path", StoredText, nullable=False),
    Column("line", Integer, nullable=False),
    Column("model", StoredText, nullable=False),
    Column("prompt_name", StoredText, nullable=False),
    Column("case_fingerprint", StoredText, nullable=False),
    Column("fingerprint", StoredText, nullable=False),
    Column("score", Double),
    Column("passed", Boolean),
    Column("error_kind", StoredText),
    Column("error_message", StoredText),
    Column("latency", Double),
    Column("cost", Double),
    Column("weight", Double, nullable=False),
    Column("case_group", StoredText),
    Column("tags", StoredJson, nullable=False),
    Column("trials", StoredJson, nullable=False),
    Column("prompt", StoredJson),
    Column("expected", StoredJson),
    UniqueConstraint("run_id", "file", "name", name="one_result_per_item"),
)
"""One row for each item of a run. ``trials`` and ``prompt`` are records as the codec writes them."""

scores = Table(
    "scores",
    metadata,
    Column("result_id", Integer, ForeignKey("case_results.id", ondelete="CASCADE"), primary_key=True),
    Column("trial", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("judge", StoredText, nullable=False),
    Column("value", Double, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("threshold", Double),
    Column("weight", Double, nullable=False),
    Column("required", Boolean, nullable=False),
    Column("explanation", StoredText, nullable=False),
    Column("cost", Double),
    sqlite_with_rowid=False,
)
"""Each judge's score for each trial, and over all trials (``trial`` 0)."""

comparisons = Table(
    "comparisons",
    metadata,
    Column("run_id", StoredText, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("file", StoredText, primary_key=True),
    Column("cases", Integer, nullable=False),
    Column("passed", Integer, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("mean_score", Double),
    Column("pass_rate", Double),
    Column("cost", Double),
    Column("has_baseline", Boolean, nullable=False),
    Column("baseline", StoredText, nullable=False),
    Column("mean_before", Double),
    Column("mean_after", Double),
    Column("deltas", StoredJson, nullable=False),
)
"""Each eval file of a run against its baseline. ``deltas`` are records as the codec writes them."""

gates = Table(
    "gates",
    metadata,
    Column("run_id", StoredText, primary_key=True),
    Column("file", StoredText, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("gate", StoredText, nullable=False),
    Column("verdict", StoredText, nullable=False),
    Column("explanation", StoredText, nullable=False),
    Column("path", StoredText, nullable=False),
    Column("line", Integer, nullable=False),
    ForeignKeyConstraint(
        ["run_id", "file"], ["comparisons.run_id", "comparisons.file"], ondelete="CASCADE", name="gate_of_comparison"
    ),
)
"""The answers of the gates."""
