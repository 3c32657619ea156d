"""Judges that have something to load: it is loaded while the first responses are still on their way."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Any

from pytest_promptevals.engine.judging import PlannedJudge, flatten
from pytest_promptevals.engine.planning import PlannedCase


class Warmer:
    """Has each judge of the cases that start prepare itself, once, in a thread."""

    def __init__(self) -> None:
        self._last: Sequence[PlannedJudge] = ()
        self._seen: set[object] = set()

    def warm(self, planned: PlannedCase) -> None:
        """Begin to prepare those judges of a case that were not met before. Returns at once."""
        if planned.judges is self._last:
            return  # the cases of one file mostly share their judges
        self._last = planned.judges
        calls = [call for judge in flatten(planned.judges) if (call := self._call_for(judge, planned)) is not None]
        if calls:
            # A daemon: a run that ends before the model is loaded does not wait for it.
            threading.Thread(target=_prepare_all, args=(calls,), name="promptevals-warming", daemon=True).start()

    def _call_for(self, judge: PlannedJudge, planned: PlannedCase) -> Callable[[], object] | None:
        # One that each case fills in loads the same for all of them as a rule.
        is_filled_in = judge.judge is None
        key = (judge.spec.location, judge.spec.judge, judge.spec.name) if is_filled_in else id(judge)
        if key in self._seen:
            return None
        self._seen.add(key)
        if getattr(judge.judge_type, "prepare", None) is None:
            return None
        return lambda: _prepare(judge, planned)


def _prepare(judge: PlannedJudge, planned: PlannedCase) -> None:
    made: Any = planned.plan.planner.judge_for(judge, planned.case)
    made.prepare(judge.search_path)


def _prepare_all(calls: Sequence[Callable[[], object]]) -> None:
    for call in calls:
        # What is wrong is said when the judge is called: it tries again, and its case ends as an error.
        with contextlib.suppress(Exception):
            call()
