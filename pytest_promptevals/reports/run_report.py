"""What the history has of a run, put together for a report."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from pytest_promptevals.comparison.metrics import measure
from pytest_promptevals.errors import BaselineError, UsageError
from pytest_promptevals.history.baselines import baseline_place, read_baseline
from pytest_promptevals.history.good_cases import WantedItems
from pytest_promptevals.history.place import setting_of
from pytest_promptevals.records.comparisons import BaselineCase, Comparison, Delta
from pytest_promptevals.records.partial import level_of
from pytest_promptevals.records.references import COMMITTED, LAST_GOOD
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.records.run_filters import RunFilter
from pytest_promptevals.records.run_reports import ReportedCase, ReportedFile, RunReport
from pytest_promptevals.records.runs import OutcomeKind, Run, RunFile, RunKind, RunStatus
from pytest_promptevals.records.trends import TrendPoint
from pytest_promptevals.reports.what_changed import ComparedFile, Explainer

if TYPE_CHECKING:
    from pytest_promptevals.history.store import HistoryStore

_LAST_RUNS: Final = 50
"""Runs of which a report shows the trend."""
_SAME: Final = 5e-7
"""Half of the last digit that a committed baseline keeps of a score."""
FindBefore: TypeAlias = Callable[[str], Sequence[BaselineCase]]
"""Gives the cases of the baseline that an eval file was compared with."""


def read_report(store: HistoryStore, rootdir: Path, run_id: str, before: FindBefore | None = None) -> RunReport:
    """Return all that a report shows of a run.

    Args:
        store: the history.
        rootdir: root of the project.
        run_id: id of the run.
        before: the baselines, where they are at hand; else they are read from the history and the project. A committed
            baseline may be another one by now: of its cases, those that no longer have the score of then are not shown.

    Raises ``HistoryError`` for a history that cannot be read.
    """
    run = store.run(run_id)
    results: dict[str, list[CaseResult]] = defaultdict(list)
    for result in store.results(run_id):
        results[result.file].append(result)
    compared = {comparison.file: comparison for comparison in store.comparisons(run_id)}
    trends = _read_trends(store, run, sorted(results.keys() | compared.keys()))
    # What failed when it was over had another outcome before, which does not count.
    outcomes = None if run.outcomes is None else {outcome.nodeid: outcome.kind for outcome in run.outcomes}
    reader = _Reader(store, rootdir, run, Explainer(rootdir, setting_of(store.place)), before, outcomes)
    files = [
        reader.read(compared.get(file) or Comparison(file, measure(results[file])), results[file], trends.get(file, ()))
        for file in sorted(results.keys() | compared.keys())
    ]
    reader.explainer.past.close()
    return RunReport(run, rootdir, tuple(files), tuple(_other_failures(run, results)))


def _other_failures(run: Run, results: Mapping[str, Sequence[CaseResult]]) -> list[str]:
    """Return the node ids of what failed beside cases."""
    known = {result.nodeid for of_file in results.values() for result in of_file}
    failed = (outcome.nodeid for outcome in run.outcomes or () if outcome.kind.fails)
    return [nodeid for nodeid in dict.fromkeys(failed) if nodeid not in known]


@dataclasses.dataclass(frozen=True, slots=True)
class _Reader:
    """Reads what is known of the eval files of a run."""

    store: HistoryStore
    rootdir: Path
    run: Run
    explainer: Explainer
    before: FindBefore | None
    outcomes: Mapping[str, OutcomeKind] | None

    def read(
        self, comparison: Comparison, results: Sequence[CaseResult], trend: tuple[TrendPoint, ...]
    ) -> ReportedFile:
        before = {case.name: case for case in self._read_before(comparison, results)}
        facts = next((file for file in self.run.files if file.file == comparison.file), None)
        deltas = {delta.name: delta for delta in comparison.deltas}
        file = ReportedFile(
            comparison,
            tuple(self._put_together(result, deltas.get(result.name), before) for result in _in_order(results)),
            trend=trend,
            facts=facts,
        )
        if not comparison.has_baseline:
            return file
        after = {result.name: result for result in results}
        asked = ComparedFile(
            comparison=comparison,
            before=before,
            after=after,
            now=facts or RunFile(comparison.file),
            texts={},
            baseline_path=baseline_place(comparison.file).as_posix() if comparison.baseline == COMMITTED else "",
        )
        return dataclasses.replace(file, changes=self.explainer.find(asked, self.run))

    def _put_together(
        self, result: CaseResult, delta: Delta | None, before: Mapping[str, BaselineCase]
    ) -> ReportedCase:
        case = None if delta is None else before.get(delta.old_name)
        is_failure = None if self.outcomes is None else _fails(result, self.outcomes)
        return ReportedCase(result, delta, None if case is None else case.output, is_failure)

    def _read_before(self, comparison: Comparison, results: Sequence[CaseResult]) -> Iterable[BaselineCase]:
        """Return the cases of the baseline, as far as they are still what they were."""
        if not comparison.has_baseline:
            return ()
        if self.before is not None:
            return self.before(comparison.file)
        if comparison.baseline_run:
            return self._read_run(comparison)
        if comparison.baseline == LAST_GOOD:
            found = self._read_last_good(comparison, level_of(result.case_fingerprint for result in results))
        else:
            found = self._read_committed(comparison)
        then = {delta.old_name: delta.before for delta in comparison.deltas}
        return [case for case in found if _is_score_of(case, then)]

    def _read_committed(self, comparison: Comparison) -> Sequence[BaselineCase]:
        place = baseline_place(comparison.file)
        try:
            return read_baseline(self.rootdir / place, place.as_posix()) or ()
        except BaselineError:  # it was good then, and is damaged now
            return ()

    def _read_last_good(self, comparison: Comparison, level: int) -> Sequence[BaselineCase]:
        from pytest_promptevals.history.reusable import find_beginning  # noqa: PLC0415 - loads SQLAlchemy

        names = {delta.old_name for delta in comparison.deltas}
        asked_at = find_beginning(self.store, self.run)
        return self.store.last_good(WantedItems(comparison.file, names, level, names, asked_at))

    def _read_run(self, comparison: Comparison) -> Sequence[BaselineCase]:
        from pytest_promptevals.history.reference_cases import read_cases, runs_of_file  # noqa: PLC0415 - SQLAlchemy
        from pytest_promptevals.history.references import find_reference  # noqa: PLC0415 - likewise

        with self.store.reading() as connection:
            try:
                reference = find_reference(connection, f"run:{comparison.baseline_run}", self.rootdir)
            except UsageError:  # it was removed since
                return ()
            chosen = runs_of_file(connection, reference, comparison.file)
            names = {delta.old_name for delta in comparison.deltas}
            return read_cases(connection, chosen, comparison.file, whole=names)


def _fails(result: CaseResult, known: Mapping[str, OutcomeKind]) -> bool:
    """Return whether pytest counts a case as failed, of what it made of items where the results do not tell."""
    kind = known.get(result.nodeid)
    return not result.passed if kind is None else kind.fails


def _is_score_of(case: BaselineCase, then: Mapping[str, float | None]) -> bool:
    score = then.get(case.name)
    return score is not None and abs(score - case.score) <= _SAME


def _in_order(results: Iterable[CaseResult]) -> list[CaseResult]:
    return sorted(results, key=lambda result: (result.location.path, result.location.line, result.name))


def _read_trends(store: HistoryStore, run: Run, files: Sequence[str]) -> dict[str, tuple[TrendPoint, ...]]:
    """Return the metrics of each eval file over the runs that finished up to this one."""
    from pytest_promptevals.history.trend_queries import read_trends  # noqa: PLC0415 - loads SQLAlchemy, 0.25 s

    wanted = RunFilter(status=RunStatus.FINISHED, kind=RunKind.RUN)
    found: dict[str, list[TrendPoint]] = defaultdict(list)
    if files:
        with store.reading() as connection:
            for point in read_trends(connection, wanted, files, _LAST_RUNS):
                if (point.started_at, point.run_id) <= (run.started_at, run.id):
                    found[point.file].append(point)
    return {file: tuple(points) for file, points in found.items()}
