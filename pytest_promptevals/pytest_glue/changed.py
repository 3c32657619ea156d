"""``--evals-changed``: only cases that changed since the baseline run; earlier results stand for the others."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import pytest

from pytest_promptevals.engine.file_facts import describe_file
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.reuse import result_of_baseline, same_as_before, unchanged_result
from pytest_promptevals.errors import HistoryError, UsageError
from pytest_promptevals.pytest_glue.baselines import Baseline, Baselines
from pytest_promptevals.pytest_glue.eval_files import EvalSource
from pytest_promptevals.pytest_glue.options import settings_of
from pytest_promptevals.pytest_glue.running import CaseItem
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.contents import FileFacts
from pytest_promptevals.records.references import FILE
from pytest_promptevals.records.responses import RenderedPrompt
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.reports.words import count_text, visible_text
from pytest_promptevals.settings import Settings

_OPTION: Final = "--evals-changed"
_Stored: TypeAlias = dict[tuple[str, str], tuple[str, CaseResult]]
"""Results by eval file and name, each with the id of the run that it was made in."""


@dataclass(frozen=True, slots=True)
class _Unchanged:
    """A case that is as the baseline has it."""

    planned: PlannedCase
    """The case."""
    before: BaselineCase
    """What the baseline keeps of it."""
    same: BaselineCase
    """The same by the judges that run now."""
    prompt: RenderedPrompt
    """What would be asked."""


class ChangedCases:
    """Knows which cases of a session are as the baseline had them, and what stands for those.

    Args:
        config: pytest's configuration.
        baselines: what the run is compared with.
    """

    def __init__(self, config: pytest.Config, baselines: Baselines) -> None:
        self._rootdir = config.rootpath
        self._settings = settings_of(config)
        self._baselines = _changed_baselines(config) if _is_named(self._settings) else baselines
        self._sources: dict[str, EvalSource] = {}
        self._unchanged: dict[str, dict[str, PlannedCase]] = {}
        self._passing: list[CaseResult] = []
        self._failing: dict[tuple[str, str], CaseResult] = {}
        self._known: dict[str, Mapping[str, BaselineCase]] = {}
        self._labels: set[str] = set()
        self._changed = 0
        self._undecided = 0
        self._functions = 0
        self.left_out: Sequence[str] = ()
        """Node ids of the eval items that need not run."""
        self._lacks = "there is no baseline of these cases"
        self.notices: list[str] = []

    def select(self, items: Sequence[pytest.Item]) -> list[pytest.Item]:
        """Return those of the eval items that need not run. Raises ``pytest.UsageError`` for an unknown reference.

        A case that nobody touched and that fails is none of those: it reports its failure as its own. It is not put to
        the model again: a second chance for failures alone would raise the score by luck.
        """
        _check(self._baselines, self._settings)
        cases = [item for item in items if isinstance(item, CaseItem)]
        prompts = asyncio.run(_render_all([item.planned for item in cases]))
        found = [(item, self._find(item, prompt)) for item, prompt in zip(cases, prompts, strict=True)]
        unchanged = [(item, case) for item, case in found if case is not None]
        stored = self._read_stored([case for _, case in unchanged])
        passing = [item for item, case in unchanged if self._take(item, case, stored)]
        self._functions = len(items) - len(cases)
        self._changed = len(cases) - len(passing) - len(self._failing) - self._undecided
        self.left_out = [item.nodeid for item in passing]
        return list(passing)

    def _find(self, item: CaseItem, prompt: RenderedPrompt | None) -> _Unchanged | None:
        """Return a case with what the baseline has of it, if it is as that has it."""
        source: EvalSource | None = getattr(item, "source", None)
        if source is None or prompt is None or item.planned.skip_reason is not None:
            return None
        baseline = self._baselines.of(source)
        if baseline is not None and baseline.problem:
            self._lacks = "the baseline cannot be read"
        elif baseline is not None:
            self._labels.add(baseline.label)
        before = self._cases_of(source, baseline).get(item.planned.name)
        same = None if before is None else _find_same(item.planned, prompt, before)
        if before is None or same is None:
            return None
        self._sources[source.file] = source
        return _Unchanged(item.planned, before, same, prompt)

    def _take(self, item: CaseItem, case: _Unchanged, stored: _Stored) -> bool:
        """Return whether a case passes by what is known of it, and remember that."""
        file, name = key = case.planned.plan.dataset.path, case.planned.name
        result = _result_of(case, stored.get(key))
        if result is None:
            self._undecided += 1
        elif not result.passed:
            self._failing[key] = result
        else:
            self._passing.append(result)
            self._unchanged.setdefault(file, {})[name] = item.planned
        return result is not None and bool(result.passed)

    def _cases_of(self, source: EvalSource, baseline: Baseline | None) -> Mapping[str, BaselineCase]:
        if source.file not in self._known:
            self._known[source.file] = {} if baseline is None else {case.name: case for case in baseline.cases}
        return self._known[source.file]

    @property
    def failing(self) -> Mapping[tuple[str, str], CaseResult]:
        """What stands for unchanged cases that fail, by eval file and name: their items report it."""
        return self._failing

    @property
    def sources(self) -> Sequence[EvalSource]:
        """The eval files that have unchanged cases which need not run."""
        return tuple(self._sources[file] for file in self._unchanged)

    def facts(self) -> Iterator[tuple[FileFacts, Sequence[Case]]]:
        """Yield what is known of those files, as if their unchanged cases had run, and their cases."""
        for file, cases in self._unchanged.items():
            plan = next(iter(cases.values())).plan
            yield describe_file(plan, file), plan.dataset.cases

    def results(self) -> Sequence[CaseResult]:
        """Return what stands for the cases that need not run: what the history has of them, else the baseline."""
        if self._passing or self._failing or self._changed or self._undecided or self._functions:
            self.notices.append(self._sum_up())
        return self._passing

    def _sum_up(self) -> str:
        """Return how many cases were found to be unchanged, and what became of the others."""
        told = list(self._tell_of_cases())
        if self._functions:
            told.append(f"{count_text(self._functions, 'case')} ran, since test functions always do")
        return ("" if self._labels else f"{_OPTION}: ") + "; ".join(told)

    def _tell_of_cases(self) -> Iterator[str]:
        """Yield the same of those of eval files."""
        changed = count_text(self._changed, "case")
        if self._labels:
            yield from self._tell_of_unchanged(f"unchanged since {' and '.join(sorted(self._labels))}")
            yield f"{changed} changed"
        elif self._changed:
            yield f"{self._lacks}, so {changed} ran"

    def _tell_of_unchanged(self, since: str) -> Iterator[str]:
        failing = len(self._failing)
        taken = len(self._passing) + failing
        below = f", {failing} of them below {'its' if failing == 1 else 'their'} thresholds" if failing else ""
        if taken:
            yield f"{count_text(taken, 'case')} {since}: results taken from there{below}"
        if self._undecided:
            one = "other unchanged case" if taken else "case"
            it, s = ("it", "es") if self._undecided == 1 else ("they", "")
            yield (
                f"{count_text(self._undecided, one)}{'' if taken else f' {since}'} ran again, since the kept scores do "
                f"not tell whether {it} pass{s} by the thresholds of now"
            )
        if not (taken or self._undecided):
            yield f"no case {since}"

    def _read_stored(self, cases: Iterable[_Unchanged]) -> _Stored:
        """Return what the history has of unchanged cases."""
        if self._settings.history == "off":
            return {}
        from pytest_promptevals.history.reusable import read_same_results  # noqa: PLC0415 - loads SQLAlchemy

        by_file: dict[str, dict[str, BaselineCase]] = {}
        for case in cases:
            by_file.setdefault(case.planned.plan.dataset.path, {})[case.planned.name] = case.before
        stored: _Stored = {}
        try:
            for file, known in by_file.items():
                found = read_same_results(self._rootdir, self._settings.history, file, known)
                stored |= {(file, name): result for name, result in found.items()}
        except HistoryError as error:  # the baseline knows the scores
            self.notices.append(str(error))
        return stored


def _result_of(case: _Unchanged, stored: tuple[str, CaseResult] | None) -> CaseResult | None:
    """Return what stands for an unchanged case, ``None`` if its scores do not tell whether it passes now."""
    if stored is None:
        return result_of_baseline(case.planned, case.same, case.prompt)
    run_id, result = stored
    return unchanged_result(case.planned, result, case.prompt, run_id)


def check_reference(config: pytest.Config) -> None:
    """Raise ``pytest.UsageError`` if cases are to have changed since something that there is not."""
    settings = settings_of(config)
    if settings.changed != FILE:
        _check(_changed_baselines(config), settings)


def _check(baselines: Baselines, settings: Settings) -> None:
    try:
        baselines.check()
    except UsageError as error:
        text = str(error)
        if _is_named(settings):
            text = text.replace("--evals-baseline", _OPTION).replace("evals_baseline", _OPTION)
        raise pytest.UsageError(visible_text(text)) from error


def _is_named(settings: Settings) -> bool:
    """Return whether cases are to have changed since something else than what the run is compared with."""
    return settings.changed not in (FILE, settings.baseline)


def _changed_baselines(config: pytest.Config) -> Baselines:
    settings = settings_of(config)
    return Baselines(config.rootpath, dataclasses.replace(settings, baseline=settings.changed))


def _find_same(planned: PlannedCase, prompt: RenderedPrompt, before: BaselineCase) -> BaselineCase | None:
    if not before.fingerprint or before.trials < planned.trials:
        return None
    return same_as_before(planned, before, prompt)


async def _render_all(cases: Sequence[PlannedCase]) -> list[RenderedPrompt | None]:
    """Return what each case would ask, ``None`` where that cannot be known."""
    return [await _render(planned) for planned in cases]


async def _render(planned: PlannedCase) -> RenderedPrompt | None:
    try:
        async with asyncio.timeout(planned.plan.timeout):
            return await planned.prompt.render(planned.case)
    except Exception:  # noqa: BLE001 - a prompt may be a function of the user's; what is wrong is said when it runs
        return RenderedPrompt(()) if planned.case.output is not None else None
