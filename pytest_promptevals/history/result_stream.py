"""The results of many runs, one after the other: any number of them takes no more memory than a few."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from sqlalchemy import Connection, RowMapping, select

from pytest_promptevals.history.run_outputs import as_foreign, texts_of
from pytest_promptevals.history.run_queries import filter_conditions, result_conditions
from pytest_promptevals.history.schema import OVER_TRIALS
from pytest_promptevals.history.tables import case_results, runs, scores
from pytest_promptevals.records.exports import ResultRow
from pytest_promptevals.records.run_filters import RunFilter

_AT_ONCE: Final = 1000
"""Rows that are fetched at once."""
_OF_RUN: Final = (
    runs.c.id,
    runs.c.started_at,
    runs.c.status,
    runs.c.kind,
    runs.c.name,
    runs.c.git_branch,
    runs.c.git_commit,
    runs.c.git_is_dirty,
)
_OF_RESULT: Final = tuple(
    column for column in case_results.c if column.name not in ("trials", "prompt", "expected", "run_id")
)
_TEXTS: Final = tuple(as_foreign(case_results.c[name], name) for name in ("trials", "prompt", "expected"))


def stream_results(connection: Connection, wanted: RunFilter, *, with_texts: bool) -> Iterator[ResultRow]:
    """Yield the wanted results of the wanted runs, oldest run first, by file and name.

    Args:
        connection: to the history; it reads until the last result was taken.
        wanted: which runs, and of those with a file, a model or a tag which results.
        with_texts: whether prompts, outputs and expected answers are read too.
    """
    query = select(*_OF_RUN).where(*filter_conditions(wanted)).order_by(runs.c.started_at, runs.c.id)
    for run in connection.execute(query).mappings().all():
        yield from _stream_run(connection, run, wanted, with_texts=with_texts)


def _stream_run(connection: Connection, run: RowMapping, wanted: RunFilter, *, with_texts: bool) -> Iterator[ResultRow]:
    columns = (*_OF_RESULT, *_TEXTS) if with_texts else _OF_RESULT
    # In the order of an index: nothing has to be sorted, however many there are.
    query = (
        select(*columns)
        .where(case_results.c.run_id == run["id"], *result_conditions(wanted))
        .order_by(case_results.c.file, case_results.c.name)
    )
    old: Mapping[int, Mapping[str, float]] | None = None
    for row in connection.execution_options(yield_per=_AT_ONCE).execute(query).mappings():
        judges = row["judge_values"]
        if judges is None:  # written by an older version
            old = _read_old_scores(connection, run["id"]) if old is None else old
            judges = old.get(row["id"], {})
        yield _result_of(run, row, judges, with_texts=with_texts)


def _read_old_scores(connection: Connection, run_id: str) -> Mapping[int, Mapping[str, float]]:
    query = (
        select(scores.c.result_id, scores.c.judge, scores.c.value)
        .join(case_results)
        .where(case_results.c.run_id == run_id, scores.c.trial == OVER_TRIALS)
    )
    found: defaultdict[int, dict[str, float]] = defaultdict(dict)
    for result_id, judge, value in connection.execute(query):
        found[result_id][judge] = value
    return found


def _result_of(run: RowMapping, row: RowMapping, judges: Mapping[str, float], *, with_texts: bool) -> ResultRow:
    result: ResultRow = {
        "run": run["id"],
        "started_at": run["started_at"],
        "status": run["status"],
        "kind": run["kind"],
        "run_name": run["name"],
        "branch": run["git_branch"],
        "commit": run["git_commit"],
        "is_dirty": run["git_is_dirty"],
        "file": row["file"],
        "name": row["name"],
        "case": row["case_id"],
        "place": f"{row['path']}:{row['line']}",
        "model": row["model"],
        "prompt_name": row["prompt_name"],
        "prompt_hash": row["prompt_hash"] or None,
        "case_fingerprint": row["case_fingerprint"],
        "fingerprint": row["fingerprint"],
        "group": row["case_group"],
        "tags": row["tags"],
        "weight": row["weight"],
        "score": row["score"],
        "passed": row["passed"],
        "judges": dict(judges),
        "trial_scores": row["trial_scores"],
        "error_kind": row["error_kind"],
        "error": row["error_message"],
        "responses": row["responses"],
        "latency": row["latency"],
        "cost": row["cost"],
        "spent": row["spent"],
        "input_tokens": row["input_tokens"],
        "output_tokens": row["output_tokens"],
        "output_length": row["output_length"],
        "judge_calls": row["judge_calls"],
        "reused_from": row["reused_from"],
    }
    return result | _texts_of(row) if with_texts else result


def _texts_of(row: RowMapping) -> ResultRow:
    prompt = row["prompt"]
    messages = prompt.get("messages") if isinstance(prompt, Mapping) else None
    return {
        "prompt": messages if isinstance(messages, list) else None,
        "expected": row["expected"],
        "outputs": texts_of(row["trials"]),
    }
