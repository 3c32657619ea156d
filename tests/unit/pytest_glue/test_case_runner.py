"""How the engine of a process is started, paused and stopped, without a pytest run."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pytest_promptevals.engine.budget import Budget
from pytest_promptevals.engine.engine import EngineStoppedError
from pytest_promptevals.engine.shared_budget import SharedBudget
from pytest_promptevals.pytest_glue import options
from pytest_promptevals.pytest_glue.identity import VARIABLE, session_id
from pytest_promptevals.pytest_glue.running import CaseItem, CaseRunner
from pytest_promptevals.pytest_glue.share import FACTS, share_of
from pytest_promptevals.records.progress import Progress
from pytest_promptevals.settings import Settings
from tests.unit.engine.plans import plan
from tests.unit.engine.servers import Server


class Item(CaseItem):
    """An item outside of a pytest session."""

    def runtest(self) -> None:
        """Do nothing."""


class Bench:
    """A runner of two cases, in a worker of pytest-xdist or in a process of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = Server()
        self.runners: list[CaseRunner] = []
        self._folder = folder
        monkeypatch.setattr("pytest_promptevals.pytest_glue.watching.install_pause", lambda *_, **__: None)

    def config(self, settings: Settings, workerinput: dict[str, Any] | None) -> pytest.Config:
        """The configuration of such a process."""
        manager = pytest.PytestPluginManager()
        fake = SimpleNamespace(
            pluginmanager=manager,
            stash=pytest.Stash(),
            hook=manager.hook,
            rootpath=self._folder,
            getoption=lambda _, default=None: default,
            option=SimpleNamespace(collectonly=False),
            get_verbosity=lambda: 0,
            get_terminal_writer=lambda: None,
        )
        if workerinput is not None:
            fake.workerinput = workerinput
        fake.stash[options._SETTINGS_KEY] = settings
        return cast("pytest.Config", fake)

    def runner(
        self,
        settings: Settings | None = None,
        *,
        workerinput: dict[str, Any] | None = None,
        skipped: Sequence[int] = (),
    ) -> CaseRunner:
        """A runner that was told of its items."""
        self.settings = settings or Settings(cache="off", progress="off")
        self.worker = self.config(self.settings, workerinput)
        runner = CaseRunner(self.worker, self.settings)
        planned = plan(
            self._folder,
            "model: mine/m\njudges: [exact]\ncases: [{id: a, input: a, expected: a}, {id: b, input: b, expected: b}]",
            mine=self.server,
        )
        self.items = []
        for number, case in enumerate(planned):
            item: Any = object.__new__(Item)
            item.planned = case
            marker = SimpleNamespace(kwargs={"run": False})
            marks = {"skip": marker} if number in skipped else {}
            item.get_closest_marker = marks.get
            self.items.append(item)
        runner.prepare(cast("pytest.Session", SimpleNamespace(items=[object(), *self.items])), {}, lambda _: None)
        self.runners.append(runner)
        return runner


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(tmp_path, monkeypatch)
    yield bench
    for runner in bench.runners:
        runner.stop()


def worker(**facts: Any) -> dict[str, Any]:
    """What xdist and the controller tell a worker."""
    return {"workerid": "gw0", "workercount": 2, FACTS: json.dumps(facts)}


def until(condition: Any) -> None:
    deadline = threading.Event()
    for _ in range(500):
        if condition():
            return
        deadline.wait(0.005)
    raise AssertionError("it did not come to pass")


def test_the_engine_starts_with_the_first_case_and_works_ahead(bench: Bench) -> None:
    runner = bench.runner()
    assert runner.progress() == Progress()
    assert runner.notices == ()

    assert runner.result_of(bench.items[0]).name == "a"

    until(lambda: len(bench.server.asked) == 2)
    assert runner.progress().total == 2


def test_a_case_that_a_mark_may_skip_is_not_called_ahead(bench: Bench) -> None:
    runner = bench.runner(skipped=[1])

    runner.result_of(bench.items[0])
    assert runner.progress().total == 1

    assert runner.result_of(bench.items[1]).name == "b"
    assert runner.progress().total == 2


def test_a_worker_begins_with_its_share_and_takes_more(bench: Bench) -> None:
    runner = bench.runner(workerinput=worker())
    share = share_of(bench.worker)
    assert share is not None

    share.take({"positions": [0, 2], "concurrency": 3})
    until(lambda: bench.server.asked == ["b"])
    share.take({"positions": [1]})
    until(lambda: bench.server.asked == ["b", "a"])

    assert bench.server.contexts[0].concurrency == 3
    assert runner.result_of(bench.items[1]).name == "b"


def test_a_worker_does_not_call_ahead_what_a_mark_may_skip(bench: Bench) -> None:
    runner = bench.runner(workerinput=worker(), skipped=[0])
    share = share_of(bench.worker)
    assert share is not None

    share.take({"positions": [1, 2]})
    until(lambda: bench.server.asked == ["b"])

    assert runner.progress().total == 1


def test_a_worker_that_was_paused_before_it_began_calls_nothing(bench: Bench) -> None:
    runner = bench.runner(workerinput=worker())
    share = share_of(bench.worker)
    assert share is not None
    share.take({"is_paused": True})

    share.take({"positions": [1, 2]})
    until(lambda: runner.progress().running == 0 and runner.progress().is_paused)
    assert bench.server.asked == []

    share.take({"is_paused": False})
    assert runner.result_of(bench.items[0]).name == "a"


def test_a_share_that_comes_after_the_end_starts_nothing(bench: Bench) -> None:
    runner = bench.runner(workerinput=worker())
    runner.stop()
    share = share_of(bench.worker)
    assert share is not None

    share.take({"positions": [1, 2]})

    assert bench.server.asked == []
    assert runner.progress() == Progress()


def test_a_share_that_comes_while_the_worker_ends_does_not_keep_it(bench: Bench) -> None:
    for _ in range(5):
        runner = bench.runner(workerinput=worker())
        share = share_of(bench.worker)
        assert share is not None
        thread = threading.Thread(target=share.take, args=({"positions": [1, 2]},))
        thread.start()
        runner.stop()
        thread.join(5)
        assert not thread.is_alive()
    until(lambda: not any(thread.name == "promptevals-engine" for thread in threading.enumerate()))


def test_an_engine_that_cannot_start_says_why_to_every_case(bench: Bench, tmp_path: Path) -> None:
    settings = Settings(cache="off", progress="off", max_cost=1.0)
    runner = bench.runner(settings, workerinput=worker(budget=str(tmp_path / "nowhere" / "budget.db")))

    for item in bench.items:
        with pytest.raises(EngineStoppedError, match="^the engine failed: UsageError: --evals-max-cost: .* made"):
            runner.result_of(item)


@pytest.mark.parametrize(("is_worker", "kind"), [(False, Budget), (True, SharedBudget)], ids=["own process", "worker"])
def test_workers_share_a_budget(bench: Bench, tmp_path: Path, is_worker: bool, kind: type) -> None:
    settings = Settings(cache="off", progress="off", max_cost=1.0, retries=2, max_wait=3.0)
    facts = worker(budget=str(tmp_path / "budget.db")) if is_worker else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CaseRunner, "_check_prices", lambda _: None)
        runner = bench.runner(settings, workerinput=facts)

    runner.result_of(bench.items[0])

    assert runner._pipeline is not None
    services = runner._pipeline._services
    assert type(services.budget) is kind
    assert (services.policy.retries, services.policy.max_wait) == (2, 3.0)
    assert (services.open_cache, services.is_replay) == (None, False)


def test_a_model_of_unknown_price_is_refused_before_anything_runs(bench: Bench) -> None:
    with pytest.raises(pytest.UsageError, match="the price of mine/m is not known"):
        bench.runner(Settings(cache="off", max_cost=1.0))


@pytest.mark.parametrize("mode", ["use", "refresh", "replay"])
def test_the_cache_is_opened_as_the_settings_say(bench: Bench, tmp_path: Path, mode: str) -> None:
    runner = bench.runner(Settings(cache=mode, cache_file="x/cache.db", recordings="recorded", progress="off"))
    runner.result_of(bench.items[0])
    assert runner._pipeline is not None
    services = runner._pipeline._services
    assert services.open_cache is not None

    cache = services.open_cache()

    assert services.is_replay is (mode == "replay")
    assert (cache._mode, cache._recordings) == (mode, tmp_path / "recorded")
    assert cache._access.path == tmp_path / "x/cache.db"
    assert cache._session == session_id(bench.worker)


def test_a_session_has_one_id_that_its_workers_have_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    own, other = bench.config(Settings(), None), bench.config(Settings(), None)
    told = bench.config(Settings(), worker(session="theirs"))

    assert session_id(own) == session_id(own) != session_id(other)
    assert session_id(told) == "theirs"
    monkeypatch.setenv(VARIABLE, "mine")
    assert session_id(bench.config(Settings(), None)) == "mine"
