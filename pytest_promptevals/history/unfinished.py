"""Runs that did not finish: which one a new run may continue, and which ones nobody records any more."""

from __future__ import annotations

import os
import sqlite3

from pytest_promptevals.history.rows import read_row, run_from_row
from pytest_promptevals.records.codec import SCHEMA_VERSION
from pytest_promptevals.records.runs import Run, RunStatus
from pytest_promptevals.system.processes import host_name, is_alive


def is_unfinished(run: Run) -> bool:
    """Return whether a run stopped early: it was interrupted, or its process on this machine is gone."""
    if run.status is RunStatus.RUNNING:
        return is_abandoned(run.host, run.pid)
    return run.status is RunStatus.INTERRUPTED


def is_abandoned(host: str, pid: int) -> bool:
    """Return whether the process that recorded a run is gone for certain; of another machine nobody can tell."""
    # This process begins its run only now: its number was another's, in a container for example.
    return host == host_name() and (pid == os.getpid() or not is_alive(pid))


def find_unfinished_run(connection: sqlite3.Connection, run: Run, *, same_arguments: bool) -> Run | None:
    """Return the newest run of the same share if it did not finish, else ``None``.

    Args:
        connection: an up-to-date history.
        run: the run that begins now; one of another share of the cases has nothing to do with it.
        same_arguments: only a run of the same command line at the same commit.
    """
    query = "SELECT * FROM runs WHERE shard IS ? ORDER BY started_at DESC, id DESC LIMIT 1"
    row = connection.execute(query, (run.shard,)).fetchone()
    if row is None or row["record_schema"] != SCHEMA_VERSION:
        return None
    newest = run_from_row(read_row(row))
    if not is_unfinished(newest) or (same_arguments and not _is_like(newest, run)):
        return None
    return newest


def _is_like(earlier: Run, run: Run) -> bool:
    commits = {None if each.git is None else each.git.commit for each in (earlier, run)}
    return earlier.arguments == run.arguments and len(commits) == 1


def interrupt_abandoned_runs(connection: sqlite3.Connection, but: str) -> None:
    """Mark the runs of killed processes of this machine as interrupted, ``but`` not the run of that id."""
    running = connection.execute(
        "SELECT id, host, pid FROM runs WHERE status = ? AND id != ?", (RunStatus.RUNNING.value, but)
    ).fetchall()
    gone = [(RunStatus.INTERRUPTED.value, row["id"]) for row in running if is_abandoned(row["host"], row["pid"])]
    connection.executemany("UPDATE runs SET status = ? WHERE id = ?", gone)
