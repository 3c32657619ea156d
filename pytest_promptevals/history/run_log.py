"""A run as it is written: into the history, or beside it where the database fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from pytest_promptevals.errors import CodecError, HistoryError
from pytest_promptevals.files.own_folder import make_folder
from pytest_promptevals.files.sqlite_files import is_damage
from pytest_promptevals.history.opening import open_run_history
from pytest_promptevals.history.place import Place, path_beside
from pytest_promptevals.history.run_history import PATIENCE, RunHistory
from pytest_promptevals.history.unsaved import UnsavedRun, add_unsaved_runs
from pytest_promptevals.records.comparisons import Comparison
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run

LAST_PATIENCE: Final = 0.5
"""Seconds that the end of a run waits once more for a database that failed before."""

_Sink: TypeAlias = RunHistory | UnsavedRun


class RunLog:
    """Writes one run. It raises nothing of the database's: ``notices`` say what happened, and where the results are.

    Args:
        place: where the history is.
        patience: seconds to wait for other processes before results are kept beside the database.
    """

    def __init__(self, place: Place, patience: float = PATIENCE) -> None:
        self.notices: Final[list[str]] = []
        """What the user should know, one line each."""
        self._place = place
        self._patience = patience
        self._sink: _Sink | None = None
        self._unsaved: UnsavedRun | None = None
        self._problem = ""
        self._is_lossless = True

    def begin(self, run: Run) -> None:
        """Record that the run has begun, or goes on, and add to the history what earlier runs could not."""
        self._run = run
        try:
            history = open_run_history(self._place, self._patience)
            self._sink = history
            self._tell(history.notice)
            history.start_run(run)
        except HistoryError as error:
            self._fall_back(error)
            return
        self._tell(*add_unsaved_runs(history))

    def add(self, results: Sequence[CaseResult]) -> None:
        """Record results of the run."""
        try:
            self._write(lambda sink: sink.add_results(self._run.id, results))
        except CodecError as error:
            if len(results) > 1:  # one of them is no reason to lose the others
                for result in results:
                    self.add([result])
            elif self._is_lossless:
                self._is_lossless = False
                self._tell(f"the result of {results[0].file}::{results[0].name} is not kept: {error}")

    def finish(self, run: Run, comparisons: Sequence[Comparison]) -> None:
        """Record how the run ended."""
        self._write(lambda sink: sink.finish_run(run, comparisons))

    def keep(self, action: Callable[[RunHistory], None]) -> None:
        """Do something with the history, unless it failed: what belongs to it alone is not kept beside it."""
        if isinstance(self._sink, RunHistory):
            try:
                action(self._sink)
            except HistoryError as error:
                self._fall_back(error)

    def close(self) -> None:
        """Let go of the files; what was kept beside the database goes into it, if it takes it by now."""
        self._close_history()
        if self._unsaved is None:
            return
        try:
            self._unsaved.close()
            history = open_run_history(self._place, LAST_PATIENCE)
            self._tell(history.notice)
            add_unsaved_runs(history)
            history.close()
        except HistoryError as error:
            self._problem = self._problem or str(error)
        except OSError as error:
            self._tell(f"{self._unsaved.path.name} cannot be written: {error.strerror}")
        if self._unsaved.path.exists():
            self._tell(
                f"{self._problem}; what is missing there of this run is kept in {self._shown(self._unsaved.path)}, and "
                "the next run adds it"
            )

    def _shown(self, path: Path) -> str:
        """Return the name of a file beside the history; with its folder, where the history is on a server."""
        return path.name if isinstance(self._place, Path) else f"{path.parent.name}/{path.name}"

    def _write(self, action: Callable[[_Sink], None]) -> None:
        if self._sink is None:
            return
        try:
            action(self._sink)
        except HistoryError as error:
            if isinstance(error.__cause__, CodecError):
                raise error.__cause__ from None
            self._fall_back(error)
            self._write(action)
        except OSError as error:
            self._give_up(error)

    def _fall_back(self, error: HistoryError) -> None:
        """Keep the results beside the database if they may go into it some day, else nowhere."""
        self._close_history()
        self._sink = None
        if not error.may_pass:  # another place has to be named: none of it would ever be read
            self._tell(str(error))
            return
        if is_damage(error.__cause__):
            self._tell(str(error))
        self._problem = str(error)
        try:
            path = path_beside(self._place)
            make_folder(path.parent)
            self._sink = self._unsaved = UnsavedRun(path, self._run)
        except OSError as second_error:
            self._give_up(second_error)

    def _give_up(self, error: OSError) -> None:
        self._sink = None
        self._tell(f"{self._problem}; the results cannot be kept beside it either: {error.strerror}")

    def _close_history(self) -> None:
        if isinstance(self._sink, RunHistory):
            self._sink.close()

    def _tell(self, *notices: str | None) -> None:
        self.notices.extend(notice for notice in notices if notice is not None)
