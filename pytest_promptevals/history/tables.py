"""Tables of the history database, for queries through SQLAlchemy.

They are those of ``schema`` and of the ``migrations``; tests hold the three together.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)
from sqlalchemy.engine import Dialect

from pytest_promptevals.history.stored import store_text
from pytest_promptevals.records.json_types import Json


class StoredText(TypeDecorator[str]):
    """Text that any database takes: lone surrogates and NUL, which UTF-8 columns refuse, are written as escapes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return what is stored of a text, to find it by."""
        del dialect
        return None if value is None else store_text(value)


class StoredJson(TypeDecorator[Any]):
    """Plain JSON data as text; ``None`` is NULL."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> Json:
        """Return the value of what is stored."""
        del dialect
        data: Json = None if value is None else json.loads(value)
        return data


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
    Column("host", StoredText, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("shard", StoredText),
    Column("selected", Integer, nullable=False),
    Column("selection", StoredText, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("cached", Integer, nullable=False),
    Column("cost", Double),
    Column("spent", Double),
    Column("parent", StoredText),
    Column("kind", StoredText, nullable=False, server_default="run"),
    Column("name", StoredText),
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
    Column("spent", Double),
    Column("responses", Integer),
    Column("input_tokens", Double),
    Column("output_tokens", Double),
    Column("judge_calls", Integer),
    Column("output_length", Double),
    Column("prompt_hash", StoredText, nullable=False, server_default=""),
    Column("trial_scores", StoredJson),
    Column("judge_values", StoredJson),
    Column("fresh_trials", Integer),
    Column("fresh_passes", Integer),
    Column("reused_from", StoredText),
    Column("weight", Double, nullable=False),
    Column("case_group", StoredText),
    Column("tags", StoredJson, nullable=False),
    Column("trials", StoredJson, nullable=False),
    Column("prompt", StoredJson),
    Column("expected", StoredJson),
    UniqueConstraint("run_id", "file", "name", name="one_result_per_item"),
    Index("results_by_case", "file", "name", "run_id", "fingerprint"),
)
"""One row for each item of a run. ``trials`` and ``prompt`` are records as the codec writes them.

``trial_scores`` has the score of each trial where several have one, and ``judge_values`` each judge's score over the
trials. ``fresh_trials`` are those with a score whose response was not read from the cache, and ``fresh_passes`` those
of them that passed.
"""

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
    Column("calls", Integer, nullable=False),
    Column("spent", Double),
    Column("details", StoredJson),
    Column("cached", Integer, nullable=False),
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
    Column("baseline_run", StoredText, nullable=False, server_default=""),
    Column("is_beside_drop", Boolean, nullable=False, server_default=false()),
    Column("latency_p50", Double),
    Column("latency_p95", Double),
    Column("output_length", Double),
    Column("judges", StoredJson),
    Column("effects", StoredJson),
    Column("deltas", StoredJson, nullable=False),
)
"""Each eval file of a run against its baseline. ``effects`` and ``deltas`` are records as the codec writes them.

``is_beside_drop`` is set where the run that it was compared with had dropped, and is gone.
"""

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
    Column("evidence", StoredJson),
    Column("is_accepted", Boolean, nullable=False, server_default=false()),
    ForeignKeyConstraint(
        ["run_id", "file"], ["comparisons.run_id", "comparisons.file"], ondelete="CASCADE", name="gate_of_comparison"
    ),
)
"""The answers of the gates."""

run_files = Table(
    "run_files",
    metadata,
    Column("run_id", StoredText, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("file", StoredText, primary_key=True),
    Column("dataset_version", StoredText, nullable=False),
    Column("cases", Integer, nullable=False),
    Column("prompts", StoredJson, nullable=False),
    Column("models", StoredJson, nullable=False),
    Column("parameters", StoredJson, nullable=False),
    Column("judges", StoredJson, nullable=False),
)
"""What makes the results of each eval file of a run comparable: ``RunFile``."""

run_outcomes = Table(
    "run_outcomes",
    metadata,
    Column("run_id", StoredText, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("outcomes", StoredJson, nullable=False),
)
"""What pytest made of items of a run where the results do not tell: a list of ``ItemOutcome``."""

contents = Table(
    "contents",
    metadata,
    Column("hash", StoredText, primary_key=True),
    Column("kind", StoredText, nullable=False),
    Column("text", StoredText, nullable=False),
)
"""Texts by their content hash; ``kind`` is ``prompt``, ``judge`` or ``case``."""

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("file", StoredText, primary_key=True),
    Column("version", StoredText, primary_key=True),
    Column("created_at", StoredText, nullable=False),
    Column("cases", Integer, nullable=False),
    Column("members", StoredJson, nullable=False),
)
"""Which cases an eval file had: ``members`` is a list of case id and content hash of each."""
