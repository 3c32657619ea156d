"""Results that the history database did not take: kept in a text file beside it until a later run adds them."""

from __future__ import annotations

import glob
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from pytest_promptevals.errors import CodecError, HistoryError
from pytest_promptevals.history.run_history import RunHistory
from pytest_promptevals.history.unfinished import is_abandoned
from pytest_promptevals.records.codec import decode, encode
from pytest_promptevals.records.comparisons import Comparison
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run

STALE_SECONDS: Final = 3600.0
"""Seconds without a change after which another machine's file counts as left behind."""

_PART: Final = ".part"
"""Ends the name of a file while its run is under way."""
_BATCH: Final = 200

_Line: TypeAlias = Run | CaseResult | Comparison
_LINES: Final[tuple[type[_Line], ...]] = (CaseResult, Comparison, Run)


class UnsavedRun:
    """A run in a text file beside the history: its beginning, its results and its end, a record a line.

    Every method raises ``OSError`` if the file cannot be written, and ``CodecError`` for what cannot be stored.
    """

    def __init__(self, beside: Path, run: Run) -> None:
        """Begin the file of a run that is recorded by this process; its name begins with ``beside``."""
        self.path: Final = beside.with_name(f"{beside.name}.unsaved-{run.id}.jsonl")
        """Its name when the run has ended."""
        self._part: Final = self.path.with_name(self.path.name + _PART)
        self._write([run])

    def add_results(self, run_id: str, results: Iterable[CaseResult]) -> None:
        """Keep results of the run, all or none."""
        del run_id
        self._write(results)

    def finish_run(self, run: Run, comparisons: Sequence[Comparison]) -> None:
        """Keep how the run ended, and what its comparisons say."""
        self._write([*comparisons, run])

    def close(self) -> None:
        """Give the file the name under which a later run finds it."""
        self._part.replace(self.path)

    def _write(self, records: Iterable[object]) -> None:
        text = "".join(encode(record) + "\n" for record in records)
        # The escape of a lone surrogate is also its escape in JSON, so that it is read back as it was.
        with self._part.open("ab") as file:
            file.write(text.encode("utf-8", "backslashreplace"))


def add_unsaved_runs(history: RunHistory) -> list[str]:
    """Add the runs of all files beside the history that nobody writes any more, and delete those files.

    Returns what the user should know. A file that cannot be added now stays for the next run.
    """
    notices: list[str] = []
    pattern = f"{glob.escape(history.beside.name)}.unsaved-*.jsonl"
    paths = [path for end in ("", _PART) for path in history.beside.parent.glob(pattern + end)]
    for path in sorted(paths):
        try:
            notices += _add_file(history, path)
        except (HistoryError, OSError) as error:
            notices.append(f"{path.name} could not be added to the history: {error}")
    return notices


def _add_file(history: RunHistory, path: Path) -> list[str]:
    unreadable: list[str] = []
    records = _read_records(path, unreadable)
    run = next(records, None)
    if not isinstance(run, Run) or (path.suffix == _PART and not _is_left_behind(path, run)):
        return []
    history.restore_run(run)
    _add_records(history, run, records)
    if not unreadable:
        path.unlink(missing_ok=True)
        return []
    kept = path.rename(path.with_name(f"{path.name}.corrupt"))
    return [
        f"{path.name} is damaged in {len(unreadable)} places; it is kept as {kept.name}, the rest is in the history"
    ]


def _is_left_behind(path: Path, run: Run) -> bool:
    return is_abandoned(run.host, run.pid) or time.time() - path.stat().st_mtime > STALE_SECONDS


def _add_records(history: RunHistory, run: Run, records: Iterator[_Line]) -> None:
    results: list[CaseResult] = []
    comparisons: list[Comparison] = []
    for record in records:
        if isinstance(record, CaseResult):
            results.append(record)
        elif isinstance(record, Comparison):
            comparisons.append(record)
        if len(results) == _BATCH or isinstance(record, Run):
            history.add_results(run.id, results)
            results.clear()
        if isinstance(record, Run):
            history.finish_run(record, comparisons)
    history.add_results(run.id, results)


def _read_records(path: Path, unreadable: list[str]) -> Iterator[_Line]:
    """Yield the records of a file; lines that are none go to ``unreadable``, but for a last one that was cut off."""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        for line in file:
            try:
                yield _read_line(line)
            except CodecError:
                if line.endswith("\n"):
                    unreadable.append(line)


def _read_line(line: str) -> _Line:
    for record in _LINES:
        if line.endswith(f'"type":{json.dumps(record.__name__)}}}\n'):
            return decode(record, line)
    raise CodecError("not the line of a record")
