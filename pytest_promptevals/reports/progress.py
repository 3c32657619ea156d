"""How far a run is, as one line: the text of the live line and of the lines in logs."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from pytest_promptevals.records.progress import Progress

_WINDOW: Final = 10.0
"""Seconds that the pace is taken from."""
_ENOUGH_DONE: Final = 3
"""Cases that must be done within the window before a pace means something; it grows until they are."""
_ENOUGH_SECONDS: Final = 2.0
_SMALLEST_SHOWN: Final = 0.00005
"""US dollars below which four decimals show nothing."""

_GIVEN_UP: Final = ("limit", "queued", "spent", "cached", "rate", "paused", "head", "running", "spent", "eta", "paused")
"""What gives way where the line is too narrow, least important first: a part's shorter text takes its place."""


class Pace:
    """Cases a second, from what was done lately."""

    def __init__(self) -> None:
        self._changes: deque[tuple[float, int]] = deque()

    def note(self, now: float, done: int) -> None:
        """Take down how many cases are done at a time in seconds, which only grows."""
        if self._changes and self._changes[-1][1] == done:
            return
        self._changes.append((now, done))
        while self._is_first_spare(now):
            self._changes.popleft()

    def rate(self, now: float) -> float | None:
        """Return cases a second, ``None`` while too little is known."""
        if not self._changes:
            return None
        (start, before), (end, after) = self._changes[0], self._changes[-1]
        # Between two answers the pace is what it was; only a long silence makes it slower.
        seconds = (end if now - end <= _WINDOW else now) - start
        if after - before < _ENOUGH_DONE or seconds < _ENOUGH_SECONDS:
            return None
        return (after - before) / seconds

    def _is_first_spare(self, now: float) -> bool:
        if len(self._changes) < 3:  # noqa: PLR2004 - two are a pace, the third makes the first spare
            return False
        second, last = self._changes[1], self._changes[-1]
        return now - second[0] >= _WINDOW and last[1] - second[1] >= _ENOUGH_DONE


def progress_text(
    progress: Progress, rate: float | None, *, pid: int, width: int | None = None, separator: str = " · "
) -> str:
    """Return the line, no wider than ``width``: the least important parts are left out first.

    It is empty where there is nothing to wait for, or no room to say so. ``rate`` is cases a second, ``None`` if
    unknown; ``pid`` is the process that a signal lets go on.
    """
    if progress.done >= progress.total and not progress.running:
        return ""
    parts = _parts(progress, rate, pid)
    given_up = iter(_GIVEN_UP)
    while True:
        text = separator.join(texts[0] for texts in parts.values() if texts[0])
        if width is None or len(text) <= width:
            return text
        name = next(given_up, None)
        if name is None:
            return ""
        parts[name] = parts[name][1:] or parts[name]


def pause_text(pid: int, *, is_paused: bool) -> str:
    """Return what is said when the user pauses the run, or lets it go on."""
    return f"evals paused: kill -USR1 {pid} goes on" if is_paused else "evals go on"


def _parts(progress: Progress, rate: float | None, pid: int) -> dict[str, tuple[str, ...]]:
    """Return the parts in the order they are shown, each with its shorter texts after it."""
    done = f"evals {progress.done:>{len(str(progress.total))}}/{progress.total}"
    queued = max(0, progress.total - progress.done - progress.running)
    known = None if progress.is_paused else rate
    return {
        "head": (f"{done} done", done),
        "paused": (f"paused: kill -USR1 {pid} goes on", "paused", "") if progress.is_paused else ("",),
        "running": (f"{progress.running} running", ""),
        "queued": (f"{queued} queued", ""),
        "rate": (_rate_text(known), ""),
        "eta": (_eta_text(progress.total - progress.done, known), ""),
        "spent": _spent_texts(progress),
        "cached": (f"{progress.cached} cached" if progress.cached else "", ""),
        "limit": (f"limit {progress.limit}" if progress.limit else "", ""),
    }


def _rate_text(rate: float | None) -> str:
    if rate is None:
        return ""
    if rate < 1:
        return f"{rate * 60:.1f}/min"
    return f"{rate:.1f}/s" if rate < 100 else f"{rate:.0f}/s"  # noqa: PLR2004 - three digits say enough


def _eta_text(left: int, rate: float | None) -> str:
    if rate is None or left <= 0:
        return ""
    minutes, seconds = divmod(math.ceil(left / rate), 60)
    hours, minutes = divmod(minutes, 60)
    return f"ETA {hours}:{minutes:02}:{seconds:02}" if hours else f"ETA {minutes}:{seconds:02}"


def _spent_texts(progress: Progress) -> tuple[str, ...]:
    # Four decimals, whatever they are: a number that changes its length flickers.
    spent = f"${progress.spent:,.{2 if progress.spent >= 1 else 4}f}"
    is_shown = progress.spent >= _SMALLEST_SHOWN
    if progress.unpriced and is_shown:
        return f"{spent} spent (+{progress.unpriced} unpriced)", f"{spent}+", ""
    if progress.unpriced:
        return f"{progress.unpriced} unpriced", ""
    return (f"{spent} spent", spent, "") if is_shown else ("",)
