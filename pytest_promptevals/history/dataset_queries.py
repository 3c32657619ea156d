"""Questions about the versions of datasets that the history knows."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Final

from sqlalchemy import Connection, RowMapping, func, select

from pytest_promptevals.errors import UsageError, did_you_mean
from pytest_promptevals.history.run_queries import find_run
from pytest_promptevals.history.tables import (
    case_results,
    comparisons,
    contents,
    dataset_versions,
    run_files,
    runs,
)
from pytest_promptevals.records.contents import DatasetVersion
from pytest_promptevals.records.json_types import Json

_BATCH: Final = 500
_SHOWN: Final = 5


def read_versions(connection: Connection, file: str) -> tuple[DatasetVersion, ...]:
    """Return the versions of an eval file's cases, oldest first."""
    table = dataset_versions.c
    query = select(dataset_versions).where(table.file == file).order_by(table.created_at, table.version)
    return tuple(map(_to_version, connection.execute(query).mappings()))


def count_runs(connection: Connection, file: str) -> dict[str, int]:
    """Return how many runs there are of each version of an eval file's cases."""
    table = run_files.c
    query = select(table.dataset_version, func.count()).where(table.file == file).group_by(table.dataset_version)
    return {row[0]: row[1] for row in connection.execute(query)}


def find_version(connection: Connection, file: str, text: str) -> DatasetVersion:
    """Return the version of an eval file's cases that a text means.

    It is a version or the beginning of one, or what ``find_run`` knows: then the version that the run had. Raises
    ``UsageError`` for a text that means none, or several.
    """
    table = dataset_versions.c
    known = list(connection.scalars(select(table.version).where(table.file == file).order_by(table.created_at)))
    found = [version for version in known if text and version.startswith(text)]
    if len(found) > 1 and text not in found:
        listed = ", ".join(found[:_SHOWN])
        raise UsageError(f"{text!r} is the beginning of several versions: {listed}; write more of it")
    version = (text if text in found else found[0]) if found else _version_of_run(connection, file, text, known)
    query = select(dataset_versions).where(table.file == file, table.version == version)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise UsageError(f"the history has not kept the cases of version {version} of {file}")
    return _to_version(row)


def read_texts(connection: Connection, hashes: Collection[str]) -> dict[str, Json]:
    """Return contents by their hashes, those left out that the history does not have."""
    wanted = sorted(hashes)
    return {
        key: json.loads(text)
        for start in range(0, len(wanted), _BATCH)
        for key, text in _read_batch(connection, wanted[start : start + _BATCH])
    }


def find_case_files(connection: Connection, file: str) -> tuple[str, ...]:
    """Return the files in which the cases stand that the newest run of an eval file, or test function, had."""
    newest = connection.scalar(
        select(comparisons.c.run_id)
        .join(runs, runs.c.id == comparisons.c.run_id)
        .where(comparisons.c.file == file)
        .order_by(runs.c.started_at.desc(), runs.c.id.desc())
        .limit(1)
    )
    table = case_results.c
    query = select(table.path).where(table.run_id == newest, table.file == file).distinct().order_by(table.path)
    return tuple(connection.scalars(query))


def _version_of_run(connection: Connection, file: str, text: str, known: Collection[str]) -> str:
    try:
        run_id = find_run(connection, text)
    except UsageError as error:
        hint = did_you_mean(text, [*known][-_SHOWN:])
        raise UsageError(f"{file} has no version {text!r}.{hint} As a run, too, it is not found: {error}") from None
    query = select(run_files.c.dataset_version).where(run_files.c.run_id == run_id, run_files.c.file == file)
    version = connection.scalar(query)
    if not version:
        raise UsageError(f"run {run_id} does not say which cases {file} had: it did not run it, or did not end")
    return str(version)


def _to_version(row: RowMapping) -> DatasetVersion:
    return DatasetVersion(row["file"], row["version"], dict(row["members"]), row["created_at"])


def _read_batch(connection: Connection, hashes: Collection[str]) -> Iterator[tuple[str, str]]:
    query = select(contents.c.hash, contents.c.text).where(contents.c.hash.in_(hashes))
    yield from ((row.hash, row.text) for row in connection.execute(query))
