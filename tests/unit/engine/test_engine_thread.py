"""The engine's thread: order, window, stopping and failing."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_promptevals.engine.engine import Engine, EngineStoppedError
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
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
        engine = Engine(self.planned, lambda: Pipeline(self.folder, 100), window=window, ahead=ahead)
        engine.start()
        self.engines.append(engine)
        return engine

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
    async def broken(planned: PlannedCase, pipeline: Pipeline, known: object) -> object:
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
