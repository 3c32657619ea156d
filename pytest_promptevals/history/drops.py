"""Runs in which an eval file became worse than allowed: what is compared with them next would not see that."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, select

from pytest_promptevals.history.good_cases import DROPPED
from pytest_promptevals.history.tables import comparisons, gates, runs


def dropped_runs(file: str) -> Select[str]:
    """Select the ids of the runs in which a gate found an eval file worse than allowed.

    One that may be worse by chance alone counts where that was made to fail.
    A run that was compared with one of them, be that gone by now, is as bad as it, whatever its gates say; unless that
    one was saved under a name, which says that it is to be compared with.
    """
    dropped = select(gates.c.run_id).where(gates.c.file == file, gates.c.verdict.in_(DROPPED), ~gates.c.is_accepted)
    known = dropped.cte("dropped", recursive=True)
    beside = (
        select(comparisons.c.run_id)
        .join(known, comparisons.c.baseline_run == known.c.run_id)
        .join(runs, runs.c.id == known.c.run_id)
        .where(comparisons.c.file == file, runs.c.name.is_(None))
    )
    beside_gone = select(comparisons.c.run_id).where(comparisons.c.file == file, comparisons.c.is_beside_drop)
    return select(known.union(beside_gone, beside).c.run_id)


def find_beside_drops(connection: Connection, going: Collection[str]) -> Mapping[str, Sequence[str]]:
    """Return by eval file the runs that stay and were compared with a drop of it among the runs that are to go."""
    table = comparisons.c
    compared = connection.execute(select(table.run_id, table.file, table.baseline_run).where(table.baseline_run != ""))
    by_file: dict[str, list[tuple[str, str]]] = {}
    for run_id, file, baseline in compared:
        if baseline in going and run_id not in going:
            by_file.setdefault(file, []).append((run_id, baseline))
    named = set(connection.scalars(select(runs.c.id).where(runs.c.name.is_not(None))))
    found: dict[str, list[str]] = {}
    for file, pairs in by_file.items():
        dropped = set(connection.scalars(dropped_runs(file))) - named
        found[file] = [run_id for run_id, baseline in pairs if baseline in dropped]
    return found


def in_default_order() -> tuple[ColumnElement[Any], ...]:
    """Return the order in which runs are asked for the last results of an eval file.

    Those that were compared with the last results go first, newest first. What was compared with anything else, or with
    nothing, has no say while they know of a case; of those, the first counts.
    """
    by_default = and_(comparisons.c.has_baseline, comparisons.c.baseline_run == "")
    oldest_first = case((by_default, ""), else_=runs.c.started_at + runs.c.id)
    return by_default.desc(), oldest_first, runs.c.started_at.desc(), runs.c.id.desc()
