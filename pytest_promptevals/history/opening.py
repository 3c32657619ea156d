"""The history that a setting, or a place, names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history.history_file import HistoryFile
from pytest_promptevals.history.place import OFF, Place, PostgresPlace, locate_history
from pytest_promptevals.history.run_history import RunHistory

if TYPE_CHECKING:
    from pytest_promptevals.history.store import HistoryStore


def open_history(rootdir: Path, setting: str) -> HistoryStore:
    """Open the history that the setting ``evals_history`` names, to be looked through and added to.

    Close it, or use it as a context manager. Raises ``HistoryError`` if there is none, or if it cannot be opened.
    """
    from pytest_promptevals.history.store import HistoryStore  # noqa: PLC0415 - loads SQLAlchemy, 0.25 s

    if setting == OFF:
        raise HistoryError("no history is kept: 'evals_history' is off; name a file or a database there")
    return HistoryStore.open(locate_history(rootdir, setting))


def open_run_history(place: Place, patience: float) -> RunHistory:
    """Open the history for a run: its tables are made if need be, and brought up to date.

    ``patience`` is how many seconds opening, and each write, waits for other processes. Raises ``HistoryError``.
    """
    if isinstance(place, PostgresPlace):
        from pytest_promptevals.history.postgres_history import PostgresHistory  # noqa: PLC0415 - only where it is used

        return PostgresHistory.open(place, patience)
    return HistoryFile.open(place, patience)
