"""``--evals-changed``: only cases that changed since the baseline run; earlier results stand for the others."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pytest

from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.reuse import as_reused, passes_now, result_of_baseline
from pytest_promptevals.errors import HistoryError, UsageError
from pytest_promptevals.pytest_glue.baselines import Baseline, Baselines
from pytest_promptevals.pytest_glue.eval_files import EvalSource
from pytest_promptevals.pytest_glue.options import settings_of
from pytest_promptevals.pytest_glue.running import CaseItem
from pytest_promptevals.records.comparisons import BaselineCase
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
        self._labels: dict[str, str] = {}
        self._changed = 0
        self.notices: list[str] = []

    def select(self, items: Sequence[pytest.Item]) -> list[pytest.Item]:
        """Return those of the eval items that need not run. Raises ``pytest.UsageError`` for an unknown reference."""
        _check(self._baselines)
        cases = [item for item in items if isinstance(item, CaseItem)]
        prompts = asyncio.run(_render_all([item.planned for item in cases]))
        unchanged = [item for item, prompt in zip(cases, prompts, strict=True) if self._take(item, prompt)]
        self._changed = len(items) - len(unchanged)
        return list(unchanged)

    def _take(self, item: CaseItem, prompt: RenderedPrompt | None) -> bool:
        """Return whether a case is as the baseline has it, and remember what is known of it."""
        source: EvalSource | None = getattr(item, "source", None)
        if source is None or prompt is None or item.planned.skip_reason is not None:
            return False
        baseline = self._baselines.of(source)
        before = self._cases_of(source, baseline).get(item.planned.name)
        if baseline is None or before is None or not _is_same(item.planned, prompt, before):
            return False
        self._sources[source.file] = source
        self._labels[source.file] = baseline.label
        self._unchanged.setdefault(source.file, {})[item.planned.name] = _Unchanged(item.planned, before, prompt)
        return True

    def _cases_of(self, source: EvalSource, baseline: Baseline | None) -> Mapping[str, BaselineCase]:
        if source.file not in self._known:
            self._known[source.file] = {} if baseline is None else {case.name: case for case in baseline.cases}
        return self._known[source.file]

    @property
    def sources(self) -> Sequence[EvalSource]:
        """The eval files that have unchanged cases."""
        return tuple(self._sources.values())

    def results(self) -> list[CaseResult]:
        """Return what stands for the unchanged cases: what the history has of them, else what the baseline keeps."""
        found = [result for file, cases in self._unchanged.items() for result in self._results_of(file, cases)]
        if found:
            labels = " and ".join(sorted(set(self._labels.values())))
            self.notices.append(
                f"{count_text(len(found), 'case')} unchanged since {labels}: results taken from there; "
                f"{count_text(self._changed, 'case')} changed"
            )
        return found

    def _results_of(self, file: str, cases: Mapping[str, _Unchanged]) -> Iterable[CaseResult]:
        stored = self._stored(file, {name: case.before for name, case in cases.items()})
        for name, case in cases.items():
            if name in stored:
                run_id, result = stored[name]
                yield dataclasses.replace(as_reused(result, run_id), location=case.planned.case.location)
            else:
                yield result_of_baseline(case.planned, case.before, case.prompt)

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


def _is_same(planned: PlannedCase, prompt: RenderedPrompt, before: BaselineCase) -> bool:
    if not before.fingerprint or before.trials < planned.trials:
        return False
    if not passes_now(planned, before):  # a failure is a failure, of a case that nobody touched, too
        return False
    return before.fingerprint == planned.full_fingerprint(prompt)


async def _render_all(cases: Sequence[PlannedCase]) -> list[RenderedPrompt | None]:
    """Return what each case would ask, ``None`` where that cannot be known."""
    return [await _render(planned) for planned in cases]


async def _render(planned: PlannedCase) -> RenderedPrompt | None:
    try:
        async with asyncio.timeout(planned.plan.timeout):
            return await planned.prompt.render(planned.case)
    except Exception:  # noqa: BLE001 - a prompt may be a function of the user's; what is wrong is said when it runs
        return RenderedPrompt(()) if planned.case.output is not None else None
