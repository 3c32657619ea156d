"""Runs in which an eval file became worse than allowed: what is compared with them next would not see that."""

from __future__ import annotations

from sqlalchemy import Select, select

from pytest_promptevals.history.good_cases import DROPPED
from pytest_promptevals.history.tables import comparisons, gates, runs


def dropped_runs(file: str) -> Select[str]:
    """Select the ids of the runs in which a gate found an eval file worse than allowed, be it by chance.

    A run that was compared with one of them is as bad as it, whatever its gates say; unless it was saved under a name,
    which says that it is to be compared with.
    """
    dropped = select(gates.c.run_id).where(gates.c.file == file, gates.c.verdict.in_(DROPPED))
    known = dropped.cte("dropped", recursive=True)
    beside = (
        select(comparisons.c.run_id)
        .join(known, comparisons.c.baseline_run == known.c.run_id)
        .join(runs, runs.c.id == known.c.run_id)
        .where(comparisons.c.file == file, runs.c.name.is_(None))
    )
    return select(known.union(beside).c.run_id)
