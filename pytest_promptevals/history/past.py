"""What the history has of single cases, asked when one of them failed or got worse. No answer is never an error.

An SQLite file is opened for each question, which takes a millisecond or two; the connection to a server is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_promptevals.errors import CodecError, HistoryError
from pytest_promptevals.history.connecting import SqlConnection
from pytest_promptevals.history.peek import PATIENCE, ask
from pytest_promptevals.history.place import OFF, PostgresPlace, locate_history
from pytest_promptevals.history.postgres_connection import PostgresConnection, connect
from pytest_promptevals.history.postgres_database import explaining
from pytest_promptevals.history.stored import store_text
from pytest_promptevals.records.codec import from_plain
from pytest_promptevals.records.past import RunTrials
from pytest_promptevals.records.responses import RenderedPrompt
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import RunFile

MOST_RUNS: Final = 100
"""Runs of a case that are looked at, the newest ones: older trials say little of the model of today."""

# Which results are the newest, an index tells by itself: a row that is read costs more than all its others.
# The output that stands in a file is no part of the fingerprint: with it, the outcome changes.
_TRIALS: Final = f"""
    SELECT fingerprint, fresh_trials, fresh_passes FROM case_results JOIN runs ON runs.id = run_id
    WHERE case_results.id IN (
        SELECT id FROM case_results WHERE file = ? AND name = ? ORDER BY id DESC LIMIT {MOST_RUNS}
    )
    AND case_fingerprint = ? AND fresh_trials > 0 AND model <> 'recorded' AND runs.kind IN ('run', 'attribute')
    ORDER BY runs.started_at, run_id
"""  # noqa: S608 - a constant

_ORIGIN: Final = """
    SELECT run_id FROM case_results
    WHERE file = ? AND name = ? AND fingerprint = ? AND run_id <> ?
    ORDER BY run_id DESC LIMIT 1
"""
_RUN_FILE: Final = """
    SELECT dataset_version, cases, prompts, models, parameters, judges, versions, git_commit, git_is_dirty
    FROM run_files JOIN runs ON runs.id = run_id WHERE run_id = ? AND file = ?
"""
_PROMPT: Final = """
    SELECT prompt FROM case_results
    WHERE file = ? AND name = ? AND fingerprint = ? AND prompt IS NOT NULL
    ORDER BY run_id DESC LIMIT 1
"""
_WEIGHTS: Final = "SELECT name, weight FROM case_results WHERE run_id = ? AND file = ?"
LOOKED_AT: Final = 30
"""The newest runs, in which earlier scores are looked for: a trend is worth a few milliseconds."""
# The wide columns of a comparison stand behind those that are read.
_SCORES: Final = f"""
    SELECT comparisons.run_id, comparisons.file, comparisons.cases, comparisons.mean_score, run_files.judges
    FROM comparisons JOIN runs ON runs.id = comparisons.run_id
    JOIN run_files ON run_files.run_id = comparisons.run_id AND run_files.file = comparisons.file
    WHERE comparisons.run_id IN (
        SELECT id FROM runs WHERE status = 'finished' AND kind = 'run' ORDER BY id DESC LIMIT {LOOKED_AT}
    )
    ORDER BY started_at DESC, comparisons.run_id DESC
"""  # noqa: S608 - a constant
_TEXT: Final = "SELECT text FROM contents WHERE hash = ?"


@dataclass(frozen=True, slots=True)
class PastFile:
    """What made the results of an eval file in an earlier run."""

    file: RunFile
    """Its prompts, models, parameters and judges."""
    versions: Mapping[str, str]
    """Versions of Python and of packages."""
    commit: str | None
    """Commit that was checked out, without any change since; ``None`` if it is not known."""


class Past:
    """Answers from the history that the setting ``evals_history`` names.

    Args:
        rootdir: root of the project.
        setting: the setting.
    """

    def __init__(self, rootdir: Path, setting: str) -> None:
        self._rootdir = rootdir
        self._setting = setting
        self._server: PostgresConnection | None = None
        self._is_silent = setting == OFF

    def trials_of(self, result: CaseResult) -> tuple[RunTrials, ...]:
        """Return the fresh trials of the same case, judged alike, in the newest runs, oldest first."""
        rows = self._ask(_TRIALS, result.file, result.name, result.case_fingerprint)
        return tuple(RunTrials(row["fingerprint"], row["fresh_trials"], row["fresh_passes"]) for row in rows)

    def find_run(self, file: str, name: str, fingerprint: str, *, but: str) -> str | None:
        """Return the newest run, ``but`` one, that has a result of that item with that fingerprint."""
        rows = self._ask(_ORIGIN, file, name, fingerprint, but)
        return rows[0]["run_id"] if rows else None

    def file_of(self, run: str, file: str) -> PastFile | None:
        """Return what made the results of an eval file in a run; ``None`` if that was not recorded."""
        for row in self._ask(_RUN_FILE, run, file):
            if not row["dataset_version"]:  # a worker that crashed has not said what it knew
                return None
            maps = {name: json.loads(row[name]) for name in ("prompts", "models", "parameters", "judges")}
            described = RunFile(file, row["dataset_version"], row["cases"], **maps)
            return PastFile(described, json.loads(row["versions"]), None if row["git_is_dirty"] else row["git_commit"])
        return None

    def weights_of(self, run: str, file: str) -> dict[str, float]:
        """Return the weights that the cases of an eval file had in a run, by the item's name."""
        rows = self._ask(_WEIGHTS, run, file)
        return {row["name"]: row["weight"] for row in rows if isinstance(row["weight"], float)}

    def scores_before(self, run: str, most: int) -> dict[str, list[float]]:
        """Return the mean scores that the eval files of a finished run had in the newest runs but this, oldest first.

        Runs of fewer or more cases of the file are left out, and those with other judges: their scores mean something
        else. ``most`` is how many scores of each eval file there are at most.
        """
        rows = self._ask(_SCORES)
        now = {row["file"]: (row["cases"], row["judges"]) for row in rows if row["run_id"] == run}
        scores: dict[str, list[float]] = {}
        for row in rows:
            is_alike = now.get(row["file"]) == (row["cases"], row["judges"])
            if is_alike and row["run_id"] != run and isinstance(row["mean_score"], float):
                scores.setdefault(row["file"], []).append(row["mean_score"])
        return {file: found[:most][::-1] for file, found in scores.items()}

    def prompt_of(self, file: str, name: str, fingerprint: str) -> RenderedPrompt | None:
        """Return what was asked for an item with that fingerprint; ``None`` if that was not recorded."""
        rows = self._ask(_PROMPT, file, name, fingerprint)
        try:
            return from_plain(RenderedPrompt, json.loads(rows[0]["prompt"])) if rows else None
        except CodecError:  # of another version
            return None

    def text_of(self, content: str) -> str | None:
        """Return the text with that content hash; ``None`` if it is not known."""
        rows = self._ask(_TEXT, content)
        return rows[0]["text"] if rows else None

    def close(self) -> None:
        """Let go of the database."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _ask(self, query: str, *values: str) -> Sequence[Mapping[str, Any]]:
        if self._is_silent:
            return ()
        stored = tuple(map(store_text, values))
        place = locate_history(self._rootdir, self._setting)
        if isinstance(place, PostgresPlace):
            return self._ask_server(place, query, stored)
        return ask(place, lambda connection: _fetch(connection, query, stored)) or ()

    def _ask_server(self, place: PostgresPlace, query: str, values: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        try:
            with explaining(place):
                if self._server is None:
                    self._server = connect(place, PATIENCE)
                return _fetch(self._server, query, values)
        except HistoryError:
            self._is_silent = True  # what is wrong with it is said when the run is recorded
            return ()


def _fetch(connection: SqlConnection, query: str, values: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    return [dict(row) for row in connection.execute(query, values)]
