"""Judges that prepare themselves while the first responses are on their way."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.engine import warming
from pytest_promptevals.engine.engine import Engine
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.runner import judge_response
from pytest_promptevals.judges.matching import ContainsJudge, ExactJudge
from pytest_promptevals.records.responses import Response
from tests.unit.engine.plans import CountingProvider, plan

TEXT = """
model: mine/m
judges: [exact, any_of: [exact: "{{ input }}", contains: x]]
cases:
  - {id: a, input: x, expected: x}
  - {id: b, input: x, expected: x, judges: [contains]}
"""


class Prepared:
    """Notes which judges were prepared, by whom and with what."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Sequence[Path]]] = []
        self.threads: set[str] = set()
        self.done = threading.Semaphore(0)
        self.raises: Exception | None = None

    def prepare(self, name: str) -> Callable[[Any, Sequence[Path]], None]:
        def prepare(judge: Any, search_path: Sequence[Path]) -> None:
            self.calls.append((name, search_path))
            self.threads.add(threading.current_thread().name)
            self.done.release()
            if self.raises is not None:
                raise self.raises

        return prepare

    def wait(self, count: int) -> None:
        for _ in range(count):
            assert self.done.acquire(timeout=5)


def warm(planned: PlannedCase) -> Sequence[Any]:
    return planned.plan.warmer.warm(planned.judges, planned.case)


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Prepared:
    prepared = Prepared()
    for judge in (ExactJudge, ContainsJudge):
        monkeypatch.setattr(judge, "prepare", prepared.prepare(judge.name), raising=False)
    return prepared


def test_each_judge_is_prepared_once_those_in_groups_too(tmp_path: Path, prepared: Prepared) -> None:
    first, second = plan(tmp_path, TEXT, mine=CountingProvider)
    for _ in range(3):
        warm(first)
    prepared.wait(3)
    assert sorted(name for name, _ in prepared.calls) == ["contains", "exact", "exact"]

    for planned in (second, first, second):
        warm(planned)
    prepared.wait(1)
    assert sorted(name for name, _ in prepared.calls) == ["contains", "contains", "exact", "exact"]
    assert prepared.threads == {"promptevals-warming"}


def test_a_judge_is_told_where_to_look(tmp_path: Path, prepared: Prepared) -> None:
    planned = plan(tmp_path, TEXT, mine=CountingProvider)
    warm(planned[0])
    prepared.wait(3)

    assert {path for _, path in prepared.calls} == {planned[0].judges[0].search_path}


def test_what_preparing_raises_keeps_no_other_from_it(tmp_path: Path, prepared: Prepared) -> None:
    prepared.raises = OSError("no model")
    warm(plan(tmp_path, TEXT, mine=CountingProvider)[0])

    prepared.wait(3)


def test_a_judge_that_each_case_fills_in_is_prepared_as_the_first_of_them_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: queue.Queue[list[str]] = queue.Queue()

    def prepare(judge: Any, search_path: Sequence[Path]) -> None:
        done.put(judge.parameters.value)

    monkeypatch.setattr(ContainsJudge, "prepare", prepare, raising=False)
    text = "judges: [contains: '{{ input }}']\ncases: [{id: a, input: x, output: x}, {id: b, input: y, output: y}]\n"
    for planned in plan(tmp_path, text):
        warm(planned)

    assert done.get(timeout=5) == ["x"]
    assert done.empty()


def test_no_thread_is_started_for_judges_with_nothing_to_prepare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[threading.Thread] = []

    def start(thread: threading.Thread) -> None:
        started.append(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    for planned in plan(tmp_path, TEXT, mine=CountingProvider):
        assert not warm(planned)

    assert started == []


def test_the_engine_prepares_judges_before_the_first_response_is_there(tmp_path: Path, prepared: Prepared) -> None:
    class Waiting(CountingProvider):
        async def complete(self, request: Any) -> Response:
            await asyncio.to_thread(prepared.wait, 2)
            return Response("x")

    planned = plan(tmp_path, TEXT, mine=Waiting)
    engine = Engine(planned, lambda: Pipeline(tmp_path, 10), window=0)
    engine.start()
    try:
        result = engine.result(0)
    finally:
        engine.stop()
    assert result.passed


def judge_while(planned: PlannedCase, folder: Path, meanwhile: Callable[[], None], responses: int = 1) -> list[Any]:
    """Judge responses while a judge prepares itself, and do something in the meantime."""

    async def main() -> list[Any]:
        pipeline = Pipeline(folder, 4)
        judging = [judge_response(planned, Response("x"), None, pipeline) for _ in range(responses)]
        tasks = [asyncio.create_task(item) for item in judging]
        await asyncio.sleep(0.1)
        meanwhile()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        await pipeline.close()
        return outcomes

    return asyncio.run(main())


@pytest.fixture
def loading(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Have a judge prepare itself until that is set."""
    loaded = threading.Event()

    def prepare(judge: Any, search_path: Sequence[Path]) -> None:
        assert loaded.wait(5)

    monkeypatch.setattr(ContainsJudge, "prepare", prepare, raising=False)
    return loaded


LOADING = "timeout: 0.05\njudges: [exact, contains: x]\ncases: [{id: a, input: x, output: x, expected: x}]\n"


def test_the_time_that_preparing_takes_is_none_of_the_case(tmp_path: Path, loading: threading.Event) -> None:
    (planned,) = plan(tmp_path, LOADING)

    outcomes = judge_while(planned, tmp_path, loading.set, responses=3)

    assert [outcome.error for outcome in outcomes] == [None, None, None]
    assert not warm(planned)


def test_a_judge_that_is_never_prepared_holds_nobody_up_for_ever(
    tmp_path: Path, loading: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warming, "_LONGEST_WAIT", 0.01)
    (planned,) = plan(tmp_path, LOADING)

    (outcome,) = judge_while(planned, tmp_path, lambda: None)

    assert outcome.error is None
    assert len(warm(planned)) == 1
    loading.set()


def test_judges_that_are_ready_are_not_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan(tmp_path, TEXT, mine=CountingProvider)[0]
    warm(planned)
    monkeypatch.setattr(warming, "flatten", None)

    assert not warm(planned)


def test_who_gives_up_waiting_leaves_the_others_waiting(tmp_path: Path, loading: threading.Event) -> None:
    (planned,) = plan(tmp_path, LOADING)

    async def main() -> None:
        first, second = (asyncio.create_task(planned.plan.warmer.wait(planned.judges, planned.case)) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0.01)
        assert (first.done(), second.done()) == (True, False)
        loading.set()
        await second

    asyncio.run(main())


def test_what_fails_to_prepare_is_not_waited_for(tmp_path: Path, prepared: Prepared) -> None:
    prepared.raises = OSError("no model")
    (planned,) = plan(tmp_path, LOADING)

    (outcome,) = judge_while(planned, tmp_path, lambda: None)

    assert outcome.error is None
