"""Baselines that are runs of the history: ``--evals-baseline`` with anything else than ``file``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_promptevals.errors import HistoryError, PromptEvalsError, UsageError
from pytest_promptevals.history.last_good import explain_foreign
from pytest_promptevals.history.place import OFF, locate_history
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.settings import Settings

if TYPE_CHECKING:
    from pytest_promptevals.history.references import Reference
    from pytest_promptevals.history.store import HistoryStore


@dataclass(frozen=True, slots=True)
class FoundRun:
    """What a run keeps of an eval file."""

    label: str
    """What to call it in a report."""
    run: str
    """Its id."""
    cases: tuple[BaselineCase, ...]
    """Its cases, sorted by name."""


class ReferredRuns:
    """Looks a reference up in the history, at the first use: that loads SQLAlchemy.

    Args:
        rootdir: root of the project.
        settings: the settings of the session; ``baseline`` is not ``file``.
        asked_at: returns when the outputs were asked for that the session reuses, empty where it reuses none.
    """

    def __init__(self, rootdir: Path, settings: Settings, asked_at: Callable[[], str] = str) -> None:
        self._asked_at = asked_at
        self._rootdir = rootdir
        self._settings = settings
        self._reference: Reference | None = None
        self._problem: UsageError | None = None
        self.notices: list[str] = []

    def check(self) -> None:
        """Find what the reference stands for. Raises ``UsageError`` if that is not known."""
        if self._problem is not None:  # a server that is away is not waited for again
            raise self._problem
        if self._reference is not None:
            return
        source = self._settings.source_of("baseline")
        try:
            self._reference = self._look_up()
        except PromptEvalsError as error:
            self._problem = UsageError(f"{source} {self._settings.baseline}: {error}")
            raise self._problem from error
        if self._reference.notice:
            self.notices.append(f"{source} {self._settings.baseline}: {self._reference.notice}")

    def find(self, file: str, whole: Collection[str]) -> FoundRun | None:
        """Return what the history keeps of an eval file, ``None`` if nothing.

        ``whole`` names the items whose outputs are not shortened. Raises ``UsageError`` for a reference that is not
        known, and ``HistoryError``.
        """
        from pytest_promptevals.history.reference_cases import describe_runs, read_cases, runs_of_file  # noqa: PLC0415 - loads SQLAlchemy

        self.check()
        if self._reference is None or not self._reference.runs:
            return None
        reference = self._reference.as_of(self._asked_at())
        level = self._settings.judged_level
        with self._open() as history, history.reading() as connection:
            chosen = runs_of_file(connection, reference, file, level, passes_over_drops=reference.is_moving)
            if chosen:
                label = describe_runs(connection, chosen, file)
                with self._explaining(file):
                    return FoundRun(label, chosen[0].id, read_cases(connection, chosen, file, level, whole))
        self.notices.append(f"{file}: {self._settings.baseline} has no scores of it, so nothing to compare with")
        return None

    @contextlib.contextmanager
    def _explaining(self, file: str) -> Iterator[None]:
        try:
            yield
        except (LookupError, TypeError, ValueError) as error:
            place = locate_history(self._rootdir, self._settings.history)
            raise HistoryError(explain_foreign(place, file, error)) from error

    def _look_up(self) -> Reference:
        if self._settings.history == OFF:
            raise UsageError("there is no history to look it up in, for 'evals_history' is off")
        from pytest_promptevals.history.references import find_reference  # noqa: PLC0415 - loads SQLAlchemy

        with self._open() as history, history.reading() as connection:
            return find_reference(connection, self._settings.baseline, self._rootdir)

    def _open(self) -> HistoryStore:
        from pytest_promptevals.history.opening import open_history  # noqa: PLC0415 - loads SQLAlchemy

        history = open_history(self._rootdir, self._settings.history)
        if history.notice is not None and history.notice not in self.notices:
            self.notices.append(history.notice)
        return history
