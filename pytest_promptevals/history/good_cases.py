"""Queries for the last results of an eval file that were not red, as the cases of a baseline."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from pytest_promptevals.history.baselines import keep_output
from pytest_promptevals.history.schema import OVER_TRIALS
from pytest_promptevals.history.stored import store_text
from pytest_promptevals.records.comparisons import BaselineCase, Verdict
from pytest_promptevals.records.partial import MAX_LEVEL, SEPARATOR, partial_prefix
from pytest_promptevals.records.results import RELATIVE
from pytest_promptevals.records.runs import RunStatus

MOST_RUNS: Final = 100
"""Runs that are looked through: a case that was scored in none of them counts as new."""

_BATCH: Final = 500

_RED: Final = tuple(verdict.value for verdict in Verdict if verdict.fails)


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


_COMPARABLE: Final = f"(instr(case_fingerprint, '{SEPARATOR}') = 0 OR case_fingerprint LIKE ?)"
"""Results of all judges, or of those up to the level of the run that asks."""
_GOOD_RUNS: Final = f"""
    SELECT comparisons.run_id FROM comparisons JOIN runs ON runs.id = comparisons.run_id
    WHERE comparisons.file = ? AND runs.status = ? AND NOT EXISTS (
        SELECT 1 FROM gates
        WHERE gates.run_id = comparisons.run_id AND gates.file = comparisons.file AND gates.gate = 'score'
        AND gates.verdict IN ({_marks(_RED)})
    ) AND EXISTS (
        SELECT 1 FROM case_results
        WHERE case_results.run_id = comparisons.run_id AND case_results.file = comparisons.file AND {_COMPARABLE}
    )
    ORDER BY runs.started_at DESC, runs.id DESC LIMIT ?
"""  # noqa: S608 - question marks
_LOST: Final = f"""
    (passed = 0 AND EXISTS (
        SELECT 1 FROM scores WHERE scores.result_id = case_results.id AND json_extract(details, '$.{RELATIVE}')
    ))
"""  # noqa: S608 - text of our own
"""Results that failed beside the baseline: as the next one, they would be as good as themselves, and pass."""
_SCORED: Final = f"""
    SELECT name, id FROM case_results
    WHERE run_id = ? AND file = ? AND {_COMPARABLE} AND score IS NOT NULL AND error_kind IS NULL AND NOT {_LOST}
"""  # noqa: S608 - text of our own
_SCORES: Final = """
    SELECT result_id, judge, value FROM scores
    WHERE result_id IN ({}) AND trial = ?
    ORDER BY result_id, position
"""
_CASES: Final = """
    SELECT id, name, case_id, case_fingerprint, model, prompt_name, score, passed, trials FROM case_results
    WHERE id IN ({})
"""


def read_good_cases(
    connection: sqlite3.Connection,
    file: str,
    names: Collection[str],
    level: int = MAX_LEVEL,
    whole: Collection[str] = (),
) -> tuple[BaselineCase, ...]:
    """Return each item's newest score from the finished runs in which the file's ``score`` gate did not fail, by name.

    Other gates compare nothing, so a file that does not yet reach its ``min_score`` has last results all the same.
    Scores that only a part of a case's judges gave count for runs of the same ``level``.
    A score that failed in comparison with the baseline does not take its place. Outputs are shortened, but for those of
    the items that ``whole`` names.
    """
    of_level = f"{partial_prefix(level)}%"
    ids: dict[str, int] = {}
    missing = set(names)
    for run_id in _read_good_runs(connection, file, of_level):
        found = dict(_read_scored(connection, run_id, file, missing, of_level))
        ids |= found
        missing -= found.keys()
        if not missing:
            break
    wanted = list(ids.values())
    batches = (wanted[start : start + _BATCH] for start in range(0, len(wanted), _BATCH))
    cases = (case for batch in batches for case in _read_cases(connection, batch, whole))
    return tuple(sorted(cases, key=lambda case: case.name))


def _read_good_runs(connection: sqlite3.Connection, file: str, of_level: str) -> list[str]:
    values = (store_text(file), RunStatus.FINISHED.value, *_RED, of_level, MOST_RUNS)
    return [run_id for (run_id,) in connection.execute(_GOOD_RUNS, values)]


def _read_scored(
    connection: sqlite3.Connection, run_id: str, file: str, names: Collection[str], of_level: str
) -> Iterator[tuple[str, int]]:
    values = [run_id, store_text(file), of_level]
    query = _SCORED
    if len(names) <= _BATCH:  # a few are looked up; all of a run's results would be read for a case that is new
        query += f" AND name IN ({_marks(names)})"
        values += map(store_text, names)
    return ((row["name"], row["id"]) for row in connection.execute(query, values) if row["name"] in names)


def _read_cases(connection: sqlite3.Connection, ids: Sequence[int], whole: Collection[str]) -> Iterable[BaselineCase]:
    marks = _marks(ids)
    by_judge: dict[int, dict[str, float]] = {}
    for row in connection.execute(_SCORES.format(marks), (*ids, OVER_TRIALS)):
        by_judge.setdefault(row["result_id"], {})[row["judge"]] = row["value"]
    rows = connection.execute(_CASES.format(marks), ids)
    return [_to_case(row, by_judge.get(row["id"], {}), is_whole=row["name"] in whole) for row in rows]


def _to_case(row: sqlite3.Row, scores: dict[str, float], *, is_whole: bool) -> BaselineCase:
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
        output=keep_output(_first_text(trials), is_whole=is_whole),
    )


def _first_text(trials: Sequence[dict[str, Any]]) -> str:
    """Return the text of the first response, without building the records around it."""
    return next((str(trial["response"]["text"]) for trial in trials if "response" in trial), "")
