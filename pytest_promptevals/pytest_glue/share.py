"""A worker of pytest-xdist: what its controller tells it, and which items it will run."""

from __future__ import annotations

import _thread
import contextlib
import json
import signal
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import pytest

from pytest_promptevals.engine.splitting import split_number
from pytest_promptevals.pytest_glue.options import is_xdist_worker, settings_of

FACTS: Final = "promptevals"
"""Key of ``workerinput`` under which the controller's facts travel, as JSON text: xdist carries no other so safely."""
COMMAND: Final = "promptevals"
"""Name of the commands that are for the share; xdist's own reader leaves out names that it does not know."""
AHEAD_FACTOR: Final = 4
"""Cases that a worker may have begun ahead of their turn, for each call that it may have under way."""
ORDER_FACTS: Final = "order"
"""Key of the controller's fact that holds what the order of cases asks of the history."""
SESSION_FACT: Final = "session"
"""Key of the controller's fact that names the session."""
BUDGET_FACT: Final = "budget"
"""Key of the controller's fact that names the file in which all workers keep to one budget."""
RESUMED_FACT: Final = "resumed"
"""Key of the controller's fact that holds the id of the run that is resumed, ``None`` if there is none."""
REUSED_FACT: Final = "reused"
"""Key of the controller's fact that holds the id of the run whose outputs are reused, ``None`` if there is none."""
NOTICES: Final = "promptevals_notices"
"""Key of a worker's last words to the controller that holds what the user should know, as text."""
SELECTION_ATTRIBUTE: Final = "promptevals_selection"
"""Attribute of a worker's first report of an eval item that carries the facts of the selection home, as text."""
OnMore: TypeAlias = Callable[[Sequence[int]], object]
OnPause: TypeAlias = Callable[[bool], object]
_FACTS_KEY: Final = pytest.StashKey[Mapping[str, Any]]()
_SHARE_KEY: Final = pytest.StashKey["Share"]()


def worker_facts(config: pytest.Config) -> Mapping[str, Any]:
    """Return what the controller told this worker before it started; nothing in any other process."""
    if not is_xdist_worker(config):
        return {}
    if _FACTS_KEY not in config.stash:
        config.stash[_FACTS_KEY] = json.loads(config.workerinput.get(FACTS, "{}"))  # type: ignore[attr-defined]  # xdist's
    return config.stash[_FACTS_KEY]


def worker_concurrency(config: pytest.Config) -> int:
    """Return how many calls this process may have under way at once: all workers together keep to the setting.

    That is the whole of the setting in a process that is no worker. In a worker it is known for sure once the share
    is; before that, and where there is none, all workers count as equal. It is 1 at least.
    """
    ceiling = settings_of(config).concurrency
    if not is_xdist_worker(config):
        return ceiling
    share = share_of(config)
    if share is not None and share.concurrency is not None:
        return max(1, share.concurrency)
    return max(1, _equal_part(ceiling, config.workerinput))  # type: ignore[attr-defined]  # xdist's


def _equal_part(ceiling: int, workerinput: Mapping[str, Any]) -> int:
    # Workers are called gw0, gw1 and so on; one that takes the place of another has a higher number than there are.
    count = int(workerinput["workercount"])
    digits = "".join(filter(str.isdigit, str(workerinput["workerid"])))
    return split_number(ceiling, count)[int(digits or 0) % count]


def share_of(config: pytest.Config) -> Share | None:
    """Return this worker's share, listened for from the first use on; ``None`` in a process that is no worker."""
    if not is_xdist_worker(config):
        return None
    if _SHARE_KEY not in config.stash:
        share = Share()
        config.stash[_SHARE_KEY] = share
        config.pluginmanager.register(_Listener(config, share), "promptevals-share")
    return config.stash[_SHARE_KEY]


class Share:
    """The eval items that this worker is known to run, as positions in ``session.items``, in the order of running.

    It grows in the thread that receives from the controller, and may be read in any. Without a controller that knows
    it, it stays empty: then an item is this worker's once it is run.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._positions: list[int] = []
        self._concurrency: int | None = None
        self._is_paused = False
        self._on_more: list[OnMore] = []
        self._on_pause: list[OnPause] = []

    @property
    def positions(self) -> Sequence[int]:
        """What is known by now."""
        with self._lock:
            return tuple(self._positions)

    @property
    def concurrency(self) -> int | None:
        """Calls that this worker may have under way at once, by what the controller said last; ``None`` if nothing."""
        return self._concurrency

    @property
    def is_paused(self) -> bool:
        """Whether no further call is to be begun."""
        return self._is_paused

    def on_more(self, listener: OnMore) -> None:
        """Call a function with the positions that are known by now, and again with those that are added.

        It is called in the receiving thread and must return at once; what it raises is left out.
        """
        with self._lock:
            self._on_more.append(listener)
            if self._positions:
                _call(listener, tuple(self._positions))

    def on_pause(self, listener: OnPause) -> None:
        """Call a function with whether calls are paused: now, if they are, and at each change; see ``on_more``."""
        with self._lock:
            self._on_pause.append(listener)
            if self._is_paused:
                _call(listener, True)  # noqa: FBT003 - the listener's one argument

    def take(self, message: Mapping[str, Any]) -> None:
        """Take in a message of the controller: further positions, a concurrency, or whether to pause."""
        with self._lock:
            self._concurrency = message.get("concurrency", self._concurrency)
            more = tuple(message.get("positions", ()))
            if more:
                self._positions.extend(more)
                for listener in self._on_more:
                    _call(listener, more)
            self._set_paused(message.get("is_paused", self._is_paused))

    def _set_paused(self, is_paused: bool) -> None:  # noqa: FBT001 - private, one argument
        if is_paused == self._is_paused:
            return
        self._is_paused = is_paused
        for listener in self._on_pause:
            _call(listener, is_paused)


def _call(listener: Callable[[Any], object], argument: object) -> None:
    # An error in the receiving thread would cut the worker off from its controller. What is lost is only a head start.
    with contextlib.suppress(Exception):
        listener(argument)


class _Listener:
    """Puts itself between the controller's commands and xdist's reader of them."""

    def __init__(self, config: pytest.Config, share: Share) -> None:
        self._config = config
        self._share = share
        self._is_running = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Listen from just before xdist's reader begins to read."""
        reader = _xdist_reader(self._config)
        if reader is not None:
            reader.handle_command = self._before(reader.handle_command, session)
        self._is_running = True
        try:
            return (yield)
        finally:
            self._is_running = False

    def _before(self, handle: Callable[[Any], object], session: pytest.Session) -> Callable[[Any], object]:
        def take_or_hand_on(command: Any) -> object:
            if not isinstance(command, tuple) or command[0] != COMMAND:
                return handle(command)
            message: Mapping[str, Any] = command[1]
            if "stop" in message:
                session.shouldstop = message["stop"]
            # Where Ctrl-C has reached the worker, too, it must not be interrupted while it cleans up.
            if "interrupt" in message and self._is_running:
                _interrupt_main_thread()
            self._share.take(message)
            return None

        return take_or_hand_on


def _interrupt_main_thread() -> None:
    if hasattr(signal, "pthread_kill"):
        # Unlike the other, it wakes a thread that waits.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()


def _xdist_reader(config: pytest.Config) -> Any:
    # xdist runs its module as the worker's main program, so its class cannot be imported here.
    for plugin in config.pluginmanager.get_plugins():
        if type(plugin).__name__ == "WorkerInteractor" and hasattr(plugin, "handle_command"):
            return plugin
    return None
