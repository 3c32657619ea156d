"""Workers of pytest-xdist as schedulers see them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, Protocol

from pytest_promptevals.pytest_glue.share import COMMAND


class Node(Protocol):
    """What is used of xdist's ``WorkerController``: one worker, as the controller sees it."""

    @property
    def shutting_down(self) -> bool:
        """Whether it takes no more items."""
        ...

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        """Put items at the end of its queue."""
        ...

    def send_steal(self, indices: Sequence[int]) -> None:
        """Ask for items back that it has not begun."""
        ...

    def shutdown(self) -> None:
        """Have it end once its queue is empty. A worker runs its last item only when it knows that none follows."""
        ...

    def sendcommand(self, name: str, **kwargs: object) -> None:
        """Send a command."""
        ...


class Scheduler(Protocol):
    """What xdist asks of a scheduler: its ``Scheduling``."""

    @property
    def nodes(self) -> list[Any]:
        """The workers."""
        ...

    @property
    def collection_is_completed(self) -> bool:
        """Whether all workers have collected."""
        ...

    @property
    def tests_finished(self) -> bool:
        """Whether each worker is at its last item: then xdist ends them all."""
        ...

    @property
    def has_pending(self) -> bool:
        """Whether any item has not ended."""
        ...

    def add_node(self, node: Any) -> None:
        """Know of a worker that is there, and has not collected yet."""
        ...

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """Know what a worker collected."""
        ...

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """Take note that a worker is done with an item."""
        ...

    def mark_test_pending(self, item: str) -> None:
        """Have an item run once more."""
        ...

    def remove_pending_tests_from_node(self, node: Any, indices: Sequence[int]) -> None:
        """Take note of items that a worker gave back."""
        ...

    def remove_node(self, node: Any) -> str | None:
        """Forget a worker that has ended, and return the node id of the item that it crashed in, if it did."""
        ...

    def schedule(self) -> None:
        """Give out items."""
        ...


class Lane:
    """One worker. To xdist's own scheduler it looks like a worker that has only the ordinary tests.

    Args:
        node: the worker.
        ordinary: positions of the ordinary tests; that scheduler counts only them.
    """

    def __init__(self, node: Node, ordinary: Sequence[int]) -> None:
        self.node = node
        self.share: list[int] = []
        """Eval items that it is to run and that are not in its queue yet."""
        self.queue: dict[int, None] = {}
        """Items that were sent and have not ended, in the order of running."""
        self.has_evals = False
        """Whether it was given eval items. The last of them ends only when all workers may end."""
        self.concurrency = 0
        """Calls that it may have under way at once."""
        self.is_closed = not ordinary
        """Whether it gets no more ordinary tests."""
        self.is_ready = False
        """Whether it collected what all others did."""
        self._ordinary = ordinary

    def __getattr__(self, name: str) -> Any:
        return getattr(self.node, name)

    @property
    def shutting_down(self) -> bool:
        """Whether it takes no more ordinary tests."""
        return self.is_closed or self.node.shutting_down

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        """Send ordinary tests."""
        self.send([self._ordinary[index] for index in indices])

    def send_steal(self, indices: Sequence[int]) -> None:
        """Ask for ordinary tests back."""
        with contextlib.suppress(OSError):
            self.node.send_steal([self._ordinary[index] for index in indices])

    def shutdown(self) -> None:
        """Take no more ordinary tests; what then becomes of the worker depends on its share."""
        self.is_closed = True

    def send(self, positions: Sequence[int]) -> None:
        """Put items at the end of the worker's queue."""
        self.queue.update(dict.fromkeys(positions))
        # A worker that just died will be removed, and then its items go to others.
        with contextlib.suppress(OSError):
            self.node.send_runtest_some(list(positions))

    def tell(self, **message: object) -> None:
        """Send a message to the worker's share."""
        with contextlib.suppress(OSError):
            self.node.sendcommand(COMMAND, **message)

    def release(self) -> None:
        """Send the share once the ordinary tests are all sent; end a worker that has none."""
        if not self.is_ready or not self.is_closed or self.node.shutting_down:
            return
        if self.share:
            self.send(self.share)
            self.share = []
        elif not self.has_evals:
            self.node.shutdown()
