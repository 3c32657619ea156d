"""What the history knows of cases, read without a database library."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pytest_promptevals.history.connecting import SqlConnection
from pytest_promptevals.history.peek import ask
from pytest_promptevals.history.place import Place
from pytest_promptevals.records.facts import CaseFacts
from pytest_promptevals.records.results import NOT_RUN

MOST_RUNS: Final = 20
"""Runs that are looked through, the newest ones: most runs may be over a few cases only."""

MOST_RESULTS: Final = 100_000
"""Results that are read; a run's are read together, and those of the newest run always."""

RECENT: Final = 5
"""Results of a case that its means are made of."""

_MAPPED_BYTES: Final = 1 << 30
# A call that was not made, and one that was cancelled, says nothing of the case.
_LEFT_OUT: Final = (*sorted(NOT_RUN), "cancelled")
_RUNS: Final = "SELECT id FROM runs WHERE kind IN ('run', 'rerun') ORDER BY started_at DESC, id DESC LIMIT ?"
_RESULTS: Final = f"""
    SELECT
        file || '::' || name, error_kind IS NOT NULL OR passed IS NOT TRUE,
        CASE WHEN error_kind IS NULL THEN cost END, latency, responses, input_tokens, output_tokens,
        CASE WHEN error_kind IS NULL THEN judge_calls END
    FROM case_results
    WHERE run_id = ? AND (error_kind IS NULL OR error_kind NOT IN ({", ".join("?" * len(_LEFT_OUT))}))
"""  # noqa: S608 - question marks

_Values = tuple[Any, ...]


def read_facts(place: Place) -> Mapping[str, CaseFacts]:
    """Return what the last runs say of each case, by ``file::name``; nothing without a history that can be read."""
    return ask(place, _read_facts) or {}


def _read_facts(connection: SqlConnection) -> dict[str, CaseFacts]:
    if isinstance(connection, sqlite3.Connection):
        connection.row_factory = None
        # Most of a row is text that is not asked for: mapped, its pages need not be read.
        connection.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
    recent: dict[str, list[_Values]] = {}
    for run_id in _newest_runs(connection):
        for key, *values in connection.execute(_RESULTS, (run_id, *_LEFT_OUT)):
            known = recent.setdefault(key, [])
            if len(known) < RECENT:
                known.append(tuple(values))
    return {key: _to_facts(values) for key, values in recent.items()}


def _newest_runs(connection: SqlConnection) -> Iterator[str]:
    left = MOST_RESULTS
    for (run_id,) in connection.execute(_RUNS, (MOST_RUNS,)).fetchall():
        (count,) = connection.execute("SELECT count(*) FROM case_results WHERE run_id = ?", (run_id,)).fetchone()
        if count > left and left < MOST_RESULTS:
            return
        left -= count
        yield run_id


def _to_facts(newest_first: Sequence[_Values]) -> CaseFacts:
    if len(newest_first) == 1:
        failed, *numbers = newest_first[0]
        return CaseFacts(failed == 1, *numbers)
    failed, *columns = zip(*newest_first, strict=True)
    return CaseFacts(failed[0] == 1, *map(_mean, columns))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
