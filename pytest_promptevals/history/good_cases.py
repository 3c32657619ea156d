"""Queries for the last results of an eval file that were not red, as the cases of a baseline."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from pytest_promptevals.history.baselines import shorten_output
from pytest_promptevals.history.schema import OVER_TRIALS
from pytest_promptevals.history.stored import store_text
from pytest_promptevals.records.comparisons import BaselineCase, Verdict
from pytest_promptevals.records.runs import RunStatus

MOST_RUNS: Final = 100
"""Runs that are looked through: a case that was scored in none of them counts as new."""

_BATCH: Final = 500

_RED: Final = tuple(verdict.value for verdict in Verdict if verdict.fails)


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


_GOOD_RUNS: Final = f"""
    SELECT comparisons.run_id FROM comparisons JOIN runs ON runs.id = comparisons.run_id
    WHERE comparisons.file = ? AND runs.status = ? AND NOT EXISTS (
        SELECT 1 FROM gates
        WHERE gates.run_id = comparisons.run_id AND gates.file = comparisons.file AND gates.gate = 'score'
        AND gates.verdict IN ({_marks(_RED)})
    )
    ORDER BY runs.started_at DESC, runs.id DESC LIMIT ?
"""  # noqa: S608 - question marks
_SCORED: Final = """
    SELECT name, id FROM case_results
    WHERE run_id = ? AND file = ? AND score IS NOT NULL AND error_kind IS NULL
"""
_SCORES: Final = """
    SELECT result_id, judge, value FROM scores
    WHERE result_id IN ({}) AND trial = ?
    ORDER BY result_id, position
"""
_CASES: Final = """
    SELECT id, name, case_id, case_fingerprint, model, prompt_name, score, passed, trials FROM case_results
    WHERE id IN ({})
"""


def read_good_cases(connection: sqlite3.Connection, file: str, names: Collection[str]) -> tuple[BaselineCase, ...]:
    """Return each item's newest score from the finished runs in which the file's ``score`` gate did not fail, by name.

    Other gates compare nothing, so a file that does not yet reach its ``min_score`` has last results all the same.
    """
    ids: dict[str, int] = {}
    missing = set(names)
    for run_id in _read_good_runs(connection, file):
        found = dict(_read_scored(connection, run_id, file, missing))
        ids |= found
        missing -= found.keys()
        if not missing:
            break
    wanted = list(ids.values())
    batches = (wanted[start : start + _BATCH] for start in range(0, len(wanted), _BATCH))
    cases = (case for batch in batches for case in _read_cases(connection, batch))
    return tuple(sorted(cases, key=lambda case: case.name))


def _read_good_runs(connection: sqlite3.Connection, file: str) -> list[str]:
    values = (store_text(file), RunStatus.FINISHED.value, *_RED, MOST_RUNS)
    return [run_id for (run_id,) in connection.execute(_GOOD_RUNS, values)]


def _read_scored(
    connection: sqlite3.Connection, run_id: str, file: str, names: Collection[str]
) -> Iterator[tuple[str, int]]:
    values = [run_id, store_text(file)]
    query = _SCORED
    if len(names) <= _BATCH:  # a few are looked up; all of a run's results would be read for a case that is new
        query += f" AND name IN ({_marks(names)})"
        values += map(store_text, names)
    return ((row["name"], row["id"]) for row in connection.execute(query, values) if row["name"] in names)


def _read_cases(connection: sqlite3.Connection, ids: Sequence[int]) -> Iterable[BaselineCase]:
    marks = _marks(ids)
    by_judge: dict[int, dict[str, float]] = {}
    for row in connection.execute(_SCORES.format(marks), (*ids, OVER_TRIALS)):
        by_judge.setdefault(row["result_id"], {})[row["judge"]] = row["value"]
    return [_to_case(row, by_judge.get(row["id"], {})) for row in connection.execute(_CASES.format(marks), ids)]


def _to_case(row: sqlite3.Row, scores: dict[str, float]) -> BaselineCase:
    trials = json.loads(row["trials"])
    return BaselineCase(
        name=row["name"],
        case_id=row["case_id"],
        case_fingerprint=row["case_fingerprint"],
        model=row["model"],
        prompt_name=row["prompt_name"],
        score=row["score"],
        passed=row["passed"] == 1,
        scores=scores,
        trials=len(trials),
        output=shorten_output(_first_text(trials)),
    )


def _first_text(trials: Sequence[dict[str, Any]]) -> str:
    """Return the text of the first response, without building the records around it."""
    return next((str(trial["response"]["text"]) for trial in trials if "response" in trial), "")
