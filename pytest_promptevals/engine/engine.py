"""The engine: asyncio in a thread of its own, working ahead of whoever asks for results.

It is the one sync edge of an async core. The caller asks for results in its own order; the engine works in the order
of the list it was given, never more than ``window`` cases beyond the last one asked for, so that memory stays flat for
any dataset, and whatever has not started can still be left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Final, TypeVar

from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.runner import run_case
from pytest_promptevals.errors import PromptEvalsError
from pytest_promptevals.records.results import CaseResult

Result = TypeVar("Result")

_STOP_SECONDS: Final = 5.0
"""How long stopping may wait for calls to be cancelled and providers to close."""
_POLL_SECONDS: Final = 0.5
"""A wait is cut into such pieces, since Windows delivers Ctrl-C only between them."""


class EngineStoppedError(PromptEvalsError):
    """A result was asked for after the engine was stopped, or its thread died."""


class Engine:
    """Runs planned cases.

    Args:
        cases: what to run, in the order in which results will be asked for.
        make_pipeline: makes the pipeline; called in the engine's thread.
        window: how many cases may be started beyond the last one asked for; 0 starts each only when it is asked for.
        on_demand: positions of cases that are never started ahead, only when they are asked for.
    """

    def __init__(
        self,
        cases: Sequence[PlannedCase],
        make_pipeline: Callable[[], Pipeline],
        *,
        window: int,
        on_demand: frozenset[int] = frozenset(),
    ) -> None:
        self._cases = cases
        self._make_pipeline = make_pipeline
        self._window = window
        self._on_demand = on_demand
        # Written by the caller's thread:
        self._asked = -1
        self._is_stopped = False
        # Written by both, one atomic dict operation at a time:
        self._futures: dict[int, Future[CaseResult]] = {}
        # Written by the engine's thread:
        self._next = 0
        self._running: dict[int, asyncio.Task[None]] = {}
        self._failure: BaseException | None = None
        self._pipeline: Pipeline | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_requested = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name="promptevals-engine", daemon=True)

    def start(self) -> None:
        """Start the thread and begin to work ahead. Raises ``EngineStoppedError`` if it cannot start."""
        self._thread.start()
        self._ready.wait()
        self._check_running()

    def result(self, position: int) -> CaseResult:
        """Return the result of the case at that position, waiting for it. Asked for again, the case is run again.

        Raises ``EngineStoppedError`` if the engine is stopped.
        """
        self._check_running()
        self._asked = max(self._asked, position)
        is_ahead = position in self._futures
        future = self._futures.setdefault(position, Future())
        if not is_ahead:
            self._in_loop(lambda: self._start_case(position))
        if self._next < len(self._cases) and self._next - position <= self._window // 2:
            self._in_loop(self._work_ahead)
        try:
            return _wait(future)
        finally:
            if future.done():
                self._futures.pop(position, None)

    def run(self, work: Callable[[Pipeline], Coroutine[Any, Any, Result]]) -> Result:
        """Run a coroutine of the caller's on the engine's loop and return what it returns."""
        self._check_running()
        assert self._loop is not None  # noqa: S101 - set before start() returns
        assert self._pipeline is not None  # noqa: S101 - set before start() returns
        return _wait(asyncio.run_coroutine_threadsafe(work(self._pipeline), self._loop))

    def stop(self) -> None:
        """Cancel what has not finished, close the providers and end the thread. May be called twice."""
        self._is_stopped = True
        if self._thread.is_alive():
            self._in_loop(self._stop_requested.set)
            self._thread.join(_STOP_SECONDS)

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
            stopped = EngineStoppedError("the engine stopped before this case had a result")
            for future in list(self._futures.values()):
                if not future.done():
                    future.set_exception(self._failure or stopped)
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pipeline = self._make_pipeline()
        self._ready.set()
        self._work_ahead()
        await self._stop_requested.wait()
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._pipeline.close()

    def _work_ahead(self) -> None:
        # The first call comes from start(), before anything is asked for, when position 0 is about to be.
        limit = min(len(self._cases), max(self._asked, 0) + self._window)
        while self._next < limit:
            position = self._next
            self._next += 1
            if position > self._asked and position not in self._on_demand:
                self._start_case(position)

    def _start_case(self, position: int) -> None:
        future = self._futures.setdefault(position, Future())
        if position not in self._running and not future.done():
            self._running[position] = asyncio.create_task(self._run_case(position, future))

    async def _run_case(self, position: int, future: Future[CaseResult]) -> None:
        assert self._pipeline is not None  # noqa: S101 - set before the first case starts
        failure: BaseException = EngineStoppedError("the case was given up")
        result = None
        try:
            result = await run_case(self._cases[position], self._pipeline)
        except Exception as error:  # noqa: BLE001 - a defect in this package ends one case, not all
            failure = error
        finally:
            # Whatever happens, whoever waits is answered.
            del self._running[position]
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
