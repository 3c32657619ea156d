"""Recordings: responses as text files to commit, one file for each eval file, one line for each response.

Lines are sorted by key and hold no time of day: the same responses give the same bytes, in whatever order and on
whatever machine they were asked for.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from pytest_promptevals.cache import store
from pytest_promptevals.cache.database import explain, open_database
from pytest_promptevals.cache.entries import Entry, decode_response, read_line
from pytest_promptevals.errors import CacheError, CodecError, FileProblem
from pytest_promptevals.files.paths import shown_path
from pytest_promptevals.files.sqlite_files import write_transaction
from pytest_promptevals.files.text import read_text, write_text_atomically
from pytest_promptevals.records.responses import Response

LISTING: Final = "listing-"
"""How the name of a session begins that only notes what it uses: ``write_recordings`` does nothing for it."""

_SUFFIX: Final = ".jsonl"
_UNKNOWN: Final = "_unknown"
_OUTSIDE: Final = "_outside"
_DRIVE: Final = re.compile("[:\\\\]")
_ADVICE: Final = (
    "take either side, or delete the line and have the response recorded anew with 'pytest --evals-cache use'"
)
_LOCK_SECONDS: Final = 30.0


def recording_path(folder: Path, file: str) -> Path:
    """Return where the recordings of an eval file are.

    ``evals/a.eval.yaml`` has ``FOLDER/evals/a.eval.yaml.jsonl``. No name of an eval file leads out of the folder.
    """
    parts = PurePosixPath(_DRIVE.sub("-", store.printable(file).replace("::", "-"))).parts
    inside = [part for part in parts if part not in ("/", "..")]
    if len(inside) < len(parts):
        inside.insert(0, _OUTSIDE)
    *folders, name = inside or [_UNKNOWN]
    return folder.joinpath(*folders, name + _SUFFIX)


def read_recording(path: Path) -> dict[str, Entry]:
    """Return the entries of a file of recordings by key; none if there is no such file.

    Raises ``CacheError`` with file and line for anything else than what ``write_recording`` writes.
    """
    if not _is_there(path):
        return {}
    shown = shown_path(path, Path.cwd())
    entries: dict[str, Entry] = {}
    lines: dict[str, int] = {}
    try:
        for number, line in enumerate(read_text(path, shown).split("\n"), start=1):
            if line.strip():
                entry = read_line(line, shown, number, _ADVICE)
                _check_unique(entry, lines, shown, number)
                entries[entry.key] = entry
    except FileProblem as problem:
        raise CacheError(f"recordings {problem}") from None
    return entries


def write_recording(path: Path, entries: Iterable[Entry]) -> bool:
    """Write a file of recordings, or remove it if nothing is left; return whether that changed it.

    Raises ``CacheError`` if it cannot be written.
    """
    text = "".join(f"{entry.to_line()}\n" for entry in sorted(entries, key=lambda entry: entry.key))
    if _holds(path, text):
        return False
    try:
        if text:
            write_text_atomically(path, text)
        else:
            path.unlink()
    except OSError as error:
        raise CacheError(f"recordings {path} cannot be written: {error.strerror}; check the permissions") from None
    return True


class Recordings:
    """Recorded responses, read from their files when one of an eval file is first asked for.

    Args:
        folder: folder of the recordings.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, dict[str, Entry] | CacheError] = {}

    def find(self, file: str, key: str) -> Response | None:
        """Return a recorded response, marked as cached, or ``None``. Raises ``CacheError`` for a damaged file."""
        entries = self._entries(file)
        if isinstance(entries, CacheError):
            raise CacheError(str(entries))
        entry = entries.get(key)
        if entry is None:
            return None
        try:
            return decode_response(entry.response)
        except CodecError as error:
            place = _place_of(key, recording_path(self._folder, file))
            raise CacheError(f"recordings {place}: {error}; {_ADVICE}") from None

    def _entries(self, file: str) -> dict[str, Entry] | CacheError:
        if file not in self._read:
            try:
                self._read[file] = read_recording(recording_path(self._folder, file))
            except CacheError as error:
                self._read[file] = error
        return self._read[file]


def write_recordings(folder: Path, cache_path: Path, session: str) -> list[str]:
    """Add the responses that a session used to the recordings; return one line for each thing that went wrong.

    What the session itself paid for takes the place of what is recorded; all else that is recorded stays. Files whose
    bytes do not change are not written.

    Args:
        folder: folder of the recordings.
        cache_path: the SQLite file of the response cache, which knows what was used.
        session: the session, as it was given to ``ResponseCache.open``.
    """
    if session.startswith(LISTING):
        return []
    try:
        database = open_database(cache_path, _LOCK_SECONDS)
    except CacheError as error:
        return [f"nothing was recorded: {error}"]
    except sqlite3.Error as error:
        return [f"nothing was recorded: {explain(error, cache_path)}"]
    with contextlib.closing(database.connection) as connection:
        try:
            return _write_all(folder, connection, session)
        except sqlite3.Error as error:
            return [f"not all was recorded: {explain(error, cache_path)}"]


def take_uses(cache_path: Path, session: str) -> list[store.Use]:
    """Return what a session of ``LISTING`` used, and forget it. Raises ``CacheError`` if the cache cannot be used."""
    try:
        with contextlib.closing(open_database(cache_path, _LOCK_SECONDS).connection) as connection:
            uses = store.find_uses(connection, session)
            with write_transaction(connection):
                store.forget_uses(connection, session)
            return uses
    except sqlite3.Error as error:
        raise explain(error, cache_path) from None


def _write_all(folder: Path, connection: sqlite3.Connection, session: str) -> list[str]:
    keys_by_path: dict[Path, set[str]] = {}
    for use in store.find_uses(connection, session):
        keys_by_path.setdefault(recording_path(folder, use.file), set()).add(use.key)
    notices = []
    for path, keys in sorted(keys_by_path.items()):
        try:
            _add_used(path, keys, connection, session)
        except CacheError as error:
            notices.append(f"nothing was recorded there: {error}")
    if not notices:
        with write_transaction(connection):
            store.forget_uses(connection, session)
    return notices


def _add_used(path: Path, keys: Collection[str], connection: sqlite3.Connection, session: str) -> None:
    recorded = read_recording(path)
    sessions = store.sessions_of(connection, keys)
    wanted = [key for key, stored_by in sessions.items() if stored_by == session or key not in recorded]
    if wanted:
        fresh = {entry.key: entry for entry in store.find_entries(connection, wanted)}
        write_recording(path, (recorded | fresh).values())


@dataclass(frozen=True, slots=True)
class UnusedRecording:
    """Entries of one file of recordings that nothing asks for."""

    path: Path
    """The file."""
    name: str
    """Its name within the folder of recordings."""
    keys: tuple[str, ...]
    """Keys of the entries that are not used, sorted."""
    total: int
    """Entries that the file has in all."""
    is_stale: bool
    """Whether the eval file that it belongs to is no more."""


def find_unused(
    folder: Path, used: Mapping[str, Collection[str]], rootdir: Path | None = None
) -> list[UnusedRecording]:
    """Return the entries that were not used, by file, sorted by name.

    Args:
        folder: folder of the recordings.
        used: keys that a complete run used, by eval file.
        rootdir: root of the project; without it, no file is known to be stale.

    Raises ``CacheError`` for a damaged file of recordings.
    """
    keys_by_path = {recording_path(folder, file): frozenset(keys) for file, keys in used.items()}
    found = []
    for path in sorted(folder.rglob(f"*{_SUFFIX}")):
        entries = read_recording(path)
        keys = tuple(sorted(entries.keys() - keys_by_path.get(path, frozenset())))
        if keys:
            name = path.relative_to(folder).as_posix()
            is_stale = rootdir is not None and path not in keys_by_path and not _has_eval_file(name, rootdir)
            found.append(UnusedRecording(path, name, keys, len(entries), is_stale))
    return found


def remove_unused(unused: UnusedRecording) -> None:
    """Remove entries that are not used from their file, and the file if none is left. Raises ``CacheError``."""
    entries = read_recording(unused.path)
    write_recording(unused.path, (entry for key, entry in entries.items() if key not in unused.keys))


def _has_eval_file(name: str, rootdir: Path) -> bool:
    file = name.removesuffix(_SUFFIX)
    if file == _UNKNOWN or file.startswith(f"{_OUTSIDE}/"):
        return True  # where it is cannot be told from the name
    # The recordings of test_a.py::test_b are named test_a.py-test_b.
    script, ending, _ = file.partition(".py-")
    return (rootdir / file).exists() or (ending != "" and (rootdir / f"{script}.py").exists())


def _place_of(key: str, path: Path) -> str:
    shown = shown_path(path, Path.cwd())
    lines = read_text(path, shown).split("\n")
    number = next((number for number, line in enumerate(lines, start=1) if f'"{key}"' in line), 0)
    return f"{shown}:{number}"


def _check_unique(entry: Entry, lines: dict[str, int], shown: str, number: int) -> None:
    first = lines.setdefault(entry.key, number)
    if first != number:
        message = f"key {entry.key!r} stands twice, first in line {first}; remove one of the two lines"
        raise FileProblem(message, path=shown, line=number)


def _holds(path: Path, text: str) -> bool:
    if not _is_there(path):
        return not text
    try:
        return read_text(path, str(path)) == text
    except FileProblem:  # writing will say why
        return False


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # reading will say what
        return True
    return True
