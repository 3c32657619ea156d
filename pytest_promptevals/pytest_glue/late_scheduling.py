"""Which scheduler it is to be turns out once pytest-xdist's workers have collected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pytest_promptevals.pytest_glue.lanes import Scheduler
from pytest_promptevals.pytest_glue.scheduling import EvalScheduling


class LateScheduling:
    """Is xdist's own scheduler until all workers have collected, and for good if they found no eval items.

    Args:
        make: makes xdist's own scheduler.
        make_for_evals: makes the other from the items' node ids; returns ``None`` if no eval item is among them.
    """

    def __init__(
        self, make: Callable[[], Scheduler], make_for_evals: Callable[[Sequence[str]], EvalScheduling | None]
    ) -> None:
        self._chosen = make()
        self._make_for_evals = make_for_evals
        self._collections: list[list[str]] = []
        self._events: list[Callable[[Scheduler], object]] = []
        self._is_decided = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chosen, name)

    @property  # type: ignore[misc]  # typeshed lets it be set as well
    def __class__(self) -> Any:
        """The class that xdist prints and that other plugins ask for."""
        return type(self._chosen)

    def add_node(self, node: Any) -> None:
        """Hand a worker on."""
        self._pass_on(lambda scheduler: scheduler.add_node(node))

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """Hand on what a worker collected."""
        if not self._is_decided:
            self._collections.append(list(collection))
        self._pass_on(lambda scheduler: scheduler.add_node_collection(node, collection))

    def remove_node(self, node: Any) -> str | None:
        """Hand on that a worker is gone."""
        if not self._is_decided:
            self._events.append(lambda scheduler: scheduler.remove_node(node))
        return self._chosen.remove_node(node)

    def schedule(self) -> None:
        """Decide at the first call, then have the items scheduled."""
        if not self._is_decided:
            self._decide()
        self._chosen.schedule()

    def for_evals(self) -> EvalScheduling | None:
        """Return the scheduler of a run with eval items; ``None`` in any other, and while that is not known."""
        return self._chosen if isinstance(self._chosen, EvalScheduling) else None

    def _pass_on(self, event: Callable[[Scheduler], object]) -> None:
        if not self._is_decided:
            self._events.append(event)
        event(self._chosen)

    def _decide(self) -> None:
        self._is_decided = True
        first, *others = self._collections
        # Where workers disagree, xdist says so and runs nothing.
        scheduling = self._make_for_evals(first) if all(ids == first for ids in others) else None
        if scheduling is not None:
            for event in self._events:
                event(scheduling)
            self._chosen = scheduling
        self._events.clear()
        self._collections.clear()
