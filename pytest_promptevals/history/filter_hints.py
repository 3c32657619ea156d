"""Why a filter leaves no run, and what could have been meant."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, Select, Text, select, type_coerce, union

from pytest_promptevals.errors import did_you_mean
from pytest_promptevals.history.run_ids import listed
from pytest_promptevals.history.run_queries import filter_conditions
from pytest_promptevals.history.tables import case_results, comparisons, run_files, runs
from pytest_promptevals.records.run_filters import RunFilter

_NEWEST_FIRST: Final = (runs.c.started_at.desc(), runs.c.id.desc())
_LOOKED_AT: Final = 20
"""Newest runs whose tags and commits are known ones."""
_COMMIT: Final = 7
_MINUTE: Final = len("2026-11-20T14:30")
_Known: TypeAlias = Callable[[Connection], Sequence[str]]


def why_none(connection: Connection, wanted: RunFilter) -> str:
    """Return a sentence for each part of a filter that fits no run, or that no run fits all of them.

    Each names what is known. A filter that some run fits gets an empty text.
    """
    if not _has_any(connection, RunFilter()):
        return "the history has no runs yet; run pytest first"
    if _has_any(connection, wanted):
        return ""
    given = [field.name for field in fields(wanted) if getattr(wanted, field.name) is not None]
    alone = [name for name in given if not _has_any(connection, RunFilter(**{name: getattr(wanted, name)}))]
    if not alone:
        return f"there are runs for each of {_joined(given)}, but none for all of them"
    return " ".join(_reason(connection, name, getattr(wanted, name)) for name in alone)


def _has_any(connection: Connection, wanted: RunFilter) -> bool:
    return connection.scalar(select(runs.c.id).where(*filter_conditions(wanted)).limit(1)) is not None


def _joined(names: Sequence[str]) -> str:
    options = list(dict.fromkeys(f"--{'status' if name == 'verdict' else name}" for name in names))
    return f"{', '.join(options[:-1])} and {options[-1]}" if len(options) > 1 else options[0]


def _reason(connection: Connection, name: str, value: Any) -> str:
    if name in _TIMES:
        words, order = _TIMES[name]
        began = connection.scalar(select(runs.c.started_at).order_by(order).limit(1))
        return f"{words.format(value[:_MINUTE], str(began)[:_MINUTE])} (UTC)."
    if name in _STATES:
        return f"{_STATES[name].format(value.value)}."
    words, known = _TEXTS[name]
    return f"{words} {value!r}.{_hint(value, known(connection))}"


def _hint(text: str, known: Sequence[str]) -> str:
    close = did_you_mean(text, known)
    if "Did you mean" in close or not known:
        return close
    return f" Known: {listed(known)}."


def _distinct(column: ColumnElement[Any]) -> _Known:
    query = select(column).where(column.is_not(None)).distinct().order_by(column)
    return lambda connection: list(connection.scalars(query))


def _files(connection: Connection) -> Sequence[str]:
    return sorted(connection.scalars(union(select(run_files.c.file), select(comparisons.c.file))))


def _commits(connection: Connection) -> Sequence[str]:
    query = select(runs.c.git_commit).where(runs.c.git_commit.is_not(None)).order_by(*_NEWEST_FIRST).limit(_LOOKED_AT)
    return list(dict.fromkeys(commit[:_COMMIT] for commit in connection.scalars(query)))


def _models(connection: Connection) -> Sequence[str]:
    return _members(connection, select(type_coerce(run_files.c.models, Text)).distinct())


def _tags(connection: Connection) -> Sequence[str]:
    newest = select(runs.c.id).order_by(*_NEWEST_FIRST).limit(_LOOKED_AT).subquery()
    of_newest = case_results.c.run_id.in_(select(newest.c.id))
    return _members(connection, select(type_coerce(case_results.c.tags, Text)).where(of_newest).distinct())


def _members(connection: Connection, query: Select[Any]) -> Sequence[str]:
    """Return the members of all lists, or the keys of all objects, that a query finds."""
    return sorted({member for text in connection.scalars(query) for member in _strings(json.loads(text))})


def _strings(members: Collection[Any]) -> Iterator[str]:
    return (member for member in members if isinstance(member, str))


_TEXTS: Final[Mapping[str, tuple[str, _Known]]] = {
    "file": ("no run has results of", _files),
    "branch": ("no run was made on branch", _distinct(runs.c.git_branch)),
    "commit": ("no run was made at a commit that begins with", _commits),
    "model": ("no run asked the model", _models),
    "tag": ("no run has a case with the tag", _tags),
    "name": ("no run is saved as", _distinct(runs.c.name)),
}
_TIMES: Final = {
    "since": ("no run began at {} or later: the newest began at {}", runs.c.started_at.desc()),
    "until": ("no run began before {}: the oldest began at {}", runs.c.started_at),
}
_STATES: Final = {
    "status": "no run is {}",
    "verdict": "no run came to the verdict {}",
    "kind": "no run is of the kind {}",
}
"""What is said of values that an option lets through only if it knows them."""
