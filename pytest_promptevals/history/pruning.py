"""Making the history smaller: which runs must stay, and what goes with the others."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Text, delete, exists, func, select, type_coerce, update

from pytest_promptevals.history.connecting import connect
from pytest_promptevals.history.drops import dropped_runs, find_beside_drops, in_default_order
from pytest_promptevals.history.good_cases import MOST_RUNS
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.history.tables import (
    case_results,
    comparisons,
    contents,
    dataset_versions,
    gates,
    metadata,
    run_files,
    runs,
)
from pytest_promptevals.records.comparisons import Verdict
from pytest_promptevals.records.partial import SEPARATOR
from pytest_promptevals.records.runs import RunKind, RunStatus

_AT_ONCE: Final = 20
"""Runs that are removed in one transaction: pytest processes that write meanwhile wait for each."""
_BATCH: Final = 500
_MUCH: Final = 0.2
"""Share of an SQLite file that must be free to make it smaller."""
_PATIENCE: Final = 1.0
"""Seconds that are waited for other processes before an SQLite file is left as large as it is."""
_RED: Final = tuple(verdict.value for verdict in Verdict if verdict.fails)
_NEWEST_FIRST: Final = (runs.c.started_at.desc(), runs.c.id.desc())

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Removal:
    """What would go."""

    runs: tuple[str, ...]
    """Ids, newest first."""
    results: int
    """How many results they have."""
    size: int
    """Bytes that they take, about: their share of all results, of what the whole history takes."""
    total: int
    """Bytes that the whole history takes."""
    kept: Mapping[str, str] = field(default_factory=dict)
    """Runs that were asked for and stay, each with the reason."""


def plan_pruning(
    connection: Connection, *, keep: int | None = None, before: str | None = None, in_use: Collection[str] = ()
) -> Removal:
    """Return what goes where only some runs are to be kept. Those that a baseline needs stay.

    Args:
        connection: to the history.
        keep: how many of the newest runs stay.
        before: when those that go began at the latest, ISO 8601, UTC.
        in_use: further runs that stay.
    """
    query = select(runs.c.id).order_by(*_NEWEST_FIRST)
    if before is not None:
        query = query.where(runs.c.started_at < before)
    old = list(connection.scalars(query))
    if keep is not None:
        newest = set(connection.scalars(select(runs.c.id).order_by(*_NEWEST_FIRST).limit(keep)))
        old = [run_id for run_id in old if run_id not in newest]
    reasons = find_reasons_to_stay(connection, in_use) if old else {}
    kept = {run_id: reasons[run_id] for run_id in old if run_id in reasons}
    return plan_removal(connection, [run_id for run_id in old if run_id not in kept], kept)


def plan_removal(connection: Connection, ids: Sequence[str], kept: Mapping[str, str] | None = None) -> Removal:
    """Return what goes with those runs."""
    results = sum(
        connection.scalar(select(func.count()).where(case_results.c.run_id.in_(batch))) or 0 for batch in _batches(ids)
    )
    everything = connection.scalar(select(func.count()).select_from(case_results)) or 0
    total = _read_size(connection)
    return Removal(tuple(ids), results, total * results // everything if everything else 0, total, kept or {})


def find_reasons_to_stay(connection: Connection, in_use: Collection[str] = ()) -> dict[str, str]:
    """Return the runs that a baseline needs, or that are not over yet, each with the reason."""
    reasons = dict.fromkeys(in_use, "it is the baseline that evals_baseline names")
    files = list(connection.scalars(select(comparisons.c.file).distinct().order_by(comparisons.c.file)))
    for file in files:
        reasons |= dict.fromkeys(_find_good_runs(connection, file), f"it has the last good results of {file}")
    for file in files:
        for run_id in _find_baseline_run(connection, file):
            reasons[run_id] = f"the newest run of {file} was compared with it"
    named = select(runs.c.id, runs.c.name).where(runs.c.name.is_not(None))
    reasons |= {run_id: f"it is saved as {name}" for run_id, name in connection.execute(named)}
    running = select(runs.c.id).where(runs.c.status == RunStatus.RUNNING.value)
    return reasons | dict.fromkeys(connection.scalars(running), "it is still running")


def remove_runs(store: HistoryStore, ids: Sequence[str]) -> None:
    """Remove runs with all that belongs to them, and what no other run needs.

    What was compared with one that dropped stays as bad as that.
    """
    _remember_drops(store, frozenset(ids))
    for batch in _batches(ids, _AT_ONCE):
        with store.writing() as connection:
            connection.execute(delete(runs).where(runs.c.id.in_(batch)))
    with store.writing() as connection:
        _remove_unused(connection)
    if isinstance(store.place, Path):
        _give_space_back(store.place)


def _remember_drops(store: HistoryStore, going: Collection[str]) -> None:
    with store.reading() as connection:
        beside = find_beside_drops(connection, going)
    with store.writing() as connection:
        for file, ids in beside.items():
            for batch in _batches(ids):
                these = (comparisons.c.file == file, comparisons.c.run_id.in_(batch))
                connection.execute(update(comparisons).where(*these).values(is_beside_drop=True))


def _give_space_back(path: Path) -> None:
    """Let an SQLite file shrink if much of it is free, and no other process uses it now."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(connect(path, _PATIENCE)) as connection:
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        if free < pages * _MUCH:
            return  # it is used again, and to write a large file anew takes long
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _find_good_runs(connection: Connection, file: str) -> Iterator[str]:
    """Yield the runs that have the newest good score of one of a file's cases, those aside that it no longer has."""
    red = exists().where(
        gates.c.run_id == comparisons.c.run_id,
        gates.c.file == file,
        gates.c.gate == "score",
        gates.c.verdict.in_(_RED),
    )
    is_good = (~red, comparisons.c.run_id.not_in(dropped_runs(file)))
    wanted = (runs.c.status == RunStatus.FINISHED.value, runs.c.kind == RunKind.RUN.value, *is_good)
    query = (
        select(comparisons.c.run_id, run_files.c.cases)
        .join(runs, runs.c.id == comparisons.c.run_id)
        .outerjoin(run_files, (run_files.c.run_id == comparisons.c.run_id) & (run_files.c.file == file))
        .where(comparisons.c.file == file, *wanted)
        .order_by(*in_default_order())
        .limit(MOST_RUNS)
    )
    seen: set[str] = set()
    for run_id, cases in connection.execute(query).all():
        names = _read_scored(connection, run_id, file)
        if not names.keys() <= seen:
            seen |= names.keys()
            yield run_id
        if cases is not None and len(set(names.values())) >= cases:
            return  # all of the dataset: what only older runs have is no longer in it


def _read_scored(connection: Connection, run_id: str, file: str) -> dict[str, str]:
    """Return the case's id of each item that has a score of all its judges, by the item's name."""
    table = case_results.c
    is_whole = ~table.case_fingerprint.contains(SEPARATOR, autoescape=True)
    query = select(table.name, table.case_id).where(
        table.run_id == run_id, table.file == file, table.score.is_not(None), is_whole
    )
    return {row.name: row.case_id for row in connection.execute(query)}


def _find_baseline_run(connection: Connection, file: str) -> Iterator[str]:
    query = (
        select(comparisons.c.baseline_run)
        .join(runs, runs.c.id == comparisons.c.run_id)
        .where(comparisons.c.file == file)
        .order_by(*_NEWEST_FIRST)
        .limit(1)
    )
    yield from (run_id for run_id in connection.scalars(query) if run_id)


def _remove_unused(connection: Connection) -> None:
    """Remove what no run names: versions of datasets, and the texts of prompts, judges and cases."""
    # A run that is about to end may have brought its texts already, and says only then that they are its own.
    yesterday = (dt.datetime.now(dt.UTC) - dt.timedelta(days=1)).isoformat(timespec="milliseconds")
    under_way = exists().where(runs.c.status == RunStatus.RUNNING.value, runs.c.started_at > yesterday)
    if connection.scalar(select(under_way)):
        return
    is_used = exists().where(
        run_files.c.file == dataset_versions.c.file, run_files.c.dataset_version == dataset_versions.c.version
    )
    connection.execute(delete(dataset_versions).where(~is_used))
    used = set(_read_used(connection))
    unused = [key for key in connection.scalars(select(contents.c.hash)) if key not in used]
    for batch in _batches(unused):
        connection.execute(delete(contents).where(contents.c.hash.in_(batch)))


def _read_used(connection: Connection) -> Iterator[str]:
    for column in (run_files.c.prompts, run_files.c.judges):
        for text in connection.scalars(select(type_coerce(column, Text)).distinct()):
            yield from json.loads(text).values()
    for text in connection.scalars(select(type_coerce(dataset_versions.c.members, Text))):
        yield from (key for _, key in json.loads(text))


def _read_size(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        (pages,) = connection.exec_driver_sql("PRAGMA page_count").one()
        (size,) = connection.exec_driver_sql("PRAGMA page_size").one()
        return int(pages * size)
    sizes: Any = [func.pg_total_relation_size(table.name) for table in metadata.sorted_tables]
    return sum(connection.execute(select(*sizes)).one())


def _batches(items: Sequence[Item], size: int = _BATCH) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
