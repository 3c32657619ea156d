"""Runs that did not finish: which one a new run may continue, and which ones nobody records any more."""

from __future__ import annotations

import os

from pytest_promptevals.history.connecting import SqlConnection
from pytest_promptevals.history.postgres_connection import PostgresConnection
from pytest_promptevals.history.rows import read_row, run_from_row
from pytest_promptevals.records.codec import SCHEMA_VERSION
from pytest_promptevals.records.runs import Run, RunKind, RunStatus
from pytest_promptevals.system.processes import host_name, is_alive


def is_unfinished(connection: SqlConnection, run: Run) -> bool:
    """Return whether a run of that history stopped early: it was interrupted, or nobody records it any more."""
    if run.status is RunStatus.RUNNING:
        return _is_abandoned(connection, run)
    return run.status is RunStatus.INTERRUPTED


def _is_abandoned(connection: SqlConnection, run: Run) -> bool:
    if isinstance(connection, PostgresConnection):  # the server knows it of all machines
        return not connection.is_held(run.id)
    return is_abandoned(run.host, run.pid)


def is_abandoned(host: str, pid: int) -> bool:
    """Return whether the process that recorded a run is gone for certain; of another machine nobody can tell."""
    # This process begins its run only now: its number was another's, in a container for example.
    return host == host_name() and (pid == os.getpid() or not is_alive(pid))


def find_unfinished_run(connection: SqlConnection, run: Run, *, same_arguments: bool) -> Run | None:
    """Return the newest run of the same share if it did not finish, else ``None``.

    Args:
        connection: an up-to-date history.
        run: the run that begins now; one of another share of the cases has nothing to do with it.
        same_arguments: only a run of the same command line at the same commit; none of what had failed before, since
            that is another selection each time.
    """
    query = """
        SELECT * FROM runs WHERE kind IN (?, ?) AND coalesce(shard, '') = ? ORDER BY started_at DESC, id DESC LIMIT 1
    """
    row = connection.execute(query, (RunKind.RUN.value, RunKind.RERUN.value, run.shard or "")).fetchone()
    if row is None or row["record_schema"] != SCHEMA_VERSION:
        return None
    newest = run_from_row(read_row(row))
    if not is_unfinished(connection, newest) or (same_arguments and not _is_like(newest, run)):
        return None
    return newest


def _is_like(earlier: Run, run: Run) -> bool:
    commits = {None if each.git is None else each.git.commit for each in (earlier, run)}
    is_rerun = RunKind.RERUN in (earlier.kind, run.kind)
    return earlier.arguments == run.arguments and len(commits) == 1 and not is_rerun


def interrupt_abandoned_runs(connection: SqlConnection, but: str, locking: str = "") -> None:
    """Mark the runs of killed processes as interrupted, ``but`` not the run of that id.

    In an SQLite file only those of this machine are known to be gone. ``locking`` ends the query for them.
    """
    query = f"SELECT * FROM runs WHERE status = ? AND id != ? ORDER BY id{locking}"  # noqa: S608 - text of our own
    running = [run_from_row(read_row(row)) for row in connection.execute(query, (RunStatus.RUNNING.value, but))]
    gone = [(RunStatus.INTERRUPTED.value, run.id) for run in running if _is_abandoned(connection, run)]
    connection.executemany("UPDATE runs SET status = ? WHERE id = ?", gone)
