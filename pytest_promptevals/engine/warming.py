"""Judges that have something to load: it is loaded while the first responses are still on their way."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pytest_promptevals.engine.judging import JudgePlanner, PlannedJudge, flatten
from pytest_promptevals.records.cases import Case

_LONGEST_WAIT: Final = 600.0
"""Seconds that a case waits for its judges to be prepared, beside its own timeout: one that hangs holds up no run."""
_Ready: TypeAlias = "Future[None]"


@dataclass(frozen=True, slots=True)
class _Preparation:
    prepare: Callable[[], object]
    ready: _Ready


class Warmer:
    """Has each judge of one eval file prepare itself, once, in a thread. Used on one loop.

    Args:
        planner: fills in judges whose parameters are templates.
    """

    def __init__(self, planner: JudgePlanner) -> None:
        self._planner = planner
        self._idle: Sequence[PlannedJudge] = ()
        self._known: dict[object, _Ready] = {}

    def warm(self, judges: Sequence[PlannedJudge], case: Case) -> Sequence[_Ready]:
        """Begin to prepare those judges that were not met before, and return at once what is not ready yet."""
        if judges is self._idle:
            return ()  # the cases of one file mostly share their judges
        new: list[_Preparation] = []
        waiting = [ready for judge in flatten(judges) if (ready := self._meet(judge, case, new)) and not ready.done()]
        if new:
            # A daemon: a run that ends before the model is loaded does not wait for it.
            threading.Thread(target=_prepare_all, args=(new,), name="promptevals-warming", daemon=True).start()
        if not waiting:
            self._idle = judges
        return waiting

    async def wait(self, judges: Sequence[PlannedJudge], case: Case) -> None:
        """Wait until those judges are prepared: what that takes is no time of the case's own."""
        waiting = [asyncio.wrap_future(ready) for ready in self.warm(judges, case)]
        if not waiting:
            return
        try:
            await asyncio.wait(waiting, timeout=_LONGEST_WAIT)
        finally:
            for ready in waiting:
                ready.cancel()  # no longer told, once the loop is closed

    def _meet(self, judge: PlannedJudge, case: Case, new: list[_Preparation]) -> _Ready | None:
        """Return what says when a judge is prepared; ``None`` for one with nothing to prepare."""
        if getattr(judge.judge_type, "prepare", None) is None:
            return None
        # One that each case fills in loads the same for all of them as a rule.
        is_filled_in = judge.judge is None
        key = (judge.spec.location, judge.spec.judge, judge.spec.name) if is_filled_in else id(judge)
        if key not in self._known:
            ready: _Ready = Future()
            ready.set_running_or_notify_cancel()  # one of several who wait cannot cancel it for the others
            new.append(_Preparation(lambda: self._prepare(judge, case), ready))
            self._known[key] = ready
        return self._known[key]

    def _prepare(self, judge: PlannedJudge, case: Case) -> None:
        made: Any = self._planner.judge_for(judge, case)
        made.prepare(judge.search_path)


def _prepare_all(preparations: Sequence[_Preparation]) -> None:
    for preparation in preparations:
        try:
            # What is wrong is said when the judge is called: it tries again, and its case ends as an error.
            with contextlib.suppress(Exception):
                preparation.prepare()
        finally:
            preparation.ready.set_result(None)
