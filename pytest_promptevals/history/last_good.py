"""The last results of an eval file that were not red: what a run is compared with where no baseline is committed."""

from __future__ import annotations

from pathlib import Path

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history.database import WAY_OUT
from pytest_promptevals.history.good_cases import WantedItems, read_good_cases
from pytest_promptevals.history.opening import open_run_history
from pytest_promptevals.history.peek import ask
from pytest_promptevals.history.place import Place
from pytest_promptevals.history.run_history import PATIENCE
from pytest_promptevals.records.comparisons import BaselineCase


def explain_foreign(place: Place, file: str, error: Exception) -> str:
    """Return what to say of a database in which somebody else wrote what this package cannot read."""
    return (
        f"history database {place}: its results of {file} cannot be read ({error}), somebody else has changed them; "
        f"choose another place with 'evals_history', {WAY_OUT}"
    )


def read_last_good(place: Place, wanted: WantedItems) -> tuple[BaselineCase, ...]:
    """Return the last results of those items of an eval file that were not red, sorted by name.

    Each item has its newest score from the finished runs in which no gate of the file found a change that is too large,
    or let it pass as one that may be chance, and the one on the mean score did not fail otherwise. What regate, rejudge
    and attribution record are no such runs, nor are those of what had failed before. One that was compared with a run
    that was named for it, or with nothing, counts for items that no other run has. There are none without a history.
    Raises ``HistoryError`` if the database cannot be read, or had to be put aside.
    """
    if isinstance(place, Path) and not place.exists():
        return ()
    found = ask(place, lambda connection: read_good_cases(connection, wanted))
    if found is not None:
        return found
    history = open_run_history(place, PATIENCE)  # to bring it up to date, or to learn why it cannot be read
    try:
        if history.notice is not None:
            raise HistoryError(history.notice)
        return history.last_good(wanted)
    except (LookupError, TypeError, ValueError) as error:
        raise HistoryError(explain_foreign(place, wanted.file, error)) from error
    finally:
        history.close()
