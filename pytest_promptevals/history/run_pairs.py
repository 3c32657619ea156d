"""Two sides that a user names, and the results that each has of an eval file."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

from sqlalchemy import Connection, select

from pytest_promptevals.errors import UsageError
from pytest_promptevals.history.baselines import baseline_place, read_baseline
from pytest_promptevals.history.comparison_rows import gate_from_row
from pytest_promptevals.history.light_rows import BeforeRow, ScoredRow, read_before, read_scored
from pytest_promptevals.history.reference_cases import runs_of_file
from pytest_promptevals.history.references import KnownRun, Reference, find_reference
from pytest_promptevals.history.run_outputs import read_outputs
from pytest_promptevals.history.tables import case_results, dataset_versions, gates, run_files
from pytest_promptevals.records.columns import column_of
from pytest_promptevals.records.comparisons import BaselineCase, GateResult
from pytest_promptevals.records.partial import level_of
from pytest_promptevals.records.references import FILE
from pytest_promptevals.records.run_comparisons import ComparedRun, Outputs

_Row = TypeVar("_Row", BeforeRow, ScoredRow)
Before: TypeAlias = "Sequence[BeforeRow] | Sequence[BaselineCase]"


@dataclass(frozen=True, slots=True)
class FilePair:
    """The results that both sides have of one eval file."""

    file: str
    """The eval file."""
    before: Before
    """Those of the baseline, errors left out."""
    now: Sequence[ScoredRow]
    """Those of the run."""
    collected: Collection[str]
    """Names of items of the baseline that the dataset still has, although they were not run."""
    baseline: str
    """What to call the baseline."""
    baseline_run: str
    """Id of the run that it is; empty for a committed one."""
    gates: Sequence[GateResult]
    """What the gates of the run said at its end."""


class RunPair:
    """A run, and the baseline that it is compared with.

    The run is the newest one that its reference stands for. Of the baseline, each eval file has the newest run with
    scores of it.

    Args:
        connection: to the history.
        rootdir: root of the project.
        before: the baseline, ``file`` for the committed ones.
        now: the run.

    Raises ``UsageError`` for a reference that means no run, ``BaselineError`` for a damaged baseline.
    """

    def __init__(self, connection: Connection, rootdir: Path, before: str, now: str) -> None:
        self._connection = connection
        self._rootdir = rootdir
        if now == FILE:
            raise UsageError("the second one has to be a run: 'file' can only be compared with, as the first one")
        found = _find(connection, rootdir, now)
        self._now = tuple(_shares_of(found.runs))
        self._before = None if before == FILE else _without(_find(connection, rootdir, before), self._now)
        self.now = ComparedRun(now, _words(self._now), self._now[0].id)
        self._reference = before
        self._notices = tuple(_notices(found, self._before))
        self.files = self._files_of(self._now)
        """Eval files that the run has results of, sorted."""
        self._chosen: dict[str, tuple[tuple[KnownRun, ...], Before]] = {}

    @property
    def before(self) -> ComparedRun:
        """The baseline: the run that the eval files were compared with that were read."""
        if self._before is None:
            return ComparedRun(self._reference, "the committed baselines")
        compared = self._compared_runs()
        if len(compared) > 1:
            return ComparedRun(self._reference, f"{len(compared)} runs, named with their eval files")
        chosen = next(iter(compared.values()), self._before.runs[:1])
        return ComparedRun(self._reference, _words(chosen), chosen[0].id)

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know of how the two were found."""
        is_same = self.before.run_id == self.now.run_id
        return (*self._notices, *(["both are the same run"] if is_same else []))

    def lost_files(self) -> tuple[str, ...]:
        """Return the eval files that only the newest run of the baseline has."""
        if self._before is None:
            return ()
        newest = tuple(_shares_of(self._before.runs))
        return tuple(file for file in self._files_of(newest) if file not in self.files)

    def read(self, file: str) -> FilePair | None:
        """Return the results of an eval file, ``None`` where the baseline has no scores of it."""
        now = _merge([read_scored(self._connection, run.id, file) for run in self._now])
        chosen, before = self._chosen[file] = self._read_before(file, level_of(column_of(now, "case_fingerprint")))
        if not before:
            return None
        return FilePair(
            file=file,
            before=before,
            now=now,
            collected=self._not_run(file, before, now),
            baseline=self._describe(chosen, file, before) if chosen else "the committed baseline",
            baseline_run=chosen[0].id if chosen else "",
            gates=self._read_gates(file),
        )

    def read_outputs(self, file: str, names: Mapping[str, str]) -> dict[str, Outputs]:
        """Return what was answered to items of an eval file that was read, by the item's name.

        ``names`` has what each of them is called in the baseline.
        """
        chosen, before = self._chosen[file]
        old: Mapping[str, str] = {case.name: case.output for case in before if isinstance(case, BaselineCase)}
        if chosen:
            old = read_outputs(self._connection, [run.id for run in chosen], file, list(names.values()))
        new = read_outputs(self._connection, [run.id for run in self._now], file, list(names))
        return {name: Outputs(old.get(known), new.get(name)) for name, known in names.items()}

    def _compared_runs(self) -> dict[str, tuple[KnownRun, ...]]:
        """Return the runs that eval files were compared with, by the id of the first; with the most of its shards."""
        found: dict[str, tuple[KnownRun, ...]] = {}
        for chosen, before in self._chosen.values():
            if before and len(chosen) > len(found.get(chosen[0].id, ())):
                found[chosen[0].id] = chosen
        return found

    def _read_before(self, file: str, level: int) -> tuple[tuple[KnownRun, ...], Before]:
        if self._before is None:
            place = baseline_place(file)
            return (), read_baseline(self._rootdir / place, place.as_posix()) or ()
        moves = self._before.is_moving
        chosen = runs_of_file(self._connection, self._before, file, level, passes_over_drops=moves)
        return chosen, _merge([read_before(self._connection, run.id, file) for run in chosen])

    def _files_of(self, runs: Sequence[KnownRun]) -> tuple[str, ...]:
        ids = [run.id for run in runs]
        query = (
            select(case_results.c.file).where(case_results.c.run_id.in_(ids)).distinct().order_by(case_results.c.file)
        )
        return tuple(self._connection.execute(query).scalars())

    def _not_run(self, file: str, before: Before, now: Sequence[ScoredRow]) -> Collection[str]:
        """Return the baseline's items whose case the dataset has, where the run was over a selection of its cases."""
        version, cases = self._dataset_of(self._now[0], file)
        if len(set(column_of(now, "case_id"))) >= cases:
            return ()
        query = select(dataset_versions.c.members).where(
            dataset_versions.c.file == file, dataset_versions.c.version == version
        )
        members = self._connection.execute(query).scalar_one_or_none() or ()
        ids = {case_id for case_id, _ in members}
        return {case.name for case in before if case.case_id in ids}

    def _describe(self, runs: Sequence[KnownRun], file: str, before: Before) -> str:
        """Return what to call the runs of the baseline, and that they have scores of a selection of the cases."""
        _, cases = self._dataset_of(runs[0], file)
        scored = len(set(column_of(before, "case_id")))
        return _words(runs) + (f" ({scored:,} of {cases:,} cases have a score)" if scored < cases else "")

    def _dataset_of(self, run: KnownRun, file: str) -> tuple[str, int]:
        """Return the version of the dataset that a run had, and the number of its cases; nothing in older runs."""
        columns = (run_files.c.dataset_version, run_files.c.cases)
        query = select(*columns).where(run_files.c.run_id == run.id, run_files.c.file == file)
        row = self._connection.execute(query).first()
        return ("", 0) if row is None else (row.dataset_version, row.cases)

    def _read_gates(self, file: str) -> tuple[GateResult, ...]:
        query = select(gates).where(gates.c.run_id == self._now[0].id, gates.c.file == file).order_by(gates.c.position)
        return tuple(gate_from_row(row) for row in self._connection.execute(query).mappings())


def _find(connection: Connection, rootdir: Path, text: str) -> Reference:
    found = find_reference(connection, text, rootdir)
    if not found.runs:
        raise UsageError(f"{text!r}: {found.notice}")
    return found


def _without(reference: Reference, now: Sequence[KnownRun]) -> Reference:
    """Return a reference that moves without the run that is compared with it, where it stands for others, too."""
    others = reference.without({run.id for run in now})
    return others if reference.is_moving and others.runs else reference


def _notices(now: Reference, before: Reference | None) -> Iterator[str]:
    found = [now] if before is None else [before, now]
    yield from dict.fromkeys(reference.notice for reference in found if reference.notice)


def _shares_of(runs: Sequence[KnownRun]) -> Iterator[KnownRun]:
    """Yield the first of the runs, and the newest of each other share of the same selection at the same commit."""
    first = runs[0]
    taken = {first.shard}
    yield first
    for run in runs[1:] if first.shard is not None else ():
        if run.shard not in taken and _selection_of(run) == _selection_of(first):
            taken.add(run.shard)
            yield run


def _selection_of(run: KnownRun) -> tuple[str, str | None, str]:
    return run.selection, run.commit, (run.shard or "").partition("/")[2]


def _words(runs: Sequence[KnownRun]) -> str:
    more = f" and {len(runs) - 1} more of its shards" if len(runs) > 1 else ""
    return runs[0].words + more


def _merge(shares: Sequence[Sequence[_Row]]) -> Sequence[_Row]:
    """Return the rows of all shares of a run, with the first one of each item."""
    if len(shares) == 1:
        return shares[0]
    by_name: dict[str, _Row] = {}
    for row in itertools.chain.from_iterable(shares):
        by_name.setdefault(row.name, row)
    return list(by_name.values())
