"""Scheduling under pytest-xdist: every worker knows its eval items from the start.

xdist hands out items bit by bit, so a worker could not work ahead. Here every worker is told its whole share of the
eval items at once, while xdist's own scheduler hands out the ordinary tests. A worker runs its ordinary tests first:
meanwhile the calls of its eval items are under way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from pytest_promptevals.engine.splitting import split_number
from pytest_promptevals.pytest_glue.lanes import Lane, Scheduler
from pytest_promptevals.pytest_glue.share import AHEAD_FACTOR

Split: TypeAlias = Callable[[Sequence[int], int], list[list[int]]]
"""Divides positions of eval items among so many workers; some lists may be empty."""


class EvalScheduling:
    """Gives every worker its share of the eval items, and leaves the other tests to xdist's own scheduler.

    Workers that have eval items are kept until all of these have ended, so that they can take over those of a worker
    that crashes.

    Args:
        ids: node ids of all items, which all workers collected alike.
        evals: positions of the eval items among them.
        split: divides eval items among workers.
        ceiling: calls that all workers together may have under way at once.
        make_base: makes xdist's scheduler, for the other tests.
    """

    def __init__(
        self,
        ids: Sequence[str],
        evals: Sequence[int],
        *,
        split: Split,
        ceiling: int,
        make_base: Callable[[], Scheduler],
    ) -> None:
        self._ids = ids
        self._evals = dict.fromkeys(evals)
        self._ordinary = [position for position in range(len(ids)) if position not in self._evals]
        self._index = {position: index for index, position in enumerate(self._ordinary)}
        self._base = make_base() if self._ordinary else None
        self._split = split
        self._ceiling = ceiling
        self._lanes: dict[Any, Lane] = {}
        self._orphans: list[int] = list(evals)
        self._suspects: set[int] = set()
        self._is_scheduled = False
        self._is_stopped = False

    @property
    def nodes(self) -> list[Any]:
        """All workers."""
        return list(self._lanes)

    @property
    def collection_is_completed(self) -> bool:
        """Always: this scheduler is made only then."""
        return True

    @property
    def tests_finished(self) -> bool:
        """Whether all workers are at their last item, and nothing is left for another."""
        if self._is_stopped:
            return True
        if self._orphans or (self._base is not None and not self._base.tests_finished):
            return False
        return all(len(lane.queue) <= 1 for lane in self._lanes.values())

    @property
    def has_pending(self) -> bool:
        """Whether any item has not ended."""
        if self._orphans or (self._base is not None and self._base.has_pending):
            return True
        return any(lane.share or lane.queue for lane in self._lanes.values())

    def add_node(self, node: Any) -> None:
        """Know of a worker that is there, and has not collected yet."""
        lane = Lane(node, self._ordinary)
        self._lanes[node] = lane
        if self._base is not None:
            self._base.add_node(lane)

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """Know what a worker collected. One that collected something else than all others gets nothing to run."""
        if list(collection) != self._ids:
            node.shutdown()
            return
        lane = self._lanes[node]
        lane.is_ready = True
        if self._base is not None:
            self._base.add_node_collection(lane, [collection[position] for position in self._ordinary])

    def schedule(self) -> None:
        """Give out what nobody has: at first all, later what a worker that crashed has left."""
        self._is_scheduled = True
        self._hand_out()
        if self._base is not None:
            self._base.schedule()
        self._settle()

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """Take note that a worker is done with an item."""
        lane = self._lanes[node]
        lane.queue.pop(item_index, None)
        if item_index not in self._evals and self._base is not None:
            self._base.mark_test_complete(lane, self._index[item_index], duration)
        self._settle()

    def mark_test_pending(self, item: str) -> None:
        """Have an item run once more: a plugin wants that of one that crashed its worker."""
        position = list(self._ids).index(item)
        if position in self._evals:
            self._orphans.append(position)
            self._hand_out()
        elif self._base is not None:
            self._base.mark_test_pending(item)
        self._settle()

    def remove_pending_tests_from_node(self, node: Any, indices: Sequence[int]) -> None:
        """Take note of ordinary tests that a worker gave back."""
        lane = self._lanes[node]
        for position in indices:
            lane.queue.pop(position, None)
        if self._base is not None:
            self._base.remove_pending_tests_from_node(lane, [self._index[position] for position in indices])
        self._settle()

    def remove_node(self, node: Any) -> str | None:
        """Forget a worker that has ended, and return the node id of the item that it crashed in, if that is known.

        What else it had to run goes to others, or to the worker that takes its place. Where the worker had begun
        several eval items, any of them may have been its end: they are run again, and none of them ahead of its turn,
        so that the next crash tells which.
        """
        lane = self._lanes.pop(node)
        crashed = None
        if self._base is not None and lane in self._base.nodes:
            crashed = self._base.remove_node(lane)
        left = [position for position in lane.queue if position in self._evals]
        # Eval items are behind all ordinary tests, so the first of them was under way.
        is_at_evals = crashed is None and bool(left)
        left += lane.share
        begun = left[: 1 + AHEAD_FACTOR * lane.concurrency]
        if is_at_evals and (begun[0] in self._suspects or self._suspects.issuperset(begun[1:])):
            crashed = self._ids[left.pop(0)]
        self._suspects.update(begun)
        self._orphans.extend(left)
        self._hand_out()
        self._settle()
        return crashed

    def stop(self, reason: str) -> None:
        """Have all workers end after the item that they are at: too many have failed, or the user wants it."""
        if self._is_stopped:
            return
        self._is_stopped = True
        for lane in self._lanes.values():
            lane.tell(stop=reason)

    def interrupt(self) -> None:
        """Have all workers end at once, as if the user had interrupted each."""
        self._is_stopped = True
        for lane in self._lanes.values():
            lane.tell(interrupt=True)

    def _hand_out(self) -> None:
        lanes = [lane for lane in self._lanes.values() if lane.is_ready and not lane.node.shutting_down]
        if self._is_stopped or not self._is_scheduled or not lanes or not self._orphans:
            return
        # No more workers than calls at once, and what a crashed one leaves goes to those that run eval items anyway.
        takers = [lane for lane in lanes if lane.has_evals] or lanes[: self._ceiling]
        shares = list(zip(takers, self._split(self._orphans, len(takers)), strict=True))
        self._orphans = []
        for lane, share in shares:
            lane.share.extend(share)
            lane.has_evals = lane.has_evals or bool(share)
        holders = [lane for lane in lanes if lane.has_evals]
        concurrency = dict(zip(holders, split_number(self._ceiling, len(holders)), strict=True))
        more = dict(shares)
        for lane in holders:
            lane.concurrency = concurrency[lane]
            known = [position for position in more.get(lane, ()) if position not in self._suspects]
            lane.tell(positions=known, concurrency=lane.concurrency)

    def _settle(self) -> None:
        if not self._is_scheduled:
            return
        if self._base is not None and self._base.tests_finished:
            for lane in self._lanes.values():
                lane.shutdown()
        for lane in self._lanes.values():
            lane.release()
