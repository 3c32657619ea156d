"""The engine of one process: what it works with, and how it is started, watched, paused and stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.cache.responses import ResponseCache
from pytest_promptevals.engine.budget import Budget, SpendingLimit, check_all_priced
from pytest_promptevals.engine.engine import Engine
from pytest_promptevals.engine.judging import wants_before
from pytest_promptevals.engine.pipeline import Pipeline, Services
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.pricing import unpriced_models
from pytest_promptevals.engine.retrying import RetryPolicy
from pytest_promptevals.engine.reuse import ReuseMode
from pytest_promptevals.engine.shared_budget import SharedBudget
from pytest_promptevals.errors import UsageError
from pytest_promptevals.pytest_glue.identity import session_id
from pytest_promptevals.pytest_glue.options import is_xdist_controller
from pytest_promptevals.pytest_glue.share import AHEAD_FACTOR, BUDGET_FACT, share_of, worker_concurrency, worker_facts
from pytest_promptevals.pytest_glue.watching import Watch
from pytest_promptevals.records.progress import Progress
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.reports.words import visible_text
from pytest_promptevals.settings import Settings


class CaseItem(pytest.Item):
    """An item whose case the engine runs."""

    planned: PlannedCase
    """What to run."""
    position: int
    """Its number among the eval items of the session, set when they are all known."""


class CaseRunner:
    """Runs the cases of this process, ahead of pytest.

    Without workers the engine starts with the first case; a worker of pytest-xdist starts it as soon as the controller
    has said which cases are its own.
    """

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._share = share_of(config)  # from now on it listens to the controller
        self._known: Mapping[tuple[str, str], CaseResult] = {}
        self._mode = ReuseMode.RESUME
        self._settled: Mapping[tuple[str, str], CaseResult] = {}
        self._before: Mapping[tuple[str, str], str] = {}
        self._cases: list[PlannedCase] = []
        self._by_item: dict[int, int] = {}
        self._on_demand: frozenset[int] = frozenset()
        self._lock = threading.RLock()
        self._engine: Engine | None = None
        self._pipeline: Pipeline | None = None
        self._is_stopped = False
        self._is_paused = False
        self._refusal: str | None = None
        self._watch: Watch | None = None
        if not is_xdist_controller(config):  # which has a line of its own, for all its workers
            self._watch = Watch(
                config, settings.progress, self.progress, lambda is_paused: self.pause(is_paused=is_paused)
            )

    def prepare(
        self,
        session: pytest.Session,
        known: Mapping[tuple[str, str], CaseResult],
        before: Callable[[CaseItem], str | None],
        mode: ReuseMode = ReuseMode.RESUME,
        settled: Mapping[tuple[str, str], CaseResult] | None = None,
    ) -> None:
        """Take in the items that were selected, and the results of an earlier run of which ``mode`` says what is taken.

        ``settled`` are results that stand as they are: their cases do not run. ``before`` gives the baseline's output
        of an item. Raises ``UsageError`` if there is a budget and a model whose price is unknown.
        """
        items = [item for item in session.items if isinstance(item, CaseItem)]
        for position, item in enumerate(items):
            item.position = position
        self._known = known
        self._mode = mode
        self._settled = settled or {}
        self._before = _outputs_before(items, before)
        self._cases = [item.planned for item in items]
        self._on_demand = frozenset(
            position for position, item in enumerate(items) if _may_not_run(item) or _key(item) in self._settled
        )
        share = self._share
        self._check_prices()
        if share is None:
            return
        self._by_item = {
            number: item.position for number, item in enumerate(session.items) if isinstance(item, CaseItem)
        }
        share.on_more(self._work_ahead_of)
        share.on_pause(lambda is_paused: self.pause(is_paused=is_paused))

    def refuse(self, reason: str) -> None:
        """Call nothing in this run: each case ends in an error with that reason."""
        self._refusal = f"not run: {reason}"

    def result_of(self, item: CaseItem) -> CaseResult:
        """Return the case's result, waiting for it."""
        settled = self._settled.get(_key(item))
        return self._running_engine().result(item.position) if settled is None else settled

    def run(self, work: Callable[[Pipeline], Any]) -> Any:
        """Run a coroutine function that takes the pipeline on the engine's loop."""
        return self._running_engine().run(work)

    def progress(self) -> Progress:
        """Return how far this process is. May be called from any thread."""
        engine = self._engine
        return Progress() if engine is None else engine.progress()

    def pause(self, *, is_paused: bool) -> None:
        """Begin no further call until told to go on. Takes no lock: it is called in a signal handler, too."""
        self._is_paused = is_paused
        if self._engine is not None:
            self._engine.pause(is_paused=is_paused)

    @property
    def notices(self) -> Sequence[str]:
        """What the user should know of the response cache, a line each."""
        return () if self._pipeline is None else self._pipeline.notices

    def stop(self) -> None:
        """Stop calling at once, with everything that was paid for on disk. May be called twice."""
        with self._lock:
            self._is_stopped = True
        if self._watch is not None:
            self._watch.stop()
        if self._engine is not None:
            self._engine.stop()

    def _running_engine(self) -> Engine:
        with self._lock:
            if self._engine is None:
                ahead = () if self._share is not None else range(len(self._cases))
                self._start([position for position in ahead if position not in self._on_demand])
            assert self._engine is not None, "was started"  # noqa: S101 - states what the line above does
            return self._engine

    def _work_ahead_of(self, numbers: Sequence[int]) -> None:
        positions = [self._by_item[number] for number in numbers if number in self._by_item]
        ahead = [position for position in positions if position not in self._on_demand]
        with self._lock:
            if self._is_stopped:
                return
            if self._engine is None:
                self._start(ahead)
            else:
                self._engine.work_ahead_of(ahead)

    def _start(self, ahead: Sequence[int]) -> None:
        concurrency = worker_concurrency(self._config)
        self._engine = Engine(
            self._cases,
            lambda: self._make_pipeline(concurrency),
            window=concurrency * AHEAD_FACTOR,
            ahead=ahead,
            known=self._known,
            mode=self._mode,
            before=self._before,
        )
        self._engine.start()
        if self._share is None and self._watch is not None:
            self._watch.start()

    def _make_pipeline(self, concurrency: int) -> Pipeline:
        settings = self._settings
        services = Services(
            open_cache=None if settings.cache == "off" else self._open_cache,
            budget=self._budget(),
            policy=RetryPolicy(settings.retries, settings.max_wait),
            is_replay=settings.cache == "replay",
            refusal=self._refusal,
        )
        self._pipeline = Pipeline(self._config.rootpath, concurrency, services)
        self._pipeline.pause(is_paused=self._is_paused)  # a worker may have been told before it began
        return self._pipeline

    def _open_cache(self) -> ResponseCache:
        settings, root = self._settings, self._config.rootpath
        recordings = root / settings.recordings if settings.recordings else None
        return ResponseCache.open(root / settings.cache_file, settings.cache, recordings, session_id(self._config))

    def _budget(self) -> SpendingLimit | None:
        limit = self._settings.max_cost
        if limit is None:
            return None
        controller = self._config.pluginmanager.get_plugin("promptevals-xdist")
        facts = worker_facts(self._config) if controller is None else controller.facts
        shared = facts.get(BUDGET_FACT)
        return Budget(limit) if shared is None else SharedBudget(Path(shared), limit)

    def _check_prices(self) -> None:
        runs_nothing = self._settings.plan or self._config.option.collectonly
        if self._settings.max_cost is None or runs_nothing:
            return
        try:
            cases = [case for case in self._cases if _key_of(case) not in self._settled]
            check_all_priced(unpriced_models(cases, self._config.rootpath))
        except UsageError as error:
            if self._share is None:
                raise pytest.UsageError(visible_text(str(error))) from error
            self.refuse(str(error))  # a worker cannot end the session


def _outputs_before(items: Sequence[CaseItem], before: Callable[[CaseItem], str | None]) -> dict[tuple[str, str], str]:
    """Return the baseline's outputs by file and name, of those items that are judged against them."""
    outputs: dict[tuple[str, str], str] = {}
    for item in items:
        planned = item.planned
        if wants_before(planned.judges) and (output := before(item)) is not None:
            outputs[planned.plan.dataset.path, planned.name] = output
    return outputs


def _key(item: CaseItem) -> tuple[str, str]:
    return _key_of(item.planned)


def _key_of(planned: PlannedCase) -> tuple[str, str]:
    return planned.plan.dataset.path, planned.name


def _may_not_run(item: pytest.Item) -> bool:
    """Return whether a mark may keep the item from running, which pytest decides only when it comes to it."""
    xfail = item.get_closest_marker("xfail")
    if xfail is not None and xfail.kwargs.get("run") is False:
        return True
    return any(item.get_closest_marker(name) is not None for name in ("skip", "skipif"))
