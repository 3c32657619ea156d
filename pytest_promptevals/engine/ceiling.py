"""The one ceiling over all calls of a process, shared fairly by the limiters of its providers."""

from __future__ import annotations

from typing import Protocol


class Claimant(Protocol):
    """Who wants slots of a ceiling."""

    def use_turn(self) -> bool:
        """Begin one call with a slot that is held for it; return whether it did."""
        ...


class Ceiling:
    """Counts the calls under way, never more than ``size``.

    Who finds no free slot stands in line, once however many calls wait behind it: so slots go round, and a provider
    with a thousand waiting calls does not shut out one with a single call.

    Args:
        size: most calls under way at once, at least 1.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.running = 0
        # A dict is a line that knows at once who stands in it.
        self._line: dict[Claimant, None] = {}

    def take(self, claimant: Claimant) -> bool:
        """Take a slot and return True; else put the claimant in line and return False."""
        if self.running < self.size:  # then nobody stands in line: who gives back a slot hands it on
            self.running += 1
            return True
        self._line.setdefault(claimant)
        return False

    def give_back(self) -> None:
        """Free a slot, and hand it to who stands first in line and still has a call to begin."""
        self.running -= 1
        while self._line and self.running < self.size:
            claimant = next(iter(self._line))
            del self._line[claimant]
            self.running += 1
            if not claimant.use_turn():
                self.running -= 1
