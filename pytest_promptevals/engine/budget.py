"""What a run may spend: a call that could exceed it is not made.

A call takes what it may cost at most before it is made, and gives back what it did not cost. So no more than the limit
is ever spent, whatever is under way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol

from pytest_promptevals.errors import CallNotMadeError, UsageError
from pytest_promptevals.prices.dollars import format_dollars

_ROUNDING: Final = 1e-9
"""Share of the limit that sums of parts may exceed it by, since most amounts have no exact form."""
_OF_THE_MODEL: Final = "set max_tokens under 'parameters', which"
_ADVICE: Final = f"Raise --evals-max-cost, or {_OF_THE_MODEL} bounds what a call may cost."
_EXAMPLE: Final = "{input: 0.25, output: 2.0}"


@dataclass(slots=True, eq=False)
class Reservation:
    """What one call may spend."""

    bound: float
    """US dollars that it may cost at most."""
    number: int = 0
    """Its number where several processes share a budget."""
    is_settled: bool = False
    """Whether it is known what the call cost."""

    def charge(self, cost: float | None) -> float:
        """Return what to count as spent: the bound where the cost is unknown, or no amount at all."""
        return cost if cost is not None and cost >= 0 else self.bound


class SpendingLimit(Protocol):
    """A limit of what calls may cost."""

    @property
    def spent(self) -> float:
        """US dollars that the calls made so far cost, at most."""
        ...

    async def reserve(self, bound: float) -> Reservation:
        """Take what a call may cost at most, in US dollars; a call that costs nothing always may.

        Waits, in order, while calls under way could still leave enough. Raises ``CallNotMadeError`` where they cannot.
        """
        ...

    def settle(self, reservation: Reservation, cost: float | None) -> None:
        """Give back what a call did not cost; ``None`` is unknown and counts as its bound.

        Each reservation must be settled, also where its call fails or is cancelled: with 0.0 if it was not answered for
        certain, else with ``None``.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds; no call is made any more."""
        ...


class Budget:
    """The limit of a run in one process. Used on one loop.

    Args:
        limit: US dollars.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._spent = 0.0
        self._reserved = 0.0
        self._under_way = 0
        self._closed_by: float | None = None
        self._waiting: deque[tuple[float, asyncio.Future[Reservation]]] = deque()

    @property
    def spent(self) -> float:
        """US dollars that the calls made so far cost, at most."""
        return self._spent

    async def reserve(self, bound: float) -> Reservation:
        """Take what a call may cost, see ``SpendingLimit``."""
        if bound <= 0:
            return Reservation(0.0)
        if self._is_refused(bound):
            raise refusal(self._limit, self._spent, bound, self._closed_by)
        if not self._waiting and self._has_room(bound):
            return self._grant(bound)
        future: asyncio.Future[Reservation] = asyncio.get_running_loop().create_future()
        self._waiting.append((bound, future))
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled() and future.exception() is None:
                self.settle(future.result(), 0.0)
            self._wake()
            raise

    def settle(self, reservation: Reservation, cost: float | None) -> None:
        """Give back what a call did not cost, see ``SpendingLimit``. A second time does nothing."""
        if reservation.is_settled:
            return
        reservation.is_settled = True
        self._spent += reservation.charge(cost)
        if reservation.bound:
            self._under_way -= 1
            self._reserved -= reservation.bound
        self._wake()

    def close(self) -> None:
        """Do nothing: it holds nothing that outlives it."""

    def _grant(self, bound: float) -> Reservation:
        self._reserved += bound
        self._under_way += 1
        return Reservation(bound)

    def _has_room(self, bound: float) -> bool:
        return fits(self._limit, self._spent + self._reserved + bound)

    def _is_refused(self, bound: float) -> bool:
        """Return whether a call may not be made even when nothing else is under way any more."""
        is_too_much = not fits(self._limit, self._spent + bound)
        if is_too_much and self._closed_by is None and not self._under_way:
            self._closed_by = bound
        return is_too_much or self._closed_by is not None

    def _wake(self) -> None:
        """Answer those who wait, in order, as far as it is known by now."""
        while self._waiting:
            bound, future = self._waiting[0]
            if future.done():
                self._waiting.popleft()
            elif self._is_refused(bound):
                self._waiting.popleft()
                future.set_exception(refusal(self._limit, self._spent, bound, self._closed_by))
            elif self._has_room(bound):
                self._waiting.popleft()
                future.set_result(self._grant(bound))
            else:
                return


def fits(limit: float, amount: float) -> bool:
    """Return whether an amount is within a limit."""
    return amount <= limit * (1 + _ROUNDING)


def refusal(limit: float, spent: float, bound: float, closed_by: float | None) -> CallNotMadeError:
    """Return the error of a call that may not be made.

    Args:
        limit: US dollars that may be spent.
        spent: those that are.
        bound: those that the call may cost.
        closed_by: those that a refused call might have cost, after which no other is made; ``None`` before that.
    """
    reason = f"this call may cost up to {format_dollars(bound)}"
    if closed_by is not None and fits(limit, spent + bound):
        reason = f"a call before this one might have cost {format_dollars(closed_by)}"
    shown = f"{format_dollars(spent)} of {format_dollars(limit)} spent"
    return CallNotMadeError(f"not run: budget: {shown}, and {reason}. {_ADVICE}", reason="budget")


def refusal_of_judge(error: CallNotMadeError, judge: str, place: str) -> CallNotMadeError:
    """Return the error of a judge's call that the budget does not allow: it is the judge's parameters that bound it.

    Args:
        error: the refusal; one that advises nothing about parameters stays as it is.
        judge: the judge's label.
        place: file and line where it stands.
    """
    own = f"set max_tokens under the own 'parameters' of judge {judge!r} ({place}), which"
    return CallNotMadeError(str(error).replace(_OF_THE_MODEL, own), reason=error.reason)


def check_all_priced(unpriced: Collection[str]) -> None:
    """Raise ``UsageError`` if a run with a budget would call models of unknown price.

    Args:
        unpriced: those models, as ``provider/model``.
    """
    if not unpriced:
        return
    names = sorted(unpriced)
    raise UsageError(
        f"--evals-max-cost: the price of {', '.join(names)} is not known. Write it into the eval file or an evals.yaml "
        f"as 'prices: {{{names[0]}: {_EXAMPLE}}}', in US dollars for a million tokens, or 'free'."
    )
