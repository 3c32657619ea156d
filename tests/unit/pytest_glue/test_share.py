"""What a worker of pytest-xdist knows of its share, without processes."""

from __future__ import annotations

import _thread
import json
import signal
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pytest_promptevals.pytest_glue import options
from pytest_promptevals.pytest_glue.share import Share, share_of, worker_concurrency, worker_facts
from pytest_promptevals.settings import Settings


class WorkerInteractor:
    """Stands in for xdist's class of that name."""

    def __init__(self) -> None:
        self.handled: list[Any] = []

    def handle_command(self, command: Any) -> str:
        self.handled.append(command)
        return "handled"


def config_of(*plugins: object, settings: Settings | None = None, **workerinput: Any) -> pytest.Config:
    """Return the configuration of a worker, or of another process if nothing is said of it."""
    manager = pytest.PytestPluginManager()
    for plugin in plugins:
        manager.register(plugin)
    fake = SimpleNamespace(pluginmanager=manager, stash=pytest.Stash(), hook=manager.hook)
    if workerinput:
        fake.workerinput = workerinput
    config = cast("pytest.Config", fake)
    config.stash[options._SETTINGS_KEY] = settings or Settings()
    return config


def listening(*plugins: object) -> tuple[Share, SimpleNamespace, Callable[[], None]]:
    """Return a share, its session, and a function that ends the run loop."""
    config = config_of(*plugins, workerid="gw0", workercount=2)
    share = share_of(config)
    assert share is not None
    assert share_of(config) is share
    session = SimpleNamespace(shouldstop=False)
    listener: Any = config.pluginmanager.get_plugin("promptevals-share")
    loop = listener.pytest_runtestloop(session)
    next(loop)

    def end() -> None:
        with pytest.raises(StopIteration):
            loop.send(True)

    return share, session, end


def test_messages_of_the_controller_are_taken_and_xdists_commands_handed_on() -> None:
    reader = WorkerInteractor()
    share, _, _ = listening(object(), reader)

    assert reader.handle_command(("runtests", {"indices": [1]})) == "handled"
    assert reader.handle_command(("promptevals", {"positions": [4, 5], "concurrency": 3})) is None
    assert reader.handle_command("the end") == "handled"
    assert reader.handled == [("runtests", {"indices": [1]}), "the end"]
    assert share.positions == (4, 5)
    assert share.concurrency == 3


def test_who_asks_late_hears_of_all_and_then_of_more() -> None:
    share = Share()
    heard: list[Any] = []
    share.take({"positions": [1, 2]})
    share.on_more(heard.append)
    share.take({"positions": [3]})
    share.take({"concurrency": 2})

    assert heard == [(1, 2), (3,)]
    assert share.positions == (1, 2, 3)


def test_pauses_are_heard_once_each() -> None:
    share = Share()
    heard: list[bool] = []
    late: list[bool] = []
    share.on_pause(heard.append)
    for is_paused in (True, True):
        share.take({"is_paused": is_paused})
    share.on_pause(late.append)
    share.take({"positions": [1]})
    assert share.is_paused
    share.take({"is_paused": False})

    assert heard == late == [True, False]


def test_a_listener_that_raises_harms_nobody() -> None:
    share = Share()
    share.on_more(lambda _: 1 / 0)
    heard: list[Any] = []
    share.on_more(heard.append)
    share.take({"positions": [1]})

    assert heard == [(1,)]


def test_a_stop_ends_the_session_after_the_item_under_way() -> None:
    reader = WorkerInteractor()
    _, session, _ = listening(reader)
    reader.handle_command(("promptevals", {"stop": "stopping after 1 failures"}))

    assert session.shouldstop == "stopping after 1 failures"


def test_an_interrupt_reaches_the_main_thread_but_not_once_it_cleans_up() -> None:
    reader = WorkerInteractor()
    _, _, end = listening(reader)
    with pytest.raises(KeyboardInterrupt):
        reader.handle_command(("promptevals", {"interrupt": True}))
    end()

    reader.handle_command(("promptevals", {"interrupt": True}))


def test_an_interrupt_works_where_there_is_no_pthread_kill(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupts: list[str] = []
    monkeypatch.delattr(signal, "pthread_kill")
    monkeypatch.setattr(_thread, "interrupt_main", lambda: interrupts.append("main"))
    reader = WorkerInteractor()
    _, _, end = listening(reader)
    reader.handle_command(("promptevals", {"interrupt": True}))
    end()

    assert interrupts == ["main"]


def test_without_xdists_reader_the_share_stays_empty() -> None:
    share, _, end = listening()
    end()

    assert share.positions == ()
    assert share.concurrency is None


def test_only_workers_have_a_share_and_facts() -> None:
    assert share_of(config_of()) is None
    assert worker_facts(config_of()) == {}


def test_facts_of_the_controller_arrive() -> None:
    config = config_of(promptevals=json.dumps({"session": "abc"}))

    assert worker_facts(config) is worker_facts(config)
    assert worker_facts(config) == {"session": "abc"}
    assert worker_facts(config_of(workerid="gw0")) == {}


def test_the_ceiling_holds_for_all_workers_together() -> None:
    settings = Settings(concurrency=7)

    def part(workerid: str, count: int = 3) -> int:
        return worker_concurrency(config_of(settings=settings, workerid=workerid, workercount=count))

    assert worker_concurrency(config_of(settings=settings)) == 7
    assert [part("gw0"), part("gw1"), part("gw2")] == [3, 2, 2]
    assert part("gw3") == 3  # in the place of another
    assert part("gw9", 10) == 1
    assert part("odd") == 3


def test_what_the_controller_says_of_the_ceiling_goes_first() -> None:
    config = config_of(settings=Settings(concurrency=7), workerid="gw0", workercount=3)
    share = share_of(config)
    assert share is not None
    share.take({"concurrency": 7})

    assert worker_concurrency(config) == 7
    share.take({"concurrency": 0})
    assert worker_concurrency(config) == 1
