"""What a killed run left on disk, looked at without touching it: copies are opened, as the next run will open it."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

OWN_FOLDER: Final = ".promptevals"
CACHE: Final = "cache.db"
HISTORY: Final = "history.db"


@contextlib.contextmanager
def _open_copy(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of a database and its log: opening the file itself would repair it before the next run does."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("", "-wal"):
            part = file.with_name(file.name + suffix)
            if part.exists():
                shutil.copy(part, folder)
        with contextlib.closing(sqlite3.connect(Path(folder) / file.name)) as connection:
            yield connection


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchall())


def read_kept(folder: Path) -> Counter[str]:
    """Return how many responses to each question are in the cache of a project."""
    file = folder / OWN_FOLDER / CACHE
    if not file.exists():
        return Counter()
    with _open_copy(file) as connection:
        if not _has_table(connection, "responses"):
            return Counter()
        requests = [json.loads(text) for (text,) in connection.execute("SELECT request FROM responses")]
    return Counter(request["messages"][-1]["content"] for request in requests)


def find_damage(folder: Path, items: int) -> list[str]:
    """Return what is wrong with the databases of a project, one line each.

    Args:
        folder: root of the project.
        items: cases of a finished run.
    """
    own = folder / OWN_FOLDER
    problems = [f"{path.name} was put aside" for path in own.glob("*.corrupt*")]
    for name in (CACHE, HISTORY):
        if not (own / name).exists():
            continue
        try:
            with _open_copy(own / name) as connection:
                answer = connection.execute("PRAGMA integrity_check").fetchall()
                if answer != [("ok",)]:
                    problems.append(f"{name}: {answer}")
                problems.extend(_check_history(connection, items) if name == HISTORY else [])
        except sqlite3.Error as error:
            problems.append(f"{name} does not open: {error}")
    return problems


def _check_history(connection: sqlite3.Connection, items: int) -> list[str]:
    if not _has_table(connection, "case_results"):
        return []
    twice = connection.execute(
        "SELECT run_id, file, name FROM case_results GROUP BY run_id, file, name HAVING count(*) > 1"
    )
    finished = connection.execute(
        "SELECT runs.id, count(case_results.id), coalesce(sum(passed), 0) FROM runs "
        "LEFT JOIN case_results ON run_id = runs.id WHERE status = 'finished' GROUP BY runs.id"
    )
    return [f"history has {file}::{name} twice in run {run}" for run, file, name in twice] + [
        f"finished run {run} has {count} cases, {passed} of them passed, not {items}"
        for run, count, passed in finished
        if (count, passed) != (items, items)
    ]


def count_finished_runs(folder: Path) -> int:
    """Return how many runs of a project's history are finished."""
    file = folder / OWN_FOLDER / HISTORY
    if not file.exists():
        return 0
    with _open_copy(file) as connection:
        if not _has_table(connection, "runs"):
            return 0
        (count,) = connection.execute("SELECT count(*) FROM runs WHERE status = 'finished'").fetchone()
    return int(count)
