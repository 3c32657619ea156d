"""Queries for the last results of an eval file that were not red, as the cases of a baseline."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, exists, select

from pytest_promptevals.history import tables
from pytest_promptevals.history.baselines import shorten_output
from pytest_promptevals.records.comparisons import BaselineCase, Verdict
from pytest_promptevals.records.runs import RunStatus

MOST_RUNS: Final = 100
"""Runs that are looked through: a case that was scored in none of them counts as new."""

_BATCH: Final = 500


def read_good_cases(connection: Connection, file: str, names: Collection[str]) -> tuple[BaselineCase, ...]:
    """Return each item's newest score from the finished runs in which the file's ``score`` gate did not fail, by name.

    Other gates compare nothing, so a file that does not yet reach its ``min_score`` has last results all the same.
    """
    ids: dict[str, int] = {}
    for run_id in _read_good_runs(connection, file):
        for name, result_id in _read_scored(connection, run_id, file):
            if name in names:
                ids.setdefault(name, result_id)
        if len(ids) == len(names):
            break
    wanted = list(ids.values())
    batches = (wanted[start : start + _BATCH] for start in range(0, len(wanted), _BATCH))
    cases = (case for batch in batches for case in _read_cases(connection, batch))
    return tuple(sorted(cases, key=lambda case: case.name))


def _read_good_runs(connection: Connection, file: str) -> list[str]:
    runs, comparisons, gates = tables.runs.c, tables.comparisons.c, tables.gates.c
    is_red = exists().where(
        gates.run_id == comparisons.run_id,
        gates.file == comparisons.file,
        gates.gate == "score",
        gates.verdict.in_([verdict.value for verdict in Verdict if verdict.fails]),
    )
    query = (
        select(comparisons.run_id)
        .join(tables.runs, runs.id == comparisons.run_id)
        .where(comparisons.file == file, runs.status == RunStatus.FINISHED.value, ~is_red)
        .order_by(runs.started_at.desc(), runs.id.desc())
        .limit(MOST_RUNS)
    )
    return list(connection.scalars(query))


def _read_scored(connection: Connection, run_id: str, file: str) -> Iterator[tuple[str, int]]:
    results = tables.case_results.c
    query = select(results.name, results.id).where(
        results.run_id == run_id, results.file == file, results.score.is_not(None), results.error_kind.is_(None)
    )
    return ((row.name, row.id) for row in connection.execute(query))


def _read_cases(connection: Connection, ids: Sequence[int]) -> Iterable[BaselineCase]:
    results, scores = tables.case_results, tables.scores
    by_judge: dict[int, dict[str, float]] = {}
    query = select(scores.c.result_id, scores.c.judge, scores.c.value).where(
        scores.c.result_id.in_(ids), scores.c.trial == tables.OVER_TRIALS
    )
    for result_id, judge, value in connection.execute(query):
        by_judge.setdefault(result_id, {})[judge] = value
    found = connection.execute(select(results).where(results.c.id.in_(ids))).mappings()
    return [_to_case(row, by_judge.get(row["id"], {})) for row in found]


def _to_case(row: RowMapping, scores: dict[str, float]) -> BaselineCase:
    return BaselineCase(
        name=row["name"],
        case_id=row["case_id"],
        case_fingerprint=row["case_fingerprint"],
        model=row["model"],
        prompt_name=row["prompt_name"],
        score=row["score"],
        passed=row["passed"] is True,
        scores=scores,
        trials=len(row["trials"]),
        output=shorten_output(_first_text(row["trials"])),
    )


def _first_text(trials: Sequence[dict[str, Any]]) -> str:
    """Return the text of the first response, without building the records around it."""
    return next((str(trial["response"]["text"]) for trial in trials if "response" in trial), "")
