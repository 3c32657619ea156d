"""What a person does with the response cache: look at it, take it elsewhere, make it smaller."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_promptevals.cache import store
from pytest_promptevals.cache.database import explain, open_database
from pytest_promptevals.cache.entries import Entry, check_line
from pytest_promptevals.cache.recordings import read_recording
from pytest_promptevals.errors import CacheError, FileProblem
from pytest_promptevals.files.lines import write_lines_atomically
from pytest_promptevals.files.sqlite_files import is_database, write_transaction
from pytest_promptevals.files.text import read_text

LOCK_SECONDS: Final = 10.0
"""How long a locked database is waited for."""
IMPORTED: Final = "import"
"""What stands as the session of an imported response."""

_DAY: Final = 24 * 3600
_ADVICE: Final = "nothing was imported; correct or delete the line"
_MODELS: Final = (
    "SELECT json_extract(request, '$.provider') || '/' || json_extract(request, '$.model') AS model, count(*), "
    "sum(json_extract(response, '$.cost')), count(*) - count(json_extract(response, '$.cost')), "
    "sum(json_extract(response, '$.latency')) FROM responses GROUP BY model ORDER BY model"
)
# A row takes its texts, its key twice, and some bytes of SQLite's own.
_SIZE: Final = "length(CAST(request AS BLOB)) + length(CAST(response AS BLOB)) + 120"


@dataclass(frozen=True, slots=True)
class ModelStatistics:
    """What is kept of one model."""

    model: str
    """Provider and model."""
    responses: int
    """How many responses."""
    cost: float
    """US dollars that those cost whose cost is known."""
    unpriced: int
    """Responses whose cost is not known."""
    seconds: float
    """How long the calls took, one after the other, as far as it is known."""


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """What is in a response cache."""

    size: int
    """Bytes of the file."""
    models: tuple[ModelStatistics, ...]
    """Sorted by name."""
    oldest: float | None
    """When the oldest response was stored, in seconds since 1970 (UTC); ``None`` if there is none."""
    newest: float | None
    """When the newest was."""


@dataclass(frozen=True, slots=True)
class RecordingStatistics:
    """What is in a folder of recordings."""

    files: int
    """How many files."""
    responses: int
    """How many responses."""
    size: int
    """Bytes of the files."""


@dataclass(frozen=True, slots=True)
class ImportCount:
    """What an import did."""

    added: int
    """Responses that were not there."""
    replaced: int
    """Responses that took the place of another."""
    kept: int
    """Responses that were left out, since there was one."""


def read_statistics(path: Path) -> CacheStatistics:
    """Return what is in a cache. Raises ``CacheError`` if there is none, or it cannot be read."""
    with _opened(path) as connection:
        models = tuple(
            ModelStatistics(model or "unknown", count, cost or 0.0, unpriced, seconds or 0.0)
            for model, count, cost, unpriced, seconds in connection.execute(_MODELS)
        )
        oldest, newest = connection.execute("SELECT min(stored_at), max(stored_at) FROM responses").fetchone()
        return CacheStatistics(_file_size(path), models, oldest, newest)


def count_recordings(folder: Path) -> RecordingStatistics:
    """Return what is in a folder of recordings. Raises ``CacheError`` for a damaged file."""
    paths = sorted(folder.rglob("*.jsonl"))
    responses = sum(len(read_recording(path)) for path in paths)
    return RecordingStatistics(len(paths), responses, sum(path.stat().st_size for path in paths))


def export_entries(path: Path, target: Path) -> int:
    """Write all responses of a cache to a file, one line each, sorted by key; return their number.

    Raises ``CacheError`` if there is no cache, or the file cannot be written.
    """
    with _opened(path) as connection:
        rows = connection.execute("SELECT key, request, response FROM responses ORDER BY key")
        try:
            return write_lines_atomically(target, (Entry(*row).to_line() for row in rows))
        except OSError as error:
            raise CacheError(f"{target} cannot be written: {error.strerror}; name another file") from None


def import_entries(path: Path, source: Path, *, replace: bool) -> ImportCount:
    """Bring the responses of an exported file into a cache, all of them or, if one line is wrong, none.

    Args:
        path: the cache; made if there is none.
        source: what ``export_entries`` wrote, a file of recordings, or the cache of another machine.
        replace: whether a response goes before one of the same key that is there.

    Raises ``CacheError`` with file and line for a line that is wrong.
    """
    read = _read_database if is_database(source) else _read_entries
    entries = {entry.key: entry for entry in read(source)}
    with _opened(path, make=True) as connection, write_transaction(connection):
        known = store.sessions_of(connection, entries.keys()).keys()
        wanted = [entry for key, entry in entries.items() if replace or key not in known]
        store.save_entries(connection, IMPORTED, wanted)
    replaced = len(known) if replace else 0
    return ImportCount(len(entries) - len(known), replaced, len(known) - replaced)


def remove_old(path: Path, days: float) -> int:
    """Remove the responses that were stored more than so many days ago; return their number."""
    return _remove(path, "stored_at < ?", time.time() - days * _DAY)


def remove_above(path: Path, size: int) -> int:
    """Remove the oldest responses until those that are left take no more than so many bytes; return their number."""
    summed = f"SELECT key, sum({_SIZE}) OVER (ORDER BY stored_at DESC, key) AS total FROM responses"  # noqa: S608 - constants
    return _remove(path, f"key IN (SELECT key FROM ({summed}) WHERE total > ?)", size)  # noqa: S608 - constants


def remove_all(path: Path) -> int:
    """Remove all responses; return their number."""
    return _remove(path, "?", 1)


def _remove(path: Path, condition: str, value: float) -> int:
    with _opened(path) as connection:
        count = connection.execute(f"DELETE FROM responses WHERE {condition}", (value,)).rowcount  # noqa: S608 - constants
        if count:
            _shrink(connection)
        return count


def _shrink(connection: sqlite3.Connection) -> None:
    # Another process may be at work in it; then the room is used for what is stored next.
    with contextlib.suppress(sqlite3.OperationalError):
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _read_entries(source: Path) -> Iterator[Entry]:
    try:
        for number, line in enumerate(read_text(source, str(source)).split("\n"), start=1):
            if line.strip():
                yield check_line(line, str(source), number, _ADVICE)
    except FileProblem as problem:
        raise CacheError(str(problem)) from None


def _read_database(source: Path) -> Iterator[Entry]:
    """Yield the responses of another cache, which stays as it is."""
    with tempfile.TemporaryDirectory(prefix="promptevals-") as folder:
        copy = Path(folder, "cache.db")
        for ending in ("", "-wal"):
            part = source.with_name(source.name + ending)
            if part.exists():
                shutil.copyfile(part, copy.with_name(copy.name + ending))
        try:
            with contextlib.closing(open_database(copy, LOCK_SECONDS).connection) as connection:
                yield from (Entry(*row) for row in connection.execute("SELECT key, request, response FROM responses"))
        except sqlite3.Error as error:
            raise explain(error, source) from error
        except CacheError as error:
            raise CacheError(str(error).replace(str(copy), str(source))) from None


@contextlib.contextmanager
def _opened(path: Path, *, make: bool = False) -> Iterator[sqlite3.Connection]:
    if not make and not path.is_file():
        raise CacheError(f"there is no response cache {path}; name its file with --cache")
    try:
        with contextlib.closing(open_database(path, LOCK_SECONDS).connection) as connection:
            yield connection
    except sqlite3.Error as error:
        raise explain(error, path) from error


def _file_size(path: Path) -> int:
    wal = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)
