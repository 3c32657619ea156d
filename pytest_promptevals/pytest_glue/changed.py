"""``--evals-changed``: only cases that changed since the baseline run; earlier results stand for the others."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pytest

from pytest_promptevals.engine.file_facts import describe_file
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.reuse import (
    as_reused,
    passes_now,
    result_of_baseline,
    same_as_before,
    with_judges_of_now,
)
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
from pytest_promptevals.reports.words import count_text

_OPTION: Final = "--evals-changed"


@dataclass(frozen=True, slots=True)
class _Unchanged:
    """A case that need not run."""

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
        is_own = self._settings.changed not in (FILE, self._settings.baseline)
        self._baselines = _changed_baselines(config) if is_own else baselines
        self._sources: dict[str, EvalSource] = {}
        self._unchanged: dict[str, dict[str, _Unchanged]] = {}
        self._known: dict[str, Mapping[str, BaselineCase]] = {}
        self._labels: set[str] = set()
        self._changed = 0
        self._failing = 0
        self._functions = 0
        self.left_out: Sequence[str] = ()
        """Node ids of the eval items that need not run."""
        self._lacks = "there is no baseline of these cases"
        self.notices: list[str] = []

    def select(self, items: Sequence[pytest.Item]) -> list[pytest.Item]:
        """Return those of the eval items that need not run. Raises ``pytest.UsageError`` for an unknown reference."""
        _check(self._baselines)
        cases = [item for item in items if isinstance(item, CaseItem)]
        prompts = asyncio.run(_render_all([item.planned for item in cases]))
        unchanged = [item for item, prompt in zip(cases, prompts, strict=True) if self._take(item, prompt)]
        self._functions = len(items) - len(cases)
        self._changed = len(cases) - len(unchanged) - self._failing
        self.left_out = [item.nodeid for item in unchanged]
        return list(unchanged)

    def _take(self, item: CaseItem, prompt: RenderedPrompt | None) -> bool:
        """Return whether a case is as the baseline has it, and remember what is known of it."""
        source: EvalSource | None = getattr(item, "source", None)
        if source is None or prompt is None or item.planned.skip_reason is not None:
            return False
        baseline = self._baselines.of(source)
        if baseline is not None and baseline.problem:
            self._lacks = "the baseline cannot be read"
        elif baseline is not None:
            self._labels.add(baseline.label)
        before = self._cases_of(source, baseline).get(item.planned.name)
        same = None if before is None else _find_same(item.planned, prompt, before)
        if before is None or same is None:
            return False
        if not passes_now(item.planned, same):  # a failure is a failure, of a case that nobody touched, too
            self._failing += 1
            return False
        self._sources[source.file] = source
        self._unchanged.setdefault(source.file, {})[item.planned.name] = _Unchanged(item.planned, before, same, prompt)
        return True

    def _cases_of(self, source: EvalSource, baseline: Baseline | None) -> Mapping[str, BaselineCase]:
        if source.file not in self._known:
            self._known[source.file] = {} if baseline is None else {case.name: case for case in baseline.cases}
        return self._known[source.file]

    @property
    def sources(self) -> Sequence[EvalSource]:
        """The eval files that have unchanged cases."""
        return tuple(self._sources.values())

    def facts(self) -> Iterator[tuple[FileFacts, Sequence[Case]]]:
        """Yield what is known of those files, as if their unchanged cases had run, and their cases."""
        for file, cases in self._unchanged.items():
            plan = next(iter(cases.values())).planned.plan
            yield describe_file(plan, file), plan.dataset.cases

    def results(self) -> list[CaseResult]:
        """Return what stands for the unchanged cases: what the history has of them, else what the baseline keeps."""
        found = [result for file, cases in self._unchanged.items() for result in self._results_of(file, cases)]
        if found or self._changed or self._failing or self._functions:
            self.notices.append(self._sum_up(len(found)))
        return found

    def _sum_up(self, taken: int) -> str:
        """Return how many cases were found to be unchanged, and what became of the others."""
        told = list(self._tell_of_cases(taken))
        if self._functions:
            told.append(f"{count_text(self._functions, 'case')} ran, since test functions always do")
        return ("" if self._labels else f"{_OPTION}: ") + "; ".join(told)

    def _tell_of_cases(self, taken: int) -> Iterator[str]:
        """Yield the same of those of eval files."""
        changed = count_text(self._changed, "case")
        if not self._labels:
            if self._changed:
                yield f"{self._lacks}, so {changed} ran"
            return
        since = f"unchanged since {' and '.join(sorted(self._labels))}"
        yield f"{count_text(taken, 'case')} {since}: results taken from there" if taken else f"no case {since}"
        yield f"{changed} changed"
        if self._failing:
            they = "its thresholds, so it" if self._failing == 1 else "their thresholds, so they"
            yield f"{count_text(self._failing, 'case')} unchanged, but below {they} ran again"

    def _results_of(self, file: str, cases: Mapping[str, _Unchanged]) -> Iterable[CaseResult]:
        stored = self._stored(file, {name: case.before for name, case in cases.items()})
        for name, case in cases.items():
            if name not in stored:
                yield result_of_baseline(case.planned, case.same, case.prompt)
                continue
            run_id, result = stored[name]
            if case.same is not case.before:
                result = with_judges_of_now(case.planned, result, case.prompt)
            yield dataclasses.replace(as_reused(result, run_id), location=case.planned.case.location)

    def _stored(self, file: str, cases: Mapping[str, BaselineCase]) -> Mapping[str, tuple[str, CaseResult]]:
        if self._settings.history == "off":
            return {}
        from pytest_promptevals.history.reusable import read_same_results  # noqa: PLC0415 - loads SQLAlchemy

        try:
            return read_same_results(self._rootdir, self._settings.history, file, cases)
        except HistoryError as error:  # the baseline knows the scores
            self.notices.append(str(error))
            return {}


def check_reference(config: pytest.Config) -> None:
    """Raise ``pytest.UsageError`` if cases are to have changed since something that there is not."""
    if settings_of(config).changed != FILE:
        _check(_changed_baselines(config))


def _check(baselines: Baselines) -> None:
    try:
        baselines.check()
    except UsageError as error:
        text = str(error).replace("--evals-baseline", _OPTION).replace("evals_baseline", _OPTION)
        raise pytest.UsageError(text) from error


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
