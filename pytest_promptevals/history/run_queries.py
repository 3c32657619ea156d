"""Questions about the runs of the history: which there are, and what a list says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Text, and_, exists, func, or_, select, type_coerce

from pytest_promptevals.errors import UsageError, did_you_mean
from pytest_promptevals.history.rows import run_from_row
from pytest_promptevals.history.run_ids import SHOWN, begins_with, several_runs, unknown_run
from pytest_promptevals.history.stored import store_json
from pytest_promptevals.history.tables import case_results, comparisons, gates, run_files, runs
from pytest_promptevals.records.comparisons import WORST_FIRST, Verdict
from pytest_promptevals.records.references import LATEST, NAME, RUN, split_reference
from pytest_promptevals.records.run_filters import RunFilter, RunSummary
from pytest_promptevals.records.runs import RunKind, RunStatus

_EMPTY: Final = "there are no runs in the history yet; run pytest first"
_NEWEST_FIRST: Final = (runs.c.started_at.desc(), runs.c.id.desc())
_ORDER: Final = tuple(verdict.value for verdict in WORST_FIRST)
_NOTHING: Final[dict[str, Any]] = {"files": 0, "cases": 0}
_PARTS_OF_OTHERS: Final = (RunKind.ATTRIBUTE.value, RunKind.SHARD.value)
"""Kinds of runs that are a part of another one, or of its answer."""


def list_runs(connection: Connection, wanted: RunFilter, limit: int | None = None) -> tuple[RunSummary, ...]:
    """Return the newest of the wanted runs, newest first; all of them without a limit."""
    query = select(runs).where(*filter_conditions(wanted)).order_by(*_NEWEST_FIRST).limit(limit)
    ids = select(query.with_only_columns(runs.c.id).subquery().c.id)
    numbers = _read_counts(connection, ids) | _read_numbers(connection, ids)
    verdicts = _read_verdicts(connection, ids)
    return tuple(
        RunSummary(run, **numbers.get(run.id, _NOTHING), verdicts=verdicts.get(run.id, ()))
        for run in map(run_from_row, connection.execute(query).mappings())
    )


def filter_conditions(wanted: RunFilter) -> list[ColumnElement[bool]]:
    """Return the conditions on ``tables.runs`` that a filter means."""
    conditions: list[ColumnElement[bool]] = []
    equal = {"git_branch": wanted.branch, "name": wanted.name}
    equal |= {"status": wanted.status and wanted.status.value, "kind": wanted.kind and wanted.kind.value}
    conditions += [runs.c[column] == value for column, value in equal.items() if value is not None]
    if wanted.commit is not None:
        conditions.append(runs.c.git_commit.startswith(wanted.commit, autoescape=True))
    if wanted.since is not None:
        conditions.append(runs.c.started_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(runs.c.started_at < wanted.until)
    if wanted.file is not None:
        conditions.append(_has_file(wanted.file))
    if wanted.verdict is not None:
        conditions += _came_to(wanted.verdict)
    if wanted.model is not None:
        conditions.append(_has_model(wanted.model))
    if wanted.tag is not None:
        conditions.append(_has_result(_contains(case_results.c.tags, store_json(wanted.tag))))
    return conditions


def result_conditions(wanted: RunFilter) -> list[ColumnElement[bool]]:
    """Return the conditions on ``tables.case_results`` that a filter means, where single results are wanted."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.file is not None:
        conditions.append(_is_file(case_results.c.file, wanted.file))
    if wanted.model is not None:
        column = case_results.c.model
        conditions.append(or_(column == wanted.model, column.endswith(f"/{wanted.model}", autoescape=True)))
    if wanted.tag is not None:
        conditions.append(_contains(case_results.c.tags, store_json(wanted.tag)))
    return conditions


def find_run(connection: Connection, text: str) -> str:
    """Return the id of the run that a text means: ``latest``, an id or the beginning of one, or a saved name.

    ``run:`` and ``name:`` in front tell which is meant. The newest run of a name counts. Raises ``UsageError`` for a
    text that means none, or several.
    """
    if text == LATEST:
        return _find_latest(connection)
    prefix, rest = split_reference(text)
    if prefix not in ("", RUN, NAME):
        prefix, rest = "", text
    if prefix != RUN:
        named = connection.scalar(select(runs.c.id).where(runs.c.name == rest).order_by(*_NEWEST_FIRST).limit(1))
        if named is not None:
            return str(named)
    found = _find_ids(connection, rest) if prefix != NAME else []
    if rest in found:
        return rest
    if len(found) > 1:
        raise several_runs(rest, found)
    if not found:
        raise _no_run(connection, rest, prefix)
    return found[0]


def _find_latest(connection: Connection) -> str:
    own = runs.c.kind.not_in(_PARTS_OF_OTHERS)
    newest = connection.scalar(select(runs.c.id).where(own).order_by(*_NEWEST_FIRST).limit(1))
    if newest is None:
        raise UsageError(_EMPTY)
    return str(newest)


def _find_ids(connection: Connection, text: str) -> list[str]:
    query = select(runs.c.id).where(begins_with(text)).order_by(*_NEWEST_FIRST)
    return list(connection.scalars(query)) if text else []


def find_file(connection: Connection, text: str) -> str:
    """Return the eval file of the history that a text means: its path from the rootdir, or the end of one.

    Raises ``UsageError`` for a text that means none, or several.
    """
    known = sorted(set(connection.scalars(select(run_files.c.file).distinct())))
    if text in known:
        return text
    found = [file for file in known if file.endswith(f"/{text}") or file.startswith(f"{text}::")]
    if len(found) == 1:
        return str(found[0])
    if found:
        raise UsageError(f"{text!r} means several files of the history: {', '.join(found)}; write the whole path")
    if not known:
        raise UsageError("the history knows no eval files yet; run pytest first")
    raise UsageError(f"the history has no run of {text!r}.{did_you_mean(text, known)}")


def _no_run(connection: Connection, text: str, prefix: str) -> UsageError:
    newest = list(connection.scalars(select(runs.c.id).order_by(*_NEWEST_FIRST).limit(SHOWN)))
    if not newest:
        return UsageError(_EMPTY)
    names = select(runs.c.name).where(runs.c.name.is_not(None)).distinct().order_by(runs.c.name)
    known = {"names": list(connection.scalars(names))}
    return unknown_run(text, prefix or "run or saved name", newest, known, () if prefix else (LATEST,))


def _came_to(verdict: Verdict) -> Sequence[ColumnElement[bool]]:
    """Return what holds for runs of which that is the worst verdict."""
    worse = _ORDER[: WORST_FIRST.index(verdict)]
    of_run = gates.c.run_id == runs.c.id
    return (
        runs.c.status == RunStatus.FINISHED.value,
        exists().where(of_run, gates.c.verdict == verdict.value),
        ~exists().where(of_run, gates.c.verdict.in_(worse)),
    )


def _has_result(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(case_results.c.run_id == runs.c.id, condition)


def _has_file(file: str) -> ColumnElement[bool]:
    """Return whether a run has results of a file; one that did not end yet has nothing but its results to tell."""
    compared = exists().where(comparisons.c.run_id == runs.c.id, _is_file(comparisons.c.file, file))
    return or_(compared, and_(~_has_end(), _has_result(_is_file(case_results.c.file, file))))


def _has_end() -> ColumnElement[bool]:
    return exists().where(comparisons.c.run_id == runs.c.id)


def _is_file(column: ColumnElement[Any], file: str) -> ColumnElement[bool]:
    return or_(
        column == file,
        column.endswith(f"/{file}", autoescape=True),
        column.startswith(f"{file}::", autoescape=True),
    )


def _has_model(model: str) -> ColumnElement[bool]:
    """Return whether a run asked a model; runs of older versions have only their results to tell."""
    described = exists().where(run_files.c.run_id == runs.c.id)
    text = store_json(model)
    named = or_(_contains(run_files.c.models, text), _contains(run_files.c.models, f"/{text[1:]}"))
    asked = exists().where(run_files.c.run_id == runs.c.id, named)
    column = case_results.c.model
    return or_(
        asked, and_(~described, _has_result(or_(column == model, column.endswith(f"/{model}", autoescape=True))))
    )


def _contains(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return type_coerce(column, Text).contains(text, autoescape=True)


def _read_numbers(connection: Connection, ids: Select[tuple[str]]) -> dict[str, dict[str, Any]]:
    """Read what the comparisons of ended runs say, by run."""
    table = comparisons.c
    scored = table.cases - table.errors
    query = (
        select(
            table.run_id,
            func.count(),
            func.sum(table.cases),
            func.sum(table.errors),
            func.sum(table.passed),
            func.sum(table.mean_score * scored),
            func.sum(table.pass_rate * scored),
            func.sum(scored),
        )
        .where(table.run_id.in_(ids))
        .group_by(table.run_id)
    )
    return {
        run_id: {
            "files": files,
            "cases": int(cases),
            "errors": int(errors),
            "passed": int(passed),
            "mean_score": score / int(total) if total and score is not None else None,
            "pass_rate": rate / int(total) if total and rate is not None else None,
        }
        for run_id, files, cases, errors, passed, score, rate, total in connection.execute(query)
    }


def _read_counts(connection: Connection, ids: Select[tuple[str]]) -> dict[str, dict[str, Any]]:
    """Count the results of runs that have not ended, by run."""
    running = list(connection.scalars(select(runs.c.id).where(runs.c.id.in_(ids), ~_has_end())))
    table = case_results.c
    query = (
        select(table.run_id, func.count(table.file.distinct()), func.count())
        .where(table.run_id.in_(running))
        .group_by(table.run_id)
    )
    found = connection.execute(query) if running else ()
    return {run_id: {"files": files, "cases": cases} for run_id, files, cases in found}


def _read_verdicts(connection: Connection, ids: Select[tuple[str]]) -> dict[str, tuple[str, ...]]:
    table = gates.c
    query = select(table.run_id, table.verdict).where(table.run_id.in_(ids)).distinct()
    found: dict[str, set[str]] = {}
    for run_id, verdict in connection.execute(query):
        found.setdefault(run_id, set()).add(verdict)
    return {run_id: _put_in_order(verdicts) for run_id, verdicts in found.items()}


def _put_in_order(verdicts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(verdicts, key=lambda verdict: _ORDER.index(verdict) if verdict in _ORDER else len(_ORDER)))
