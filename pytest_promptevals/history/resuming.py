"""Going on with a run that did not finish."""

from __future__ import annotations

import dataclasses
from typing import Final

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history.opening import open_run_history
from pytest_promptevals.history.peek import read_unfinished_run
from pytest_promptevals.history.place import Place
from pytest_promptevals.records.runs import Run

CLAIM_PATIENCE: Final = 1.0
"""Seconds that the start of a run waits for a locked history; then it begins as a new run."""


def continue_run(place: Place, run: Run, *, same_arguments: bool) -> Run | None:
    """Return ``run`` as the continuation of the newest run of its share, if that one did not finish, else ``None``.

    It has the id of the earlier run and the time at which that one began; no other process can continue it then.

    Args:
        place: where the history is.
        run: the run that begins now.
        same_arguments: only a run of the same command line at the same commit.
    """
    earlier = read_unfinished_run(place, run, same_arguments=same_arguments)
    if earlier is None:
        return None
    try:
        history = open_run_history(place, CLAIM_PATIENCE)
        try:
            is_ours = history.resume_run(earlier.id, run)
        finally:
            history.close()
    except HistoryError:  # said again, where the run is recorded
        return None
    return dataclasses.replace(run, id=earlier.id, started_at=earlier.started_at) if is_ours else None
