"""What models answered to single cases of recorded runs.

What is stored of them may be of somebody else, who edited the database: then it is not known.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Dialect, Text, select, type_coerce
from sqlalchemy.types import TypeDecorator

from pytest_promptevals.history.tables import case_results


class _ForeignJson(TypeDecorator[Any]):
    """What is stored as JSON, ``None`` if it is none."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Return the value of what is stored."""
        del dialect
        try:
            return None if value is None else json.loads(value)
        except ValueError:
            return None


def as_foreign(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """Return a column of JSON under that name, whose value is ``None`` where it cannot be read."""
    return type_coerce(column, _ForeignJson).label(name)


def read_outputs(connection: Connection, ids: Sequence[str], file: str, names: Collection[str]) -> dict[str, str]:
    """Return the text of the first response to each of some items of an eval file, by the item's name.

    Args:
        connection: to the history.
        ids: of the runs that are looked into; the first one that has an item counts.
        file: the eval file.
        names: of the items. Those without a response are left out of what is returned.
    """
    table = case_results.c
    query = select(table.run_id, table.name, as_foreign(table.trials, "trials")).where(
        table.run_id.in_(ids), table.file == file, table.name.in_(names)
    )
    rows = sorted(connection.execute(query), key=lambda row: ids.index(row.run_id), reverse=True)
    return {row.name: text for row in rows if (text := _first_text(row.trials)) is not None}


def _first_text(trials: object) -> str | None:
    return next((text for text in texts_of(trials) if text is not None), None)


def texts_of(trials: object) -> list[str | None]:
    """Return the text of the response of each trial that is stored, ``None`` for one without a response."""
    return [_text_of(trial) for trial in trials] if isinstance(trials, list) else []


def _text_of(trial: object) -> str | None:
    response = trial.get("response") if isinstance(trial, Mapping) else None
    text = response.get("text") if isinstance(response, Mapping) else None
    return text if isinstance(text, str) else None
