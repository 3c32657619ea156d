"""Schedulers against workers that are played, with pytest-xdist's own schedulers underneath."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from xdist.scheduler import (
    LoadFileScheduling,
    LoadScheduling,
    LoadScopeScheduling,
    WorkStealingScheduling,
)

from pytest_promptevals.engine.splitting import deal, split_blocks, split_groups
from pytest_promptevals.pytest_glue.late_scheduling import LateScheduling
from pytest_promptevals.pytest_glue.scheduling import EvalScheduling

MODES = {
    "load": LoadScheduling,
    "worksteal": WorkStealingScheduling,
    "loadfile": LoadFileScheduling,
    "loadscope": LoadScopeScheduling,
}


class FakeWorker:
    """A worker as xdist's ``remote.py`` has it: it holds its last item until it knows what follows."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name, spec=name)
        self.queue: deque[int] = deque()
        self.events: deque[tuple[str, list[int]]] = deque()
        self.told: list[dict[str, Any]] = []
        self.sent: list[list[int]] = []
        self.shutting_down = False
        self.is_gone = False
        self.is_collected = False

    def __repr__(self) -> str:
        return self.gateway.id

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        if self.is_gone:
            raise OSError("cannot send")
        self.sent.append(list(indices))
        self.queue.extend(indices)

    def send_steal(self, indices: Sequence[int]) -> None:
        # The first two are under way and known as the next.
        wanted = set(indices)
        if wanted <= set(list(self.queue)[2:]):
            self.queue = deque(item for item in self.queue if item not in wanted)
            self.events.append(("unscheduled", list(indices)))
        else:
            self.events.append(("unscheduled", []))

    def shutdown(self) -> None:
        self.shutting_down = True

    def sendcommand(self, name: str, **message: Any) -> None:
        if self.is_gone:
            raise OSError("cannot send")
        assert name == "promptevals"
        self.told.append(message)

    @property
    def known(self) -> list[int]:
        return [position for message in self.told for position in message.get("positions", [])]

    @property
    def can_run(self) -> bool:
        return self.is_collected and bool(self.queue) and (len(self.queue) > 1 or self.shutting_down)


class FakeConfig:
    """What xdist's schedulers ask of pytest."""

    def __init__(self, count: int) -> None:
        self.option = SimpleNamespace(loadscopereorder=True)
        self.hook = SimpleNamespace(pytest_collectreport=self.note)
        self.reports: list[Any] = []
        self._values = {"tx": ["popen"] * count, "maxschedchunk": None}

    def note(self, report: Any) -> None:
        self.reports.append(report)

    def getvalue(self, name: str) -> Any:
        return self._values[name]

    getoption = getvalue


class Play:
    """xdist's session: workers, a scheduler, and what happens between them."""

    def __init__(
        self, ids: list[str], count: int, mode: str = "load", *, ceiling: int = 8, seed: int = 0, is_dealt: bool = False
    ) -> None:
        self.ids = ids
        self.random = random.Random(seed)
        self.config = FakeConfig(count)
        self.mode = mode
        self.is_dealt = is_dealt
        self.ceiling = ceiling
        self.scheduler = LateScheduling(partial(MODES[mode], self.config), self.make_for_evals)
        self.workers: list[FakeWorker] = []
        self.ran: list[tuple[FakeWorker, int]] = []
        self.crashed: list[str] = []
        self.is_shutting_down = False
        for _ in range(count):
            self.add_worker()

    def make_for_evals(self, make: Any, ids: Sequence[str] | None = None) -> EvalScheduling | None:
        ids = make if ids is None else ids
        evals = [position for position, nodeid in enumerate(ids) if ".eval.yaml" in nodeid]
        if not evals:
            return None
        split: Callable[..., list[list[int]]] = deal if self.is_dealt else split_blocks
        if self.mode in {"loadfile", "loadscope"}:
            split = lambda items, parts: split_groups(items, lambda item: ids[item].partition("::")[0], parts)  # noqa: E731
        make_base = partial(MODES[self.mode], self.config)
        return EvalScheduling(ids, evals, split=split, ceiling=self.ceiling, make_base=make_base)

    def add_worker(self) -> FakeWorker:
        worker = FakeWorker(f"gw{len(self.workers)}")
        self.workers.append(worker)
        self.scheduler.add_node(worker)
        return worker

    @property
    def live(self) -> list[FakeWorker]:
        return [worker for worker in self.workers if not worker.is_gone]

    def collect(self, worker: FakeWorker, ids: list[str] | None = None) -> None:
        worker.is_collected = True
        if self.is_shutting_down:
            return
        self.scheduler.add_node_collection(worker, self.ids if ids is None else ids)
        if self.scheduler.collection_is_completed:
            self.scheduler.schedule()

    def collect_all(self) -> None:
        for worker in self.live:
            if not worker.is_collected:
                self.collect(worker)

    def step(self, worker: FakeWorker) -> None:
        """Let a worker do the next thing that it can."""
        if not worker.is_collected:
            self.collect(worker)
        elif worker.events:
            _, indices = worker.events.popleft()
            self.scheduler.remove_pending_tests_from_node(worker, indices)
        elif worker.can_run:
            position = worker.queue.popleft()
            self.ran.append((worker, position))
            self.scheduler.mark_test_complete(worker, position, 0.0)
        else:
            worker.is_gone = True
            if worker in self.scheduler.nodes:
                assert self.scheduler.remove_node(worker) is None
        self.after()

    def after(self) -> None:
        if self.scheduler.tests_finished and not self.is_shutting_down:
            self.is_shutting_down = True
            for node in self.scheduler.nodes:
                node.shutdown()

    def can_step(self, worker: FakeWorker) -> bool:
        if worker.is_gone:
            return False
        is_at_end = worker.shutting_down and not worker.queue
        return not worker.is_collected or bool(worker.events) or worker.can_run or is_at_end

    def crash(self, worker: FakeWorker, *, restart: bool = True) -> str | None:
        worker.is_gone = True
        crashed = self.scheduler.remove_node(worker)
        if crashed is not None:
            self.crashed.append(crashed)
        if restart:
            self.is_shutting_down = False
            self.add_worker()
        self.after()
        return crashed

    def run(self, *, crashes: int = 0) -> Play:
        for _ in range(20 * len(self.ids) + 200):
            able = [worker for worker in self.workers if self.can_step(worker)]
            if not able:
                break
            worker = self.random.choice(able)
            is_running = worker.is_collected and worker.queue and not worker.events
            if crashes and is_running and self.random.random() < 0.1:
                crashes -= 1
                self.crash(worker)
            else:
                self.step(worker)
        return self

    def names(self) -> list[str]:
        return sorted(self.ids[position] for _, position in self.ran)


def suite(evals: int = 0, tests: int = 0, files: int = 1) -> list[str]:
    cases = [f"e{number % files}.eval.yaml::c{number}" for number in range(evals)]
    return [*cases, *(f"test_{number % 3}.py::test_{number}" for number in range(tests))]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize(("evals", "tests"), [(1, 0), (2, 1), (12, 0), (3, 20), (20, 3), (23, 31), (0, 9)])
def test_every_item_runs_once(mode: str, count: int, evals: int, tests: int) -> None:
    for seed in range(4):
        play = Play(suite(evals, tests, files=4), count, mode, seed=seed).run()

        assert play.names() == sorted(play.ids)
        assert all(worker.is_gone for worker in play.workers)


@pytest.mark.parametrize("mode", ["load", "worksteal"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_crash_loses_at_most_the_item_that_is_blamed(mode: str, count: int) -> None:
    for seed in range(30):
        play = Play(suite(30, 15, files=4), count, mode, seed=seed).run(crashes=seed % 4)

        lost = set(play.ids) - set(play.names())
        assert lost == set(play.crashed)
        assert len(play.names()) == len(set(play.names()))
