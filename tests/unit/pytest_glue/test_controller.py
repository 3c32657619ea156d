"""What the controller of pytest-xdist's workers tells them, without processes."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pytest_promptevals.pytest_glue import options
from pytest_promptevals.pytest_glue.xdist import Controller
from pytest_promptevals.settings import Settings


class Node:
    """A worker that notes what it is told."""

    def __init__(self, *, is_dead: bool = False) -> None:
        self.workerinput: dict[str, Any] = {}
        self.told: list[dict[str, Any]] = []
        self.is_dead = is_dead

    def sendcommand(self, name: str, **message: Any) -> None:
        if self.is_dead:
            raise OSError("cannot send")
        assert name == "promptevals"
        self.told.append(message)

    def wait_for(self, *messages: dict[str, Any]) -> None:
        deadline = time.monotonic() + 5
        while self.told != list(messages) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self.told == list(messages)


@pytest.fixture
def controller() -> Controller:
    config = cast("pytest.Config", SimpleNamespace(stash=pytest.Stash(), getoption=lambda _, default: default))
    config.stash[options._SETTINGS_KEY] = Settings()
    return Controller(config)


def test_all_workers_get_the_same_facts(controller: Controller) -> None:
    nodes = [Node(), Node()]
    for node in nodes:
        controller.pytest_configure_node(node)

    facts = json.loads(nodes[0].workerinput["promptevals"])
    assert nodes[0].workerinput == nodes[1].workerinput
    assert facts == controller.facts
    assert len(facts["session"]) == 32


def test_a_pause_reaches_the_workers_that_are_there_and_those_that_come(controller: Controller) -> None:
    early, dead, gone, late = Node(), Node(is_dead=True), Node(), Node()
    for node in (early, dead, gone):
        controller.pytest_testnodeready(node)
    controller.pytest_testnodedown(gone, None)
    controller._start_passing_on()
    controller.pause(is_paused=True)
    early.wait_for({"is_paused": True})
    controller.pytest_testnodeready(late)
    controller.pause(is_paused=False)

    early.wait_for({"is_paused": True}, {"is_paused": False})
    late.wait_for({"is_paused": True}, {"is_paused": False})
    assert gone.told == []


def test_a_worker_that_never_was_ready_may_go_down(controller: Controller) -> None:
    controller.pytest_testnodedown(Node(), "crashed")


@pytest.mark.parametrize(("error", "reasons"), [("keyboard-interrupt", ["keyboard-interrupt"]), ("crashed", [])])
def test_an_interrupt_of_one_worker_stops_the_others(controller: Controller, error: str, reasons: list[str]) -> None:
    told: list[str] = []
    scheduling = SimpleNamespace(for_evals=lambda: SimpleNamespace(stop=told.append))
    controller._scheduling = cast("Any", scheduling)
    controller.pytest_testnodedown(Node(), error)

    assert told == reasons
