"""The controller's side of pytest-xdist: it schedules, tells workers what they must know, and takes their results."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import queue
import tempfile
import threading
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_promptevals.errors import UsageError
from pytest_promptevals.pytest_glue.identity import session_id
from pytest_promptevals.pytest_glue.options import is_eval_file, reuses_outputs, settings_of
from pytest_promptevals.pytest_glue.share import (
    BUDGET_FACT,
    COMMAND,
    FACTS,
    NOTICES,
    ORDER_FACTS,
    RESUMED_FACT,
    REUSED_FACT,
    SELECTION_ATTRIBUTE,
    SESSION_FACT,
)
from pytest_promptevals.records.references import FILE
from pytest_promptevals.reports.words import visible_text

if TYPE_CHECKING:
    from pytest_promptevals.pytest_glue.lanes import Scheduler
    from pytest_promptevals.pytest_glue.late_scheduling import LateScheduling
    from pytest_promptevals.pytest_glue.recording import RunRecorder
    from pytest_promptevals.pytest_glue.scheduling import EvalScheduling, Split
    from pytest_promptevals.pytest_glue.watching import Watch
    from pytest_promptevals.records.progress import Progress
    from pytest_promptevals.settings import Settings

_BY_FILE: Final = ("loadfile", "loadscope")
_SCHEDULED: Final = ("load", "worksteal", *_BY_FILE)
_REFUSED: Final = {
    "each": "it would run, and pay for, every case once in each worker",
    "loadgroup": "it renames items by their group, and results of cases are kept by name",
}


class Controller:
    """Hands what comes from workers to the recorder, which is made when the first result arrives."""

    def __init__(self, config: pytest.Config) -> None:
        self.facts: dict[str, Any] = {SESSION_FACT: session_id(config)}
        """What every worker is told before it starts, as plain JSON data; ``worker_facts`` reads it there.

        ``session`` is the same for all of them; ``order`` is what the order of cases asks of the history; ``budget`` is
        the file in which they keep to one budget; ``resumed`` is the run whose results they need not make again.
        """
        self._config = config
        self._nodes: list[Any] = []
        self._scheduling: LateScheduling | None = None
        self._session: pytest.Session | None = None
        self._is_paused = False
        self._budget_folder: tempfile.TemporaryDirectory[str] | None = None
        self._watch: Watch | None = None
        self._reused_sources: Sequence[object] = ()
        self._left_out: Sequence[str] = ()
        self._ids: Sequence[str] = ()
        self._pauses: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._passer: threading.Thread | None = None

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Remember the session: it counts failures. Whoever asks for a report is told even where no case comes."""
        self._session = session
        if settings_of(self._config).given.keys() & {"html", "report"}:
            self._recorder()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give a worker the facts on its way. They are read once, so that one started late comes to the same order."""
        if ORDER_FACTS not in self.facts and settings_of(self._config).order != "fifo":
            from pytest_promptevals.pytest_glue.selection import read_order_facts  # noqa: PLC0415 - only for an order

            self.facts[ORDER_FACTS] = read_order_facts(self._config)
        if BUDGET_FACT not in self.facts and settings_of(self._config).max_cost is not None:
            self._budget_folder = tempfile.TemporaryDirectory(prefix="promptevals-budget-", ignore_cleanup_errors=True)
            self.facts[BUDGET_FACT] = str(Path(self._budget_folder.name) / "budget.db")
        if RESUMED_FACT not in self.facts and settings_of(self._config).resume:
            from pytest_promptevals.pytest_glue.continuing import resumed_run_id  # noqa: PLC0415 - only to resume

            self.facts[RESUMED_FACT] = resumed_run_id(self._config, settings_of(self._config))
        if REUSED_FACT not in self.facts and reuses_outputs(self._config):
            from pytest_promptevals.pytest_glue.reusing import reused_run_id  # noqa: PLC0415 - only to reuse a run

            self.facts[REUSED_FACT] = reused_run_id(self._config)
        if settings_of(self._config).changed and not self._nodes:
            from pytest_promptevals.pytest_glue.changed import check_reference  # noqa: PLC0415 - only where it is asked for

            check_reference(self._config)  # a worker cannot end the session
        node.workerinput[FACTS] = json.dumps(self.facts)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Any) -> None:
        """Remember a worker that has started."""
        self._nodes.append(node)
        if self._is_paused:
            _tell(node, is_paused=True)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Forget a worker that has ended; if the user interrupted it, the others end, too."""
        if node in self._nodes:
            self._nodes.remove(node)
        notices = getattr(node, "workeroutput", None) or {}
        if NOTICES in notices:
            self._recorder().add_notices(json.loads(notices[NOTICES]))
        if "promptevals_reused_results" in notices:
            from pytest_promptevals.pytest_glue.accepting import nodeids_of  # noqa: PLC0415 - only where there are any
            from pytest_promptevals.pytest_glue.reused_results import REUSED_RESULTS, read_results  # noqa: PLC0415 - only where there are any

            sources, results, facts = read_results(notices[REUSED_RESULTS])
            self._reused_sources = sources
            self._left_out = [nodeids_of(result)[0] for result in results]
            self._recorder().reuse(sources, results, ((described, None) for described in facts))
        scheduling = self._eval_scheduling()
        if error == "keyboard-interrupt" and scheduling is not None:
            scheduling.stop(str(error))

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: object) -> LateScheduling | None:
        """Schedule eval items so that every worker knows its own from the start."""
        if config.getoption("dist") not in _SCHEDULED:
            return None
        from pytest_promptevals.pytest_glue.late_scheduling import LateScheduling  # noqa: PLC0415 - only where there are workers

        others = config.pluginmanager.subset_hook_caller("pytest_xdist_make_scheduler", [self])
        make = partial(others, config=config, log=log)
        self._scheduling = LateScheduling(make, partial(self._schedule_evals, make))
        return self._scheduling

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Refuse eval items in a mode that does not suit them, or with a baseline that there is not.

        Raises ``pytest.UsageError``.
        """
        mode = self._config.getoption("dist")
        if mode in _REFUSED and self._eval_positions(ids):
            raise pytest.UsageError(
                f"--dist {mode} cannot run eval items: {_REFUSED[mode]}. "
                f"Use --dist {', '.join(_SCHEDULED[:-1])} or {_SCHEDULED[-1]}, or leave evals out with --no-evals."
            )
        settings = settings_of(self._config)
        if settings.accept or settings.saved_name or settings.baseline != FILE:
            self._ids = ids
            self._check(ids, settings, is_all=not settings.changed)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, object, object]:
        """Take the case's result off a worker's report, and stop the workers when enough have failed."""
        if hasattr(report, SELECTION_ATTRIBUTE):
            from pytest_promptevals.pytest_glue.selection import restore_selection  # noqa: PLC0415 - only for eval items

            restore_selection(self._config, report)
        if hasattr(report, "promptevals_result"):
            self._start_passing_on()
            self._recorder().take(report)
        if hasattr(report, "promptevals_review"):
            self._recorder().restore_review(report)
        returned = yield
        scheduling = self._eval_scheduling()
        if scheduling is not None and self._session is not None:
            reason = self._session.shouldfail or self._session.shouldstop
            if reason:
                # xdist lets each worker run all that is in its queue.
                scheduling.stop(str(reason))
        return returned

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """Interrupt the workers, which Ctrl-C may not have reached."""
        scheduling = self._eval_scheduling()
        if scheduling is not None:
            scheduling.interrupt()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End the progress line before pytest writes its summary; nothing to run is no failure where all is known."""
        if self._reused_sources and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK
        if self._watch is not None:
            self._watch.stop()

    def pytest_unconfigure(self) -> None:
        """Remove the file of the budget: the workers have ended."""
        if self._budget_folder is not None:
            self._budget_folder.cleanup()

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Decide when all workers are done. Raises ``pytest.UsageError`` for an accepted case that there is not."""
        result = yield
        settings = settings_of(self._config)
        if settings.accept and settings.changed:  # by now, the cases that did not run are known
            self._check([*self._ids, *self._left_out], settings, is_all=True)
        # Without workers (--dist alone asks for none) the session decides for itself.
        if all(map(self._config.pluginmanager.has_plugin, ("dsession", "promptevals-recorder"))):
            from pytest_promptevals.pytest_glue.late_caller import LateCaller  # noqa: PLC0415 - only for eval items

            self._recorder().decide(session, LateCaller(self._config))
        return result

    def pause(self, *, is_paused: bool) -> None:
        """Have all workers begin no further call, or go on. May be called in a signal handler."""
        self._is_paused = is_paused
        self._pauses.put(is_paused)

    def _pass_on_pauses(self) -> None:
        while True:
            is_paused = self._pauses.get()
            for node in list(self._nodes):
                _tell(node, is_paused=is_paused)

    def _start_passing_on(self) -> None:
        # Workers are written to through pipes with locks, so a signal handler leaves that to a thread.
        if self._passer is None:
            self._passer = threading.Thread(target=self._pass_on_pauses, name="promptevals-pause", daemon=True)
            self._passer.start()

    def _schedule_evals(self, make_base: Callable[[], Scheduler], ids: Sequence[str]) -> EvalScheduling | None:
        from pytest_promptevals.pytest_glue.scheduling import EvalScheduling  # noqa: PLC0415 - only where there are workers

        evals = self._eval_positions(ids)
        if not evals:
            return None
        self._start_passing_on()
        self._start_watch(len(evals))
        ceiling = settings_of(self._config).concurrency
        return EvalScheduling(ids, evals, split=self._split(ids), ceiling=ceiling, make_base=make_base)

    def _start_watch(self, total: int) -> None:
        from pytest_promptevals.pytest_glue.watching import Watch  # noqa: PLC0415 - only for eval items

        recorder = self._recorder()  # here, for it registers plugins: another thread may not

        def read() -> Progress:
            return dataclasses.replace(recorder.progress(), total=total, is_paused=self._is_paused)

        self._watch = Watch(
            self._config, settings_of(self._config).progress, read, lambda is_paused: self.pause(is_paused=is_paused)
        )
        self._watch.start()

    def _split(self, ids: Sequence[str]) -> Split:
        from pytest_promptevals.engine.ordering import BY_RANK  # noqa: PLC0415 - only for eval items
        from pytest_promptevals.engine.splitting import deal, split_blocks, split_groups  # noqa: PLC0415 - likewise

        if self._config.getoption("dist") in _BY_FILE:
            return lambda positions, parts: split_groups(positions, lambda position: _file_of(ids[position]), parts)
        return deal if settings_of(self._config).order in BY_RANK else split_blocks

    def _check(self, ids: Sequence[str], settings: Settings, *, is_all: bool) -> None:
        """Raise ``pytest.UsageError`` for a baseline or an accepted case that there is not, before workers begin."""
        evals = set(self._eval_positions(ids))
        # Which of the others belong to a dataset only the workers know.
        others = [nodeid for number, nodeid in enumerate(ids) if number not in evals and nodeid.endswith("]")]
        if not evals and not (others and settings.given.keys() & {"accept", "baseline", "save_baseline"}):
            return
        from pytest_promptevals.pytest_glue.checking import check_items  # noqa: PLC0415 - only for eval items

        items = [(ids[number], False) for number in sorted(evals)] + [(nodeid, True) for nodeid in others]
        try:
            check_items(items if is_all else None, self._recorder().baselines, settings, self._config.rootpath)
        except UsageError as error:
            raise pytest.UsageError(visible_text(str(error))) from error

    def _eval_positions(self, ids: Sequence[str]) -> list[int]:
        files: dict[str, bool] = {}
        for nodeid in ids:
            file = _file_of(nodeid)
            if file not in files:
                files[file] = is_eval_file(self._config.rootpath / file, self._config)
        return [position for position, nodeid in enumerate(ids) if files[_file_of(nodeid)]]

    def _eval_scheduling(self) -> EvalScheduling | None:
        return None if self._scheduling is None else self._scheduling.for_evals()

    def _recorder(self) -> RunRecorder:
        from pytest_promptevals.pytest_glue.recording import recorder_of  # noqa: PLC0415 - only for eval items

        return recorder_of(self._config, settings_of(self._config))


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _tell(node: Any, **message: object) -> None:
    # A worker that just died will be removed.
    with contextlib.suppress(OSError):
        node.sendcommand(COMMAND, **message)
