"""The baseline of each eval file: what ``--evals-baseline`` names, by default the committed one.

Without a committed one it is the last results in the history that were not red.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_promptevals.comparison.pairing import compute_deltas, find_before
from pytest_promptevals.comparison.partial import baseline_for
from pytest_promptevals.errors import BaselineError, HistoryError, UsageError
from pytest_promptevals.history.baselines import accept_cases, baseline_cases, read_baseline
from pytest_promptevals.history.good_cases import WantedItems
from pytest_promptevals.history.last_good import read_last_good
from pytest_promptevals.history.place import OFF, PostgresPlace, locate_history
from pytest_promptevals.pytest_glue.accepting import nodeids_of
from pytest_promptevals.pytest_glue.eval_files import EvalSource
from pytest_promptevals.pytest_glue.running import CaseItem
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.partial import whole_fingerprint
from pytest_promptevals.records.references import COMMITTED, FILE, LAST_GOOD
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.settings import Settings

if TYPE_CHECKING:
    from pytest_promptevals.pytest_glue.referring import ReferredRuns

_UNREACHABLE: Final = (
    "no baseline is committed, and the history that has the last results cannot be read, so nothing is compared; the "
    "end of the summary says why"
)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What an eval file is compared with."""

    label: str
    """What to call it in a report."""
    cases: tuple[BaselineCase, ...]
    """Its cases; empty if there is no baseline."""
    problem: str = ""
    """Why it cannot be read; a damaged baseline may not pass for none."""
    run: str = ""
    """Id of the run that it is; empty for any other."""


class Baselines:
    """Reads each baseline once.

    Args:
        rootdir: root of the project.
        settings: the settings of the session.
        asked_at: returns when the outputs were asked for that the session reuses, empty where it reuses none: runs that
            began since are no baseline by themselves.
    """

    def __init__(self, rootdir: Path, settings: Settings, asked_at: Callable[[], str] = str) -> None:
        self._asked_at = asked_at
        self._level = settings.judged_level
        self._rootdir = rootdir
        self._history = settings.history
        self._referred = None if settings.baseline == FILE else _refer(rootdir, settings, asked_at)
        self._accepted: frozenset[str] = frozenset()
        self._known: dict[str, tuple[Baseline | None, dict[str, BaselineCase]]] = {}
        self._notices: list[str] = []

    @property
    def notices(self) -> list[str]:
        """What the user should know of the baselines, a line each."""
        return self._notices if self._referred is None else [*self._notices, *self._referred.notices]

    def check(self) -> None:
        """Raise ``UsageError`` if the run is to be compared with something that there is not."""
        if self._referred is not None:
            self._referred.check()

    def accept(self, nodeids: Collection[str]) -> None:
        """Take the results of those items for their own baseline from now on."""
        self._accepted = frozenset(nodeids)

    @property
    def accepted(self) -> frozenset[str]:
        """Node ids of the items whose results are accepted."""
        return self._accepted

    def is_accepted(self, result: CaseResult) -> bool:
        """Return whether a result is its own baseline; what another run answered is not."""
        return result.reused_from is None and not self._accepted.isdisjoint(nodeids_of(result))

    def of(self, source: EvalSource, results: Iterable[CaseResult] = ()) -> Baseline | None:
        """Return the baseline of an eval file, ``None`` if there is none.

        Those of the results that are accepted stand in it for their old selves.
        """
        baseline = self._load(source)[0]
        if not self._accepted or (baseline is not None and baseline.problem):
            return baseline
        results = tuple(results)
        cases = with_accepted(() if baseline is None else baseline.cases, source, results, self._accepted_of(results))
        if baseline is None:
            return Baseline(COMMITTED, cases) if cases else None
        return dataclasses.replace(baseline, cases=cases)

    def case(self, source: EvalSource, result: CaseResult) -> BaselineCase | None:
        """Return what the baseline keeps of a case, ``None`` if nothing, or if the case was edited since."""
        if self._accepted and self.is_accepted(result):
            return next(iter(baseline_cases([result])), None)
        baseline, by_name = self._load(source)
        recorded = by_name.get(result.name)
        if recorded is None and baseline is not None:  # it may have had another name
            recorded = find_before(result, baseline.cases, source.names)
        case = baseline_for(result, recorded)
        return case if case is not None and case.case_fingerprint == result.case_fingerprint else None

    def problem_of(self, source: EvalSource) -> str:
        """Return why the baseline of an eval file cannot be read; empty if it can, or if there is none."""
        baseline = self._load(source)[0]
        return "" if baseline is None else baseline.problem

    def is_edited(self, source: EvalSource, result: CaseResult) -> bool:
        """Return whether the baseline has a case of that name which is asked, or judged, otherwise."""
        recorded = self._load(source)[1].get(result.name)
        before = None if recorded is None else whole_fingerprint(recorded.case_fingerprint)
        return before is not None and before != whole_fingerprint(result.case_fingerprint)

    def output(self, item: CaseItem) -> str | None:
        """Return the output that the baseline keeps of an item; ``None`` if it keeps none.

        That of an edited case counts, too: the judge that looks at it may be what was edited.
        """
        source: EvalSource | None = getattr(item, "source", None)
        return None if source is None else self.output_of(source, item.planned.name)

    def output_of(self, source: EvalSource, name: str) -> str | None:
        """Return the same of the item of that name."""
        case = self._load(source)[1].get(name)
        return case.output or None if case is not None else None

    def _accepted_of(self, results: Iterable[CaseResult]) -> list[CaseResult]:
        return [result for result in results if self.is_accepted(result)]

    def _load(self, source: EvalSource) -> tuple[Baseline | None, dict[str, BaselineCase]]:
        if source.file not in self._known:
            baseline = self._read(source)
            by_name = {case.name: case for case in baseline.cases} if baseline is not None else {}
            self._known[source.file] = (baseline, by_name)
        return self._known[source.file]

    def _read(self, source: EvalSource) -> Baseline | None:
        if self._referred is None:
            return self._committed(source) or self._recorded(source)
        try:
            found = self._referred.find(source.file, frozenset(source.compared))
        except (UsageError, HistoryError) as error:
            return Baseline("the baseline", (), str(error))
        return None if found is None else Baseline(found.label, found.cases, run=found.run)

    def _committed(self, source: EvalSource) -> Baseline | None:
        if not source.baseline:
            return None
        try:
            cases = read_baseline(self._rootdir / source.baseline, source.baseline)
        except BaselineError as error:
            return Baseline(COMMITTED, (), str(error))
        if cases == ():
            empty = f"{source.baseline}: the baseline is empty; restore it from git, or delete it and save a new one"
            return Baseline(COMMITTED, (), empty)
        return None if cases is None else Baseline(COMMITTED, cases)

    def _recorded(self, source: EvalSource) -> Baseline | None:
        if self._history == OFF:
            return None
        place, whole = locate_history(self._rootdir, self._history), frozenset(source.compared)
        if not self._notices:  # what could not be read once is not asked again
            try:
                names = frozenset(source.names)
                wanted = WantedItems(source.file, names, self._level, whole, self._asked_at())
                cases = read_last_good(place, wanted)
            except HistoryError as error:
                self._notices.append(str(error))
            else:
                return Baseline(LAST_GOOD, cases) if cases else None
        # A damaged file is begun anew; a database of the team's has results that the run should be compared with.
        return Baseline(LAST_GOOD, (), _UNREACHABLE) if isinstance(place, PostgresPlace) else None


def with_accepted(
    old: tuple[BaselineCase, ...],
    source: EvalSource,
    results: tuple[CaseResult, ...],
    accepted: Iterable[CaseResult],
) -> tuple[BaselineCase, ...]:
    """Return a baseline in which accepted results have taken the places of their old selves, renamed ones included.

    Args:
        old: the baseline so far.
        source: the eval file.
        results: all results of the file.
        accepted: those of them that are accepted; one that ended in an error is left out.
    """
    deltas = compute_deltas(results, old, frozenset(source.names))
    old_names = {delta.name: delta.old_name for delta in deltas}
    return accept_cases(old, baseline_cases(accepted, source.compared), old_names)


def _refer(rootdir: Path, settings: Settings, asked_at: Callable[[], str]) -> ReferredRuns:
    from pytest_promptevals.pytest_glue.referring import ReferredRuns  # noqa: PLC0415 - only where a run is named

    return ReferredRuns(rootdir, settings, asked_at)
