"""The baseline of each eval file: the committed one, or else the last results in the history that were not red."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_promptevals.comparison.partial import baseline_for
from pytest_promptevals.errors import BaselineError, HistoryError
from pytest_promptevals.history.baselines import read_baseline
from pytest_promptevals.history.last_good import read_last_good
from pytest_promptevals.pytest_glue.eval_files import EvalSource
from pytest_promptevals.pytest_glue.running import CaseItem
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.results import CaseResult


@dataclass(frozen=True, slots=True)
class Baseline:
    """What an eval file is compared with."""

    label: str
    """What to call it in a report."""
    cases: tuple[BaselineCase, ...]
    """Its cases; empty if there is no baseline."""
    problem: str = ""
    """Why it cannot be read; a damaged baseline may not pass for none."""


class Baselines:
    """Reads each baseline once.

    Args:
        rootdir: root of the project.
        history: the setting ``evals_history``.
        level: highest level of the judges that run.
    """

    def __init__(self, rootdir: Path, history: str, level: int) -> None:
        self._level = level
        self._rootdir = rootdir
        self._history = history
        self._known: dict[str, tuple[Baseline | None, dict[str, BaselineCase]]] = {}
        self.notices: list[str] = []

    def of(self, source: EvalSource) -> Baseline | None:
        """Return the baseline of an eval file, ``None`` if there is none."""
        return self._load(source)[0]

    def case(self, source: EvalSource, result: CaseResult) -> BaselineCase | None:
        """Return what the baseline keeps of a case, ``None`` if nothing, or if the case was edited since."""
        case = baseline_for(result, self._load(source)[1].get(result.name))
        return case if case is not None and case.case_fingerprint == result.case_fingerprint else None

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

    def _load(self, source: EvalSource) -> tuple[Baseline | None, dict[str, BaselineCase]]:
        if source.file not in self._known:
            baseline = self._committed(source) or self._recorded(source)
            by_name = {case.name: case for case in baseline.cases} if baseline is not None else {}
            self._known[source.file] = (baseline, by_name)
        return self._known[source.file]

    def _committed(self, source: EvalSource) -> Baseline | None:
        if not source.baseline:
            return None
        try:
            cases = read_baseline(self._rootdir / source.baseline, source.baseline)
        except BaselineError as error:
            return Baseline("the baseline", (), str(error))
        if cases == ():
            empty = f"{source.baseline}: the baseline is empty; restore it from git, or delete it and save a new one"
            return Baseline("the baseline", (), empty)
        return None if cases is None else Baseline("the baseline", cases)

    def _recorded(self, source: EvalSource) -> Baseline | None:
        if self._history == "off":
            return None
        try:
            path, whole = self._rootdir / self._history, frozenset(source.compared)
            cases = read_last_good(path, source.file, frozenset(source.names), self._level, whole)
        except HistoryError as error:
            self.notices.append(str(error))
            return None
        return Baseline("the last results without a regression", cases) if cases else None
