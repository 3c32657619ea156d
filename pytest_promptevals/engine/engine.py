"""The engine: asyncio in a thread of its own, working ahead of whoever asks for results.

It is the one sync edge of an async core. The caller asks for results in its own order; the engine works in the order
of the list it was given, never more than ``window`` cases ahead of what was asked for, so that memory stays flat for
any dataset, and whatever has not started can still be left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Final, TypeVar

from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.reuse import ReuseMode, regate_case, rejudge_case
from pytest_promptevals.engine.runner import run_case
from pytest_promptevals.errors import PromptEvalsError
from pytest_promptevals.records.progress import Progress
from pytest_promptevals.records.results import CaseResult

Result = TypeVar("Result")

_STOP_SECONDS: Final = 5.0
"""How long stopping may wait for calls to be cancelled and paid responses to be written."""
_CANCEL_SECONDS: Final = 0.3
"""How long stopping waits for cases that are cancelled: code of the user's may take no notice."""
_END_SECONDS: Final = 0.1
"""How long the thread may take to end once everything is on disk; a function that runs in it is not waited for."""
_POLL_SECONDS: Final = 0.5
"""A wait is cut into such pieces, since Windows delivers Ctrl-C only between them."""


class EngineStoppedError(PromptEvalsError):
    """A result was asked for after the engine was stopped, or its thread died."""


class Engine:
    """Runs planned cases.

    Args:
        cases: what may be asked for, by position.
        make_pipeline: makes the pipeline; called in the engine's thread.
        window: how many cases may be started before they are asked for; with 0, none is.
        ahead: positions of the cases that may be started before they are asked for, in the order in which they will
            be; all of them if not given. ``work_ahead_of`` adds to them.
        known: results of an earlier run by file and name.
        mode: what is taken of them.
        before: outputs of the baseline by file and name, for cases that are judged against them.
    """

    def __init__(
        self,
        cases: Sequence[PlannedCase],
        make_pipeline: Callable[[], Pipeline],
        *,
        window: int,
        ahead: Sequence[int] | None = None,
        known: Mapping[tuple[str, str], CaseResult] | None = None,
        mode: ReuseMode = ReuseMode.RESUME,
        before: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        self._cases = cases
        self._make_pipeline = make_pipeline
        self._window = window
        self._known = known or {}
        self._mode = mode
        self._before = before or {}
        # Written by the caller's thread:
        self._is_stopped = False
        # Written by both, one atomic operation of a list, dict or int at a time:
        self._ahead = list(range(len(cases)) if ahead is None else ahead)
        self._futures: dict[int, Future[CaseResult]] = {}
        self._asked = bytearray(len(cases))
        # Written by the caller's thread:
        self._awaited: int | None = None
        # Written by the engine's thread:
        self._next = 0
        self._early: set[int] = set()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._done = 0
        self._calls_before = 0
        self._failure: BaseException | None = None
        self._pipeline: Pipeline | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_requested = asyncio.Event()
        self._ready = threading.Event()
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._main, name="promptevals-engine", daemon=True)

    def start(self) -> None:
        """Start the thread and begin to work ahead. Raises ``EngineStoppedError`` if it cannot start."""
        self._thread.start()
        self._ready.wait()
        self._check_running()

    def work_ahead_of(self, positions: Sequence[int]) -> None:
        """Add positions of cases that may be started before they are asked for. May be called from any thread."""
        self._ahead.extend(positions)
        self._in_loop(self._work_ahead)

    def result(self, position: int) -> CaseResult:
        """Return the result of the case at that position, waiting for it. Asked for again, the case is run again.

        Raises ``EngineStoppedError`` if the engine is stopped.
        """
        self._check_running()
        self._asked[position] = True
        is_ahead = position in self._futures
        future = self._futures.setdefault(position, Future())
        if not is_ahead:
            self._in_loop(lambda: self._start_case(position))
        if self._is_closed.is_set():
            self._answer_all()
        self._early.discard(position)
        if self._window and self._next < len(self._ahead) and len(self._early) <= self._fewest_ahead():
            self._in_loop(self._work_ahead)
        try:
            self._awaited = position
            return _wait(future)
        finally:
            self._awaited = None
            if future.done():
                self._futures.pop(position, None)

    def run(self, work: Callable[[Pipeline], Coroutine[Any, Any, Result]]) -> Result:
        """Run a coroutine of the caller's on the engine's loop and return what it returns."""
        self._check_running()
        assert self._loop is not None  # noqa: S101 - set before start() returns
        assert self._pipeline is not None  # noqa: S101 - set before start() returns
        future = asyncio.run_coroutine_threadsafe(work(self._pipeline), self._loop)
        try:
            return _wait(future)
        finally:
            future.cancel()  # who was interrupted waits no more

    def pause(self, *, is_paused: bool) -> None:
        """Begin no further call until told to go on; calls under way end. May be called from any thread."""
        pipeline = self._pipeline
        if pipeline is not None:
            self._in_loop(lambda: pipeline.pause(is_paused=is_paused))

    def progress(self) -> Progress:
        """Return how far the work is. May be called from any thread."""
        # Cases that are run on demand are no part of what is ahead.
        total = max(len(self._ahead), self._done)
        if self._pipeline is None:
            return Progress(total=total)
        return self._pipeline.progress(total=total, done=self._done)

    def stop(self) -> None:
        """Cancel what has not finished, write what was paid for, and end the thread. May be called twice."""
        self._is_stopped = True
        if self._thread.is_alive():
            self._ready.wait(_STOP_SECONDS)
            self._in_loop(self._stop_requested.set)
            self._is_closed.wait(_STOP_SECONDS)
            self._thread.join(_END_SECONDS)

    def _fewest_ahead(self) -> int:
        """Return at how many cases ahead more are started: calls have to be kept going, known responses have not.

        Two threads that work at the same time compete for Python's one lock, which costs more than what either does.
        """
        is_calling = self._pipeline is not None and self._pipeline.calls > self._calls_before
        return self._window // 2 if is_calling or self._running else 0

    def _check_running(self) -> None:
        if self._failure is not None:
            text = f"the engine failed: {type(self._failure).__name__}: {self._failure}"
            raise EngineStoppedError(text) from self._failure
        if self._is_stopped:
            raise EngineStoppedError("the engine is stopped: no further case is run")

    def _in_loop(self, action: Callable[[], object]) -> None:
        # The loop is closed only once its thread ends, and then nothing is left to do in it.
        with contextlib.suppress(RuntimeError):
            assert self._loop is not None  # noqa: S101 - set before start() returns
            self._loop.call_soon_threadsafe(action)

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - whoever waits for a result must hear of it
            self._failure = error
        finally:
            self._end()

    def _end(self) -> None:
        self._is_closed.set()
        self._answer_all()
        self._ready.set()

    def _answer_all(self) -> None:
        """Tell those who wait that they wait in vain."""
        stopped = EngineStoppedError("the engine stopped before this case had a result")
        for future in list(self._futures.values()):
            with contextlib.suppress(InvalidStateError):  # it was answered just now
                future.set_exception(self._failure or stopped)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pipeline = self._make_pipeline()
        self._ready.set()
        self._work_ahead()
        await self._stop_requested.wait()
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)
        await self._pipeline.close()
        self._end()

    def _work_ahead(self) -> None:
        assert self._pipeline is not None  # noqa: S101 - set before the first case starts
        self._calls_before = self._pipeline.calls
        while self._next < len(self._ahead) and len(self._early) < self._window:
            position = self._ahead[self._next]
            self._next += 1
            if not self._asked[position]:
                self._early.add(position)
                self._start_case(position)
                if self._asked[position]:  # in the meantime, by the other thread
                    self._early.discard(position)

    def _start_case(self, position: int) -> None:
        future = self._futures.setdefault(position, Future())
        if position not in self._running and not future.done():
            planned = self._cases[position]
            planned.plan.warmer.warm(planned.judges, planned.case)
            self._running[position] = asyncio.create_task(self._run_case(position, future))

    async def _run_case(self, position: int, future: Future[CaseResult]) -> None:
        assert self._pipeline is not None  # noqa: S101 - set before the first case starts
        failure: BaseException = EngineStoppedError("the case was given up")
        result = None
        try:
            result = await self._make_result(self._cases[position], self._pipeline)
        except Exception as error:  # noqa: BLE001 - a defect in this package ends one case, not all
            failure = error
        finally:
            # Whatever happens, whoever waits is answered; not before the end of the loop's turn, since both compete.
            self._done += 1
            answer = functools.partial(self._answer, position, future, result, failure)
            if position == self._awaited:
                asyncio.get_running_loop().call_soon(answer)
            else:
                answer()

    async def _make_result(self, planned: PlannedCase, pipeline: Pipeline) -> CaseResult:
        key = (planned.plan.dataset.path, planned.name)
        known, before = self._known.get(key), self._before.get(key)
        if known is not None and self._mode is ReuseMode.REJUDGE:
            return await rejudge_case(planned, known, pipeline, before)
        if known is not None and self._mode is ReuseMode.REGATE:
            return regate_case(planned, known)
        return await run_case(planned, pipeline, known, before)

    def _answer(
        self, position: int, future: Future[CaseResult], result: CaseResult | None, failure: BaseException
    ) -> None:
        del self._running[position]
        with contextlib.suppress(InvalidStateError):  # it comes too late: who waited was told that it would not
            if result is not None:
                future.set_result(result)
            elif not self._stop_requested.is_set():
                future.set_exception(failure)


def _wait(future: Future[Result]) -> Result:
    while True:
        try:
            return future.result(timeout=_POLL_SECONDS)
        except FutureTimeoutError:
            # The coroutine's own TimeoutError is the same class: only an unfinished future was a wait too short.
            if future.done():
                raise
