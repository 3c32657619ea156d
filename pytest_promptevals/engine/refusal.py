"""The time for which a server wants no calls."""

from __future__ import annotations

import math
from typing import Final, TypeVar

from pytest_promptevals.errors import ProviderError

Error = TypeVar("Error", bound=ProviderError)

_WORTH_SAYING: Final = 1.0
"""Seconds."""


class Refusal:
    """Until when a server is not asked, why, and for how long that has gone on without any success."""

    def __init__(self) -> None:
        self.until = -math.inf
        self._seconds = 0.0
        self._said: ProviderError | None = None

    def extend(self, now: float, seconds: float, error: ProviderError | None) -> None:
        """Ask nobody for so many seconds from now. ``error`` is what the server said."""
        until = now + seconds
        if until > self.until:
            self._seconds += until - max(self.until, now)
            self.until = until
        self._said = error or self._said

    def relent(self, now: float) -> None:
        """Take note that a call succeeded: what was refused so far no longer counts."""
        self._seconds = max(0.0, self.until - now)

    def seconds(self, now: float) -> float:
        """Return for how many seconds calls were refused since the last success."""
        return self._seconds - max(0.0, self.until - now)

    def exceeds(self, patience: float, now: float, seconds_before: float) -> bool:
        """Return whether the refusal lasts longer than a call has patience for.

        Args:
            patience: seconds of refusal that the call may sit out.
            now: the moment.
            seconds_before: what ``seconds`` said when the call came, if it has counted that itself. For a call that
                was not tried, it is 0: it need not find out by itself for how long the server has been refusing.
        """
        if self._said is None or self.until <= now:
            return False
        return max(self._seconds - seconds_before, self.until - now) > patience

    def explain(self, now: float) -> ProviderError:
        """Return the server's words as the error of a call that was not tried."""
        assert self._said is not None  # noqa: S101 - asked only where exceeds() said so
        passed, still = self.seconds(now), show_seconds(self.until - now)
        what = f"refused all calls for {show_seconds(passed)} and " if passed >= _WORTH_SAYING else ""
        remark = f"not tried: the server {what}wants no call for another {still}; --evals-max-wait allows less"
        return restate(self._said, remark)


def restate(error: Error, remark: str) -> Error:
    """Return a copy of an error, its type and data kept, with a remark in brackets behind its message."""
    message = f"{error} ({remark})"
    copy = type(error).__new__(type(error), message)
    copy.args = (message,)
    copy.__dict__.update(error.__dict__)
    return copy


def show_seconds(seconds: float) -> str:
    """Return seconds as text: tenths below ten, whole ones above."""
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - said in the docstring
