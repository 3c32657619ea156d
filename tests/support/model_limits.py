"""The rate limit of the loopback model server."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(slots=True)
class RateLimit:
    """So many requests in each window of time; the first window begins with the first request."""

    requests: int
    """Requests that are answered in a window."""
    seconds: float = 1.0
    """Length of a window."""
    is_announced: bool = False
    """Whether every answer tells how much is left."""
    remaining: int = 0
    """Requests that are left in this window."""
    end: float = 0.0
    """When this window ends, on the clock of ``take``."""

    def take(self, now: float) -> float | None:
        """Count a request; return the seconds until the next window if it is one too many."""
        if now >= self.end:
            self.remaining, self.end = self.requests, now + self.seconds
        if self.remaining == 0:
            return self.end - now
        self.remaining -= 1
        return None

    def left(self, now: float) -> float:
        """Return the seconds until the window ends."""
        return max(self.end - now, 0.0)
