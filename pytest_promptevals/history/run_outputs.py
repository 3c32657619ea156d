"""What models answered to single cases of recorded runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from pytest_promptevals.history.tables import case_results


def read_outputs(connection: Connection, ids: Sequence[str], file: str, names: Collection[str]) -> dict[str, str]:
    """Return the text of the first response to each of some items of an eval file, by the item's name.

    Args:
        connection: to the history.
        ids: of the runs that are looked into; the first one that has an item counts.
        file: the eval file.
        names: of the items. Those without a response are left out of what is returned.
    """
    table = case_results.c
    query = select(table.run_id, table.name, table.trials).where(
        table.run_id.in_(ids), table.file == file, table.name.in_(names)
    )
    rows = sorted(connection.execute(query), key=lambda row: ids.index(row.run_id), reverse=True)
    return {row.name: text for row in rows if (text := _first_text(row.trials)) is not None}


def _first_text(trials: Sequence[Mapping[str, Any]]) -> str | None:
    responses = (trial.get("response") for trial in trials)
    return next((response["text"] for response in responses if response is not None), None)
