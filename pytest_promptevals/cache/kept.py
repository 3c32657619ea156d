"""Which responses are kept already, without changing anything."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pytest_promptevals.cache.recordings import Recordings
from pytest_promptevals.cache.store import find_responses

_AT_ONCE: Final = 500


def find_kept(path: Path, recordings: Path | None, wanted: Mapping[str, str]) -> frozenset[str]:
    """Return those keys whose responses are recorded or in the database.

    ``wanted`` gives the eval file of each key. What cannot be read holds nothing: a run would say why.
    """
    kept = _find_recorded(recordings, wanted) if recordings is not None else set()
    with contextlib.suppress(sqlite3.Error, OSError):
        kept |= _find_stored(path, [key for key in wanted if key not in kept])
    return frozenset(kept)


def _find_recorded(folder: Path, wanted: Mapping[str, str]) -> set[str]:
    recordings = Recordings(folder)
    found = set()
    for key, file in wanted.items():
        with contextlib.suppress(Exception):
            if recordings.find(file, key) is not None:
                found.add(key)
    return found


def _find_stored(path: Path, keys: Iterable[str]) -> set[str]:
    if not path.exists():
        return set()
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        waiting = list(keys)
        return {
            key
            for start in range(0, len(waiting), _AT_ONCE)
            for key in find_responses(connection, waiting[start : start + _AT_ONCE], None)
        }
