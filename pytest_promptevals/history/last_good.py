"""The last results of an eval file that were not red: what a run is compared with where no baseline is committed."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history.good_cases import read_good_cases
from pytest_promptevals.history.opening import open_run_history
from pytest_promptevals.history.peek import ask
from pytest_promptevals.history.place import Place
from pytest_promptevals.history.run_history import PATIENCE
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.partial import MAX_LEVEL


def read_last_good(
    place: Place, file: str, names: Collection[str], level: int = MAX_LEVEL, whole: Collection[str] = ()
) -> tuple[BaselineCase, ...]:
    """Return the last results of those items of an eval file that were not red, sorted by name.

    Each item has its newest score from the finished runs in which the file's ``score`` gate did not fail; scores that
    only a part of the judges gave count for runs of the same ``level``. Outputs are shortened, but for those
    of the items that ``whole`` names. There are none without a history. Raises ``HistoryError`` if the database cannot
    be read, or had to be put aside.
    """
    if isinstance(place, Path) and not place.exists():
        return ()
    found = ask(place, lambda connection: read_good_cases(connection, file, names, level, whole))
    if found is not None:
        return found
    history = open_run_history(place, PATIENCE)  # to bring it up to date, or to learn why it cannot be read
    try:
        if history.notice is not None:
            raise HistoryError(history.notice)
        return history.last_good(file, names, level, whole)
    finally:
        history.close()
