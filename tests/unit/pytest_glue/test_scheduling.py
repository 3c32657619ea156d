"""Schedulers against workers that are played, with pytest-xdist's own schedulers underneath."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from xdist.scheduler import (  # type: ignore[import-untyped]  # xdist ships no types
    LoadFileScheduling,
    LoadScheduling,
    LoadScopeScheduling,
    WorkStealingScheduling,
)

from pytest_promptevals.engine.splitting import split_blocks, split_groups
from pytest_promptevals.pytest_glue.lanes import Lane
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
        return str(self.gateway.id)

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        if self.is_gone:
            raise OSError("cannot send")
        self.sent.append(list(indices))
        self.queue.extend(indices)

    def send_steal(self, indices: Sequence[int]) -> None:
        if self.is_gone:
            raise OSError("cannot send")
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
        self, ids: list[str], count: int, mode: str = "load", *, ceiling: int = 8, seed: int = 0, is_bare: bool = False
    ) -> None:
        self.ids = ids
        self.random = random.Random(seed)  # noqa: S311 - which worker goes on next is no secret
        self.config = FakeConfig(count)
        self.mode = mode
        self.ceiling = ceiling
        bare: Callable[[], Any] = partial(MODES[mode], self.config)
        self.scheduler: Any = bare() if is_bare else LateScheduling(bare, self.make_for_evals)
        self.workers: list[FakeWorker] = []
        self.ran: list[tuple[FakeWorker, int]] = []
        self.crashed: list[str] = []
        self.is_shutting_down = False
        for _ in range(count):
            self.add_worker()

    def make_for_evals(self, ids: Sequence[str]) -> EvalScheduling | None:
        evals = [position for position, nodeid in enumerate(ids) if ".eval.yaml" in nodeid]
        if not evals:
            return None
        make_base = partial(MODES[self.mode], self.config)
        return EvalScheduling(ids, evals, split=self.split, ceiling=self.ceiling, make_base=make_base)

    def split(self, positions: Sequence[int], parts: int) -> list[list[int]]:
        if self.mode in {"loadfile", "loadscope"}:
            return split_groups(positions, lambda position: self.ids[position].partition("::")[0], parts)
        return split_blocks(positions, parts)

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

    def crash(self, worker: FakeWorker, *, is_run_again: bool = False) -> str | None:
        worker.is_gone = True
        crashed: str | None = self.scheduler.remove_node(worker)
        if crashed is not None:
            self.crashed.append(crashed)
            if is_run_again:
                self.scheduler.mark_test_pending(crashed)
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


def started(ids: list[str], count: int, mode: str = "load", *, ceiling: int = 8) -> Play:
    play = Play(ids, count, mode, ceiling=ceiling)
    play.collect_all()
    return play


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize(("evals", "tests"), [(1, 0), (2, 1), (12, 0), (3, 20), (20, 3), (23, 31)])
def test_every_item_runs_once(mode: str, count: int, evals: int, tests: int) -> None:
    for seed in range(4):
        play = Play(suite(evals, tests, files=4), count, mode, seed=seed).run()

        assert play.names() == sorted(play.ids)
        assert all(worker.is_gone for worker in play.workers)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("count", "tests"), [(1, 0), (3, 31), (8, 5)])
def test_without_eval_items_all_is_as_without_the_plugin(mode: str, count: int, tests: int) -> None:
    for seed in range(4):
        with_plugin, without = (
            Play(suite(0, tests), count, mode, seed=seed, is_bare=is_bare).run(crashes=seed % 2)
            for is_bare in (False, True)
        )

        assert [worker.sent for worker in with_plugin.workers] == [worker.sent for worker in without.workers]
        assert with_plugin.crashed == without.crashed
        assert [worker.told for worker in with_plugin.workers] == [[]] * len(with_plugin.workers)
        assert type(without.scheduler).__name__ == with_plugin.scheduler.__class__.__name__
        assert with_plugin.scheduler.has_pending == without.scheduler.has_pending


@pytest.mark.parametrize(("mode", "tests"), [("load", 15), ("worksteal", 15), ("loadfile", 0), ("loadscope", 0)])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_crash_loses_at_most_the_item_that_is_blamed(mode: str, tests: int, count: int) -> None:
    for seed in range(20):
        play = Play(suite(30, tests, files=4), count, mode, seed=seed).run(crashes=seed % 5)

        assert set(play.ids) - set(play.names()) == set(play.crashed)
        assert len(play.names()) == len(set(play.names()))


def test_every_worker_is_told_its_share_of_neighbours_before_anything_runs() -> None:
    play = started(suite(10), 3)

    assert [worker.known for worker in play.workers] == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert [worker.sent for worker in play.workers] == [[[0, 1, 2, 3]], [[4, 5, 6]], [[7, 8, 9]]]


def test_files_stay_together_where_the_mode_says_so() -> None:
    play = started(suite(12, files=3), 2, "loadfile")

    files = [{play.ids[position].partition("::")[0] for position in worker.known} for worker in play.workers]
    assert files == [{"e0.eval.yaml", "e2.eval.yaml"}, {"e1.eval.yaml"}]


def test_eval_items_run_behind_the_ordinary_tests_of_a_worker() -> None:
    play = started(suite(6, 6), 2)
    known = [list(worker.known) for worker in play.workers]
    assert play.scheduler.has_pending
    play.run()
    assert not play.scheduler.has_pending

    assert known == [[0, 1, 2], [3, 4, 5]]
    for worker, share in zip(play.workers, known, strict=True):
        assert [position for where, position in play.ran if where is worker][-3:] == share


def test_the_ceiling_is_divided_among_the_workers_that_have_eval_items() -> None:
    assert [worker.told[0]["concurrency"] for worker in started(suite(30), 3, ceiling=8).workers] == [3, 3, 2]
    # More workers than calls at once, or than eval files: the others get nothing, and end.
    few = started(suite(30), 3, ceiling=2).workers
    assert [worker.told[0]["concurrency"] for worker in few[:2]] == [1, 1]
    assert few[2].told == []
    assert few[2].shutting_down
    (one, other) = started(suite(30), 2, "loadfile").workers
    assert one.told[0]["concurrency"] == 8
    assert other.shutting_down


def test_a_worker_without_eval_items_does_not_hold_back_its_last_test() -> None:
    play = started(suite(1, 2), 2, ceiling=1)
    idle = play.workers[1]

    assert idle.queue == deque([2])
    assert idle.shutting_down


def test_who_was_at_fault_shows_when_cases_that_had_begun_run_one_by_one() -> None:
    play = started(suite(30), 2, ceiling=2)
    first, second = play.workers
    play.step(second)

    # Any of the first five may have been under way: one call at once, four cases ahead.
    assert play.crash(first) is None
    assert second.known == [*range(15, 30), *range(5, 15)]
    assert second.sent[-1] == list(range(15))
    assert second.told[-1]["concurrency"] == 2
    play.collect_all()
    assert len(second.told) == 2
    for _ in range(14 + 2):
        play.step(second)
    assert play.crash(second) == "e0.eval.yaml::c2"
    play.run()
    assert set(play.ids) - set(play.names()) == {"e0.eval.yaml::c2"}


def test_a_worker_that_had_begun_one_case_only_is_at_fault_with_it() -> None:
    play = started(suite(2), 2)

    assert play.crash(play.workers[0]) == "e0.eval.yaml::c0"


def test_what_the_only_worker_leaves_waits_for_the_one_that_takes_its_place() -> None:
    play = started(suite(20, 4), 1, ceiling=1)
    for _ in range(4):
        play.step(play.workers[0])
    play.crash(play.workers[0])

    assert play.scheduler.has_pending
    assert not play.scheduler.tests_finished
    play.collect_all()
    assert play.workers[1].known == list(range(5, 20))
    play.run()
    assert play.names() == sorted(play.ids)


def test_a_worker_that_takes_a_place_and_collects_something_else_runs_nothing() -> None:
    play = started(suite(9), 1)
    play.crash(play.workers[0])
    play.collect(play.workers[1], suite(8))

    assert play.workers[1].shutting_down
    assert play.workers[1].sent == []


def test_workers_that_collect_different_items_are_xdists_to_report() -> None:
    play = Play(suite(5), 2)
    play.collect(play.workers[0])
    play.collect(play.workers[1], suite(6))

    assert "Different tests were collected" in play.config.reports[0].longrepr
    assert [worker.sent for worker in play.workers] == [[], []]


@pytest.mark.parametrize("tests", [0, 8])
def test_a_worker_that_crashes_while_it_collects_is_replaced(tests: int) -> None:
    play = Play(suite(8, tests), 2)
    play.collect(play.workers[0])
    play.crash(play.workers[1])
    play.collect_all()

    assert [bool(worker.known) for worker in play.workers] == [True, False, True]
    assert play.run().names() == sorted(play.ids)


def test_a_worker_that_died_unnoticed_is_given_items_all_the_same_and_they_are_run_elsewhere() -> None:
    play = started(suite(40), 3, ceiling=3)
    play.workers[1].is_gone = True
    play.crash(play.workers[0])
    play.crash(play.workers[1])
    play.run()

    assert play.names() == sorted(play.ids)


def test_all_may_end_once_each_worker_is_at_its_last_item() -> None:
    play = started(suite(4), 2)
    for number, is_over in ((0, False), (1, True)):
        play.step(play.workers[number])
        assert play.is_shutting_down is is_over


def test_what_a_crash_leaves_goes_to_workers_that_run_eval_items_and_to_no_others() -> None:
    play = started(suite(20, 30), 3, ceiling=2)
    play.crash(play.workers[0])

    assert play.workers[1].known == [*range(10, 20), *range(5, 10)]
    assert play.workers[2].told == []


def test_a_worker_is_kept_even_if_nothing_is_left_for_it() -> None:
    play = started(suite(5), 4)
    play.crash(play.workers[0])

    assert [worker.known for worker in play.workers[1:4]] == [[2], [3], [4]]
    assert [worker.sent for worker in play.workers[1:4]] == [[[2], [0]], [[3], [1]], [[4]]]
    assert not play.workers[3].shutting_down


def test_workers_that_end_or_still_collect_are_given_nothing() -> None:
    play = started(suite(9), 2, ceiling=1)
    first, ending = play.workers
    play.crash(first)
    new = play.workers[2]
    play.crash(ending)

    assert ending.told == new.told == []
    assert not new.shutting_down
    play.collect(new)
    assert new.sent == [list(range(9))]


def test_a_worker_at_its_eval_items_gets_no_more_ordinary_tests() -> None:
    play = started(suite(4, 8), 2)
    first, second = play.workers
    while not any(position < 4 for position in second.queue):
        play.step(second)
    left = [position for position in first.queue if position >= 4][1:]
    sent = [position for block in second.sent for position in block if position >= 4]
    play.crash(first)

    assert left
    assert [position for block in second.sent for position in block if position >= 4] == sent
    play.collect_all()
    assert set(left) <= set(play.workers[2].queue)


def test_eval_items_follow_where_a_scheduler_ends_workers_only_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Patient(LoadScheduling):  # type: ignore[misc]  # xdist ships no types
        def check_schedule(self, node: Any, duration: float = 0) -> None:
            if self.pending:
                super().check_schedule(node, duration)

    monkeypatch.setitem(MODES, "patient", Patient)
    play = started(suite(4, 20), 2, "patient").run()

    assert play.names() == sorted(play.ids)


def test_nothing_is_asked_back_from_a_worker_that_just_died() -> None:
    worker = FakeWorker("gw0")
    worker.is_gone = True
    worker.shutting_down = True
    lane = Lane(worker, [0, 1])
    lane.send_steal([1])

    assert not worker.events
    assert lane.shutting_down


def test_a_plugin_may_have_a_crashed_item_run_again() -> None:
    play = started(suite(1, 3), 1)
    in_test = play.crash(play.workers[0], is_run_again=True)
    play.collect_all()
    for _ in range(3):
        play.step(play.workers[1])
    in_case = play.crash(play.workers[1], is_run_again=True)
    play.run()

    assert (in_test, in_case) == ("test_0.py::test_0", "e0.eval.yaml::c0")
    assert play.names() == sorted(play.ids)


def test_after_enough_failures_all_workers_are_told_to_end_and_nothing_is_handed_out() -> None:
    play = started(suite(20), 2)
    scheduling = play.scheduler.for_evals()
    scheduling.stop("stopping after 1 failures")
    scheduling.stop("again")
    play.crash(play.workers[0])
    play.collect_all()

    assert [worker.told[1:] for worker in play.workers[:2]] == [[{"stop": "stopping after 1 failures"}]] * 2
    assert play.scheduler.tests_finished
    assert play.workers[2].sent == []


def test_an_interrupt_reaches_all_workers() -> None:
    play = started(suite(20), 2)
    play.scheduler.for_evals().interrupt()

    assert [worker.told[-1] for worker in play.workers] == [{"interrupt": True}] * 2
    assert play.scheduler.tests_finished


def test_it_is_known_whether_there_are_eval_items_only_once_all_have_collected() -> None:
    play = Play(suite(4), 2)
    play.collect(play.workers[0])
    assert play.scheduler.for_evals() is None

    play.collect(play.workers[1])
    assert play.scheduler.for_evals() is not None
    assert started(suite(0, 4), 2).scheduler.for_evals() is None
