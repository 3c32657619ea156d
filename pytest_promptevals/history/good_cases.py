"""Queries for the last results of an eval file that were not red, as the cases of a baseline."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.history.baseline_rows import COLUMNS, case_from_row
from pytest_promptevals.history.connecting import SqlConnection
from pytest_promptevals.history.rows import read_row
from pytest_promptevals.history.schema import OVER_TRIALS
from pytest_promptevals.history.stored import store_text
from pytest_promptevals.records.comparisons import BaselineCase, Verdict
from pytest_promptevals.records.partial import MAX_LEVEL, SEPARATOR, partial_prefix
from pytest_promptevals.records.results import RELATIVE
from pytest_promptevals.records.runs import RunKind, RunStatus

DROPPED: Final = (Verdict.REGRESSED.value, Verdict.INCONCLUSIVE.value)
"""Verdicts on a change that is too large. One that may be chance counts only where it was made to fail: a baseline that
takes its good luck and leaves out its bad luck only gets luckier, and what is compared with it is red for nothing."""
MOST_RUNS: Final = 100
"""Runs that are looked through: a case that was scored in none of them counts as new."""

_BATCH: Final = 500

_RED: Final = tuple(verdict.value for verdict in Verdict if verdict.fails)


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


_NEVER: Final = "9999"
"""A time after those of all runs."""
_COMPARABLE: Final = f"(case_fingerprint NOT LIKE '%{SEPARATOR}%' OR case_fingerprint LIKE ?)"
"""Results of all judges, or of those up to the level of the run that asks."""
_BY_DEFAULT: Final = "(comparisons.has_baseline AND comparisons.baseline_run = '')"
_GOOD_RUNS: Final = f"""
    WITH RECURSIVE dropped (run_id) AS (
        SELECT run_id FROM gates WHERE file = ? AND verdict IN ({_marks(DROPPED)}) AND NOT is_accepted
        UNION
        SELECT run_id FROM comparisons WHERE file = ? AND is_beside_drop
        UNION
        SELECT comparisons.run_id FROM comparisons
        JOIN dropped ON dropped.run_id = comparisons.baseline_run JOIN runs ON runs.id = dropped.run_id
        WHERE comparisons.file = ? AND runs.name IS NULL
    )
    SELECT comparisons.run_id FROM comparisons JOIN runs ON runs.id = comparisons.run_id
    WHERE comparisons.file = ? AND runs.started_at < ? AND runs.status = ? AND runs.kind = ? AND NOT EXISTS (
        SELECT 1 FROM gates
        WHERE gates.run_id = comparisons.run_id AND gates.file = comparisons.file
        AND gates.gate = 'score' AND gates.verdict IN ({_marks(_RED)})
    ) AND comparisons.run_id NOT IN (SELECT run_id FROM dropped) AND EXISTS (
        SELECT 1 FROM case_results
        WHERE case_results.run_id = comparisons.run_id AND case_results.file = comparisons.file AND {_COMPARABLE}
    )
    ORDER BY
        {_BY_DEFAULT} DESC, CASE WHEN {_BY_DEFAULT} THEN '' ELSE runs.started_at || runs.id END,
        runs.started_at DESC, runs.id DESC
    LIMIT ?
"""  # noqa: S608 - question marks and text of our own
"""The same runs count as dropped, in the same order, as in ``drops``, which loads SQLAlchemy."""
_SCORED: Final = f"""
    SELECT name, id, passed FROM case_results
    WHERE run_id = ? AND file = ? AND {_COMPARABLE} AND score BETWEEN 0 AND 1 AND error_kind IS NULL
"""  # noqa: S608 - text of our own
_RELATIVE: Final = f"""
    SELECT result_id, details FROM scores WHERE result_id IN ({{}}) AND details LIKE '%"{RELATIVE}"%'
"""  # noqa: S608 - text of our own
_SCORES: Final = """
    SELECT result_id, judge, value FROM scores
    WHERE result_id IN ({}) AND trial = ?
    ORDER BY result_id, position
"""
_CASES: Final = f"SELECT {', '.join(COLUMNS)} FROM case_results WHERE id IN ({{}})"  # noqa: S608 - names of our own


@dataclass(frozen=True, slots=True)
class WantedItems:
    """Items of an eval file whose last results are wanted."""

    file: str
    """The eval file."""
    names: Collection[str]
    """Names of the items."""
    level: int = MAX_LEVEL
    """Scores that only a part of a case's judges gave count for runs of the same level."""
    whole: Collection[str] = ()
    """Names of those whose outputs are not to be shortened."""
    before: str = ""
    """Only runs count that began before that time: ISO 8601, UTC; empty for all of them."""


def read_good_cases(connection: SqlConnection, wanted: WantedItems) -> tuple[BaselineCase, ...]:
    """Return each item's newest score from the finished runs without a drop that is too large, by name.

    One that may be chance is too large where it was made to fail, and so is what was compared with a run that dropped.
    Gates that compare nothing do not matter: a file that does not yet reach its ``min_score`` has last results all the
    same. A run that was compared with another than these last results, or with none, has only those that they lack,
    and the first of such runs go before later ones: it has not said that nothing fell.
    A score that failed in comparison with the baseline does not take its place.
    """
    of_level = f"{partial_prefix(wanted.level)}%"
    ids: dict[str, int] = {}
    missing = set(wanted.names)
    for run_id in _read_good_runs(connection, wanted, of_level):
        found = _read_scored(connection, run_id, wanted.file, missing, of_level)
        ids |= found
        missing -= found.keys()
        if not missing:
            break
    cases = (case for batch in _batches(list(ids.values())) for case in _read_cases(connection, batch, wanted.whole))
    return tuple(sorted(cases, key=lambda case: case.name))


def _read_good_runs(connection: SqlConnection, wanted: WantedItems, of_level: str) -> list[str]:
    of_run = (RunStatus.FINISHED.value, RunKind.RUN.value)
    name = store_text(wanted.file)
    values = (name, *DROPPED, name, name, name, wanted.before or _NEVER, *of_run, *_RED, of_level, MOST_RUNS)
    return [run_id for (run_id,) in connection.execute(_GOOD_RUNS, values)]


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))


def _read_scored(
    connection: SqlConnection, run_id: str, file: str, names: Collection[str], of_level: str
) -> dict[str, int]:
    values = [run_id, store_text(file), of_level]
    query = _SCORED
    if len(names) <= _BATCH:  # a few are looked up; all of a run's results would be read for a case that is new
        query += f" AND name IN ({_marks(names)})"
        values += map(store_text, names)
    found = [row for row in connection.execute(query, values) if row["name"] in names]
    lost = _read_lost(connection, [row["id"] for row in found if not row["passed"]])
    return {row["name"]: row["id"] for row in found if row["id"] not in lost}


def _read_lost(connection: SqlConnection, failed: Sequence[int]) -> set[int]:
    """Return those that failed beside the baseline: as the next one, they would be as good as themselves, and pass."""
    return {
        row["result_id"]
        for batch in _batches(failed)
        for row in connection.execute(_RELATIVE.format(_marks(batch)), batch)
        if json.loads(row["details"]).get(RELATIVE)
    }


def _read_cases(connection: SqlConnection, ids: Sequence[int], whole: Collection[str]) -> Iterable[BaselineCase]:
    marks = _marks(ids)
    by_judge: dict[int, dict[str, float]] = {}
    for row in connection.execute(_SCORES.format(marks), (*ids, OVER_TRIALS)):
        by_judge.setdefault(row["result_id"], {})[row["judge"]] = row["value"]
    rows = connection.execute(_CASES.format(marks), ids)
    return [case_from_row(read_row(row), by_judge.get(row["id"], {}), is_whole=row["name"] in whole) for row in rows]
