"""The engine's thread: order, window, stopping and failing."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_promptevals.engine.engine import _CANCEL_SECONDS, _END_SECONDS, Engine, EngineStoppedError
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.routes import CLOSE_SECONDS
from pytest_promptevals.engine.runner import run_case
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.records.requests import Request
from pytest_promptevals.records.responses import Response
from tests.unit.engine.plans import CountingProvider, plan

COUNT = 40


class Bench:
    """An engine over cases that a provider of the test answers."""

    def __init__(self, folder: Path) -> None:
        self.started: list[str] = []
        self.release = threading.Event()
        self.release.set()
        self.folder = folder
        self.planned: tuple[PlannedCase, ...] = plan(
            folder,
            "model: mine/m\njudges: [exact]\ncases: ["
            + ", ".join(f"{{id: c{n}, input: x{n}, expected: x{n}}}" for n in range(COUNT))
            + "]",
            mine=self.make,
        )
        self.engines: list[Engine] = []

    def make(self, context: ProviderContext) -> CountingProvider:
        """Make the provider, which waits for ``release``."""
        bench = self

        class Waiting(CountingProvider):
            async def complete(self, request: Request) -> Response:
                bench.started.append(request.messages[-1].content)
                while not bench.release.is_set():  # noqa: ASYNC110 - set by another thread
                    await asyncio.sleep(0.001)
                return Response(request.messages[-1].content)

        return Waiting(context)

    def engine(self, window: int, on_demand: frozenset[int] = frozenset()) -> Engine:
        """Start an engine."""
        ahead = [position for position in range(len(self.planned)) if position not in on_demand]
        return self.start(Engine(self.planned, self.pipeline, window=window, ahead=ahead))

    def start(self, engine: Engine) -> Engine:
        """Start an engine, and have it stopped at the end."""
        engine.start()
        self.engines.append(engine)
        return engine

    def pipeline(self) -> Pipeline:
        """Make a pipeline that holds nothing back."""
        return Pipeline(self.folder, 100)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait a moment for something that the engine's thread does."""
        deadline = time.monotonic() + 5
        while not holds() and time.monotonic() < deadline:
            time.sleep(0.002)
        assert holds()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.release.set()
    for engine in bench.engines:
        engine.stop()


def test_results_come_in_the_order_in_which_they_are_asked_for(bench: Bench) -> None:
    engine = bench.engine(window=8)

    assert [engine.result(position).name for position in range(COUNT)] == [f"c{n}" for n in range(COUNT)]
    assert sorted(bench.started) == sorted(f"x{n}" for n in range(COUNT))


def test_no_more_is_started_than_the_window_allows(bench: Bench) -> None:
    bench.release.clear()

    engine = bench.engine(window=8)

    bench.wait_until(lambda: len(bench.started) == 8)
    time.sleep(0.02)
    assert len(bench.started) == 8
    bench.release.set()
    engine.result(0)
    assert len(bench.started) <= 9


def test_known_responses_are_judged_in_turn_with_whoever_takes_the_results(bench: Bench) -> None:
    first = bench.engine(window=8)
    results = [first.result(position) for position in range(COUNT)]
    known = {(result.file, result.name): result for result in results}
    engine = bench.start(Engine(bench.planned, bench.pipeline, window=8, known=known))

    for position in range(7):
        engine.result(position)
    time.sleep(0.02)
    assert engine.progress().done == 8
    engine.result(7)
    bench.wait_until(lambda: engine.progress().done == 16)
    assert len(bench.started) == COUNT


def test_a_window_of_nothing_starts_each_case_only_when_it_is_asked_for(bench: Bench) -> None:
    engine = bench.engine(window=0)

    engine.result(3)
    engine.result(7)

    assert bench.started == ["x3", "x7"]


def test_cases_on_demand_are_never_started_ahead(bench: Bench) -> None:
    engine = bench.engine(window=8, on_demand=frozenset({1, 5}))
    for position in (0, 2, 3, 4):
        engine.result(position)
    bench.wait_until(lambda: len(bench.started) >= 10)

    assert not {"x1", "x5"} & set(bench.started)
    assert engine.result(5).name == "c5"


def test_a_result_asked_for_again_is_run_again(bench: Bench) -> None:
    engine = bench.engine(window=0)

    assert engine.result(2) == engine.result(2)
    assert bench.started == ["x2", "x2"]


def test_positions_may_be_left_out(bench: Bench) -> None:
    engine = bench.engine(window=4)

    assert [engine.result(position).name for position in (0, 20, 39)] == ["c0", "c20", "c39"]


def test_stopping_cancels_what_is_under_way_and_starts_no_more(bench: Bench) -> None:
    bench.release.clear()
    engine = bench.engine(window=8)
    bench.wait_until(lambda: len(bench.started) == 8)

    engine.stop()
    engine.stop()

    assert len(bench.started) == 8
    with pytest.raises(EngineStoppedError, match="^the engine is stopped: no further case is run$"):
        engine.result(0)


def test_who_waits_when_the_engine_stops_is_told(bench: Bench) -> None:
    bench.release.clear()
    engine = bench.engine(window=8)
    bench.wait_until(lambda: len(bench.started) == 8)
    threading.Timer(0.02, engine.stop).start()

    with pytest.raises(EngineStoppedError, match="^the engine stopped before this case had a result$"):
        engine.result(0)


def test_an_engine_that_cannot_start_says_why(bench: Bench) -> None:
    def refuse() -> Pipeline:
        raise RuntimeError("no pipeline")

    engine = Engine(bench.planned, refuse, window=1)

    with pytest.raises(EngineStoppedError, match="^the engine failed: RuntimeError: no pipeline$"):
        engine.start()


def test_a_defect_ends_one_case_not_all(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(planned: PlannedCase, pipeline: Pipeline, *known: object) -> object:
        if planned.name == "c1":
            raise ZeroDivisionError("a defect")
        return await run_case(planned, pipeline)

    monkeypatch.setattr("pytest_promptevals.engine.engine.run_case", broken)
    engine = bench.engine(window=4)

    with pytest.raises(ZeroDivisionError):
        engine.result(1)
    assert engine.result(2).name == "c2"


def test_other_work_runs_on_the_same_loop(bench: Bench) -> None:
    async def work(pipeline: Pipeline) -> str:
        return type(pipeline).__name__

    async def late(pipeline: Pipeline) -> None:
        raise TimeoutError("its own")

    engine = bench.engine(window=0)

    assert engine.run(work) == "Pipeline"
    with pytest.raises(TimeoutError, match="its own"):
        engine.run(late)


# Ahead, by position.


def test_no_more_than_the_window_is_started_however_much_has_ended(bench: Bench) -> None:
    engine = bench.engine(window=8)
    bench.wait_until(lambda: engine.progress().done == 8)
    time.sleep(0.02)

    assert len(bench.started) == 8
    assert engine.progress().done == 8


def test_the_window_is_filled_again_once_half_of_it_was_asked_for(bench: Bench) -> None:
    engine = bench.engine(window=8)
    bench.wait_until(lambda: engine.progress().done == 8)

    for position in range(3):
        engine.result(position)
    time.sleep(0.02)
    assert len(bench.started) == 8
    engine.result(3)
    bench.wait_until(lambda: len(bench.started) == 12)


def test_cases_are_started_in_the_order_that_is_given(bench: Bench) -> None:
    bench.release.clear()

    bench.start(Engine(bench.planned, bench.pipeline, window=3, ahead=(30, 10, 20, 0)))

    bench.wait_until(lambda: len(bench.started) == 3)
    assert bench.started == ["x30", "x10", "x20"]


def test_more_positions_may_be_added_later(bench: Bench) -> None:
    engine = bench.start(Engine(bench.planned, bench.pipeline, window=4, ahead=()))
    time.sleep(0.01)
    assert bench.started == []

    engine.work_ahead_of([7, 5])
    bench.wait_until(lambda: len(bench.started) == 2)
    engine.work_ahead_of([6, 7, 1, 2])
    bench.wait_until(lambda: len(bench.started) == 4)

    assert bench.started == ["x7", "x5", "x6", "x1"]
    assert engine.result(7).name == "c7"
    assert engine.result(0).name == "c0"


def test_a_case_that_was_asked_for_is_not_started_again_when_its_turn_comes(bench: Bench) -> None:
    engine = bench.start(Engine(bench.planned, bench.pipeline, window=4, ahead=()))
    engine.result(1)

    engine.work_ahead_of([0, 1, 2])
    bench.wait_until(lambda: len(bench.started) == 3)

    assert bench.started == ["x1", "x0", "x2"]


def test_whoever_asks_while_a_case_is_being_started_gets_the_one_result(bench: Bench) -> None:
    engine = bench.engine(window=COUNT)

    for position in range(COUNT):
        engine.result(position)

    assert sorted(bench.started) == sorted(f"x{n}" for n in range(COUNT))


# Known results.


def test_a_case_that_is_known_is_not_called_for(bench: Bench) -> None:
    first = bench.engine(window=0).result(0)
    bench.started.clear()

    engine = bench.start(
        Engine(bench.planned, bench.pipeline, window=0, known={("a.eval.yaml", "c0"): first, ("b.yaml", "c1"): first})
    )

    assert engine.result(0) == first
    engine.result(1)
    assert bench.started == ["x1"]


# Pause and progress.


def test_a_pause_begins_no_further_call_until_it_ends(bench: Bench) -> None:
    engine = bench.start(Engine(bench.planned, bench.pipeline, window=4, ahead=()))
    engine.pause(is_paused=True)
    engine.work_ahead_of(range(4))
    bench.wait_until(lambda: engine.progress().is_paused)
    time.sleep(0.01)
    assert bench.started == []

    engine.pause(is_paused=False)
    assert engine.result(0).name == "c0"


def test_progress_counts_what_is_ahead_and_what_is_done(bench: Bench) -> None:
    bench.release.clear()
    engine = Engine(bench.planned, bench.pipeline, window=4, ahead=range(3))
    assert (engine.progress().total, engine.progress().done) == (3, 0)
    engine.pause(is_paused=True)  # nobody hears it yet
    bench.start(engine)
    bench.wait_until(lambda: engine.progress().running == 3)
    bench.release.set()

    for position in range(5):
        engine.result(position)
    progress = engine.progress()

    assert (progress.total, progress.done, progress.running, progress.calls) == (5, 5, 0, 5)
    assert not progress.is_paused


# Ends.


def test_stopping_waits_for_no_code_that_takes_no_notice(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    async def stubborn(planned: PlannedCase, pipeline: Pipeline, *known: object) -> object:
        while not bench.release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.005)
        return await run_case(planned, pipeline)

    class Closing(Pipeline):
        async def close(self) -> None:
            await super().close()
            closed.append("closed")

    monkeypatch.setattr("pytest_promptevals.engine.engine.run_case", stubborn)
    monkeypatch.setattr("pytest_promptevals.engine.engine._CANCEL_SECONDS", 0.02)
    monkeypatch.setattr("pytest_promptevals.engine.engine._END_SECONDS", 0.01)
    bench.release.clear()
    engine = bench.start(Engine(bench.planned, lambda: Closing(bench.folder, 4), window=2))
    bench.wait_until(lambda: len(engine._running) == 2)
    started = time.monotonic()

    engine.stop()

    assert time.monotonic() - started < 1
    assert closed == ["closed"]
    bench.release.set()
    engine._thread.join(5)
    assert not engine._thread.is_alive()


def test_calls_under_way_are_cancelled_before_what_they_use_is_closed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    async def waiting(planned: PlannedCase, pipeline: Pipeline, *known: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            order.append("cancelled")

    class Closing(Pipeline):
        async def close(self) -> None:
            order.append("closed")

    monkeypatch.setattr("pytest_promptevals.engine.engine.run_case", waiting)
    engine = bench.start(Engine(bench.planned, lambda: Closing(bench.folder, 4), window=1))
    bench.wait_until(lambda: len(engine._running) == 1)

    engine.stop()

    assert order == ["cancelled", "closed"]


def test_stopping_takes_less_than_a_second_whatever_user_code_does() -> None:
    assert _CANCEL_SECONDS + CLOSE_SECONDS + _END_SECONDS < 1


def test_an_engine_that_dies_answers_whoever_asks_then(bench: Bench) -> None:
    class Dying(Pipeline):
        async def close(self) -> None:
            raise RuntimeError("cannot close")

    engine = bench.start(Engine(bench.planned, lambda: Dying(bench.folder, 4), window=0))
    engine._in_loop(engine._stop_requested.set)
    engine._thread.join(5)

    with pytest.raises(EngineStoppedError, match="^the engine failed: RuntimeError: cannot close$"):
        engine.result(0)


def test_who_asks_at_the_very_end_is_not_left_waiting(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = bench.engine(window=0)
    engine.stop()
    monkeypatch.setattr(engine, "_is_stopped", False)  # as if it ended just after that was looked at

    with pytest.raises(EngineStoppedError, match="^the engine stopped before this case had a result$"):
        engine.result(0)


def test_work_whose_caller_is_interrupted_is_cancelled(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled = threading.Event()

    async def work(pipeline: Pipeline) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    def interrupt(future: object) -> object:
        time.sleep(0.01)
        raise KeyboardInterrupt

    engine = bench.engine(window=0)
    monkeypatch.setattr("pytest_promptevals.engine.engine._wait", interrupt)

    with pytest.raises(KeyboardInterrupt):
        engine.run(work)
    assert cancelled.wait(5)


def test_a_pause_or_more_work_after_the_end_is_no_error(bench: Bench) -> None:
    engine = bench.engine(window=0)
    engine.stop()

    engine.pause(is_paused=True)
    engine.work_ahead_of([1])
    assert bench.started == []
