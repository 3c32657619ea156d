"""Going on with a run that did not finish."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history.history_file import HistoryFile
from pytest_promptevals.history.peek import read_unfinished_run
from pytest_promptevals.records.runs import Run

CLAIM_PATIENCE: Final = 1.0
"""Seconds that the start of a run waits for a locked history; then it begins as a new run."""


def continue_run(path: Path, run: Run, *, same_arguments: bool) -> Run | None:
    """Return ``run`` as the continuation of the newest run of its share, if that one did not finish, else ``None``.

    It has the id of the earlier run and the time at which that one began; no other process can continue it then.

    Args:
        path: the SQLite file of the history.
        run: the run that begins now.
        same_arguments: only a run of the same command line at the same commit.
    """
    earlier = read_unfinished_run(path, run, same_arguments=same_arguments)
    if earlier is None:
        return None
    try:
        history = HistoryFile.open(path, CLAIM_PATIENCE)
        try:
            is_ours = history.resume_run(earlier.id, run)
        finally:
            history.close()
    except HistoryError:  # said again, where the run is recorded
        return None
    return dataclasses.replace(run, id=earlier.id, started_at=earlier.started_at) if is_ours else None
