"""Whether eval files had failed the last time, for a run that may be their recovery."""

from __future__ import annotations

from itertools import groupby

from pytest_promptevals.history.connecting import SqlConnection
from pytest_promptevals.history.peek import ask
from pytest_promptevals.history.place import Place
from pytest_promptevals.records.comparisons import Verdict
from pytest_promptevals.records.runs import Run

# Where the eval file has changed since, the selection of then is no measure: it may have got a case.
_GATES = """
    SELECT gates.run_id, gates.verdict, gates.is_accepted FROM gates
    JOIN runs ON runs.id = gates.run_id
    LEFT JOIN run_files ON run_files.run_id = gates.run_id AND run_files.file = gates.file
    WHERE gates.file = ? AND gates.run_id <> ? AND gates.verdict <> ?
    AND runs.kind = 'run' AND runs.status = 'finished' AND coalesce(runs.shard, '') = ''
    AND coalesce(runs.git_branch, '') = ?
    AND (runs.selection = ? OR run_files.dataset_version <> ?)
    ORDER BY runs.started_at DESC, runs.id DESC LIMIT 100
"""


def find_failed_before(place: Place, run: Run) -> frozenset[str]:
    """Return the eval files of a run of which a gate failed the last time; none if the history cannot be read.

    The last time is the newest whole run of the same branch in which a gate of the eval file had an answer, over the
    same selection of cases, or over one of when the file had others.
    """
    found = ask(place, lambda connection: [file.file for file in run.files if _has_failed(connection, run, file.file)])
    return frozenset(found or ())


def _has_failed(connection: SqlConnection, run: Run, file: str) -> bool:
    version = next(each.dataset_version for each in run.files if each.file == file)
    branch = "" if run.git is None else run.git.branch or ""
    values = (file, run.id, Verdict.NO_BASELINE.value, branch, run.selection, version)
    rows = connection.execute(_GATES, values).fetchall()
    of_runs = groupby(rows, key=lambda row: row["run_id"])
    _, newest = next(of_runs, ("", iter(())))
    return any(_fails(Verdict(row["verdict"])) for row in newest if not row["is_accepted"])


def _fails(verdict: Verdict) -> bool:
    return verdict.fails or verdict is Verdict.INCONCLUSIVE
