"""What a run leaves to be compared with: committed baselines, single cases of them, and its own name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from pytest_promptevals.errors import BaselineError
from pytest_promptevals.history.baselines import merge_baseline, read_baseline, write_baseline
from pytest_promptevals.history.place import OFF
from pytest_promptevals.pytest_glue.accepting import nodeids_of
from pytest_promptevals.pytest_glue.baselines import Baselines, with_accepted
from pytest_promptevals.pytest_glue.eval_files import EvalSource
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.references import FILE
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.runs import Run, RunKind
from pytest_promptevals.reports.words import count_text
from pytest_promptevals.settings import Settings


@dataclass(frozen=True, slots=True)
class FileResults:
    """What a run has of an eval file."""

    source: EvalSource
    """The eval file."""
    results: tuple[CaseResult, ...]
    """The results of the items that ran."""
    is_good: bool = True
    """Whether no gate found them worse than allowed."""


_LUCKY: Final = "a rerun of what had failed, which scores too high by luck: run all cases to save what they score"
_NO_BASELINE: Final = {
    RunKind.RERUN: "of what had failed",
    RunKind.REGATE: "on the outputs of another",
    RunKind.REJUDGE: "on the outputs of another",
}
"""Kinds of runs that are not among the last results of an eval file."""


def save_baselines(
    rootdir: Path,
    settings: Settings,
    baselines: Baselines,
    files: Sequence[FileResults],
    *,
    kind: RunKind,
    is_complete: bool,
) -> list[str]:
    """Write what is to be saved of a run into committed baselines, and return what to tell the user, a line each."""
    if not (settings.saves_file or baselines.accepted):
        return []
    if not is_complete:
        return [f"{'baselines not saved' if settings.saves_file else 'nothing accepted'}: the run stopped early"]
    if settings.saves_file:
        return [_explained(partial(_save, rootdir, kind, file)) for file in files]
    saved = [_explained(partial(_accept, rootdir, settings, baselines, kind, file)) for file in files]
    return [*filter(None, saved), *_not_accepted(baselines, files)]


def naming_notice(settings: Settings, run: Run, *, is_complete: bool) -> list[str]:
    """Return what to tell the user of a run that is to be saved under a name."""
    name = settings.saved_name
    if name is None:
        return []
    if not is_complete:
        return [f"not saved as {name}: the run stopped early"]
    luck = f"; it is {_LUCKY}" if run.kind is RunKind.RERUN else ""
    return [f"baseline saved: {name} is this run, {run.id}; --evals-baseline {name} compares with it{luck}"]


def _explained(save: Callable[[], str]) -> str:
    try:
        return save()
    except BaselineError as error:
        return str(error)


def _save(rootdir: Path, kind: RunKind, file: FileResults) -> str:
    source, path = file.source, rootdir / file.source.baseline
    is_full = set(source.names) <= {result.name for result in file.results if result.error is None}
    try:
        old: tuple[BaselineCase, ...] = read_baseline(path, source.baseline) or ()
    except BaselineError:
        if not is_full:
            raise
        old = ()  # a full run may take the place of a damaged one
    cases = merge_baseline(old, file.results, frozenset(source.names), frozenset(source.compared))
    if not cases:
        return f"baseline not saved: no case of {source.file} has a score"
    write_baseline(path, cases)
    low = sum(not case.passed for case in cases)
    below = f", {low} of them below {'its' if low == 1 else 'their'} thresholds" if low else ""
    luck = f"; {_scored(file)} of them from {_LUCKY}" if kind is RunKind.RERUN else ""
    return f"baseline saved: {source.baseline} ({count_text(len(cases), 'case')}{below}){luck}"


def _scored(file: FileResults) -> int:
    return sum(result.error is None for result in file.results)


def _accept(rootdir: Path, settings: Settings, baselines: Baselines, kind: RunKind, file: FileResults) -> str:
    """Take over the accepted results of a file, and return what came of it; nothing where none is accepted."""
    source = file.source
    accepted = [result for result in file.results if result.error is None and baselines.is_accepted(result)]
    if not accepted:
        return ""
    old = read_baseline(rootdir / source.baseline, source.baseline)
    names = sorted(result.name for result in accepted)
    if old is None:
        return _without_file(settings, kind, file, names)
    write_baseline(rootdir / source.baseline, with_accepted(old, source, file.results, accepted))
    return f"accepted into {source.baseline}: {', '.join(names)}"


def _without_file(settings: Settings, kind: RunKind, file: FileResults, names: Sequence[str]) -> str:
    """Return what came of accepted items where later runs are compared with the last results in the history."""
    lacks = f"{', '.join(names)}; {file.source.file} has no committed baseline"
    if settings.baseline != FILE or settings.history == OFF:
        return f"not accepted: {lacks}, pytest --evals-save-baseline saves one"
    why = _NO_BASELINE.get(kind, "" if file.is_good else "that is worse than allowed")
    if why:
        it = "it" if len(names) == 1 else "them"
        return f"not accepted: {lacks}, and a run {why} is none: accept {it} in a run of {it} alone"
    return f"accepted in the history alone: {lacks}, pytest --evals-save-baseline saves one"


def _not_accepted(baselines: Baselines, files: Sequence[FileResults]) -> list[str]:
    """Return which of the accepted items have no score that could be taken over."""
    results = {nodeid: result for file in files for result in file.results for nodeid in nodeids_of(result)}
    lines = []
    for nodeid in sorted(baselines.accepted):
        result = results.get(nodeid)
        if result is None:
            lines.append(f"not accepted: {nodeid}, for it was not run")
        elif result.error is not None:
            lines.append(f"not accepted: {nodeid}, for it ended in an error")
        elif result.reused_from is not None:
            lines.append(f"not accepted: {nodeid}, for it is unchanged and --evals-changed did not run it")
    return lines
