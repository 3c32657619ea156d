"""Moments and durations in the headers of an answer."""

from __future__ import annotations

import datetime as dt
import email.utils
import math
import re
import time
from collections.abc import Mapping
from typing import Final

_UNITS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_STEP: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait, ``None`` if it does not.

    Reads ``retry-after-ms``, and ``retry-after`` in seconds or as a date (RFC 9110, section 10.2.3). A moment in the
    past is 0.
    """
    milliseconds = parse_number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(milliseconds / 1000, 0.0)
    written = headers.get("retry-after")
    if written is None:
        return None
    seconds = parse_number(written)
    if seconds is None:
        moment = _parse_http_date(written)
        return None if moment is None else seconds_until(moment, headers)
    return max(seconds, 0.0)


def parse_duration(text: str | None) -> float | None:
    """Return the seconds of ``1s``, ``6m0s``, ``120ms`` or ``1h2m3s``, or of a plain number; else ``None``."""
    if text is None:
        return None
    steps = _STEP.findall(text)
    if not steps or "".join(number + unit for number, unit in steps) != text:
        seconds = parse_number(text)
        return None if seconds is None or seconds < 0 else seconds
    return sum(float(number) * _UNITS[unit] for number, unit in steps)


def parse_moment(text: str | None) -> float | None:
    """Return the seconds since 1970 of a date in the form of RFC 3339, ``None`` if it is none."""
    try:
        moment = dt.datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return _timestamp(moment)


def seconds_until(moment: float, headers: Mapping[str, str]) -> float:
    """Return how far a moment is after that of the answer, 0 if it is past.

    The server's clock made both, so a wrong one on this machine changes nothing, where the answer tells its date.
    """
    date = _parse_http_date(headers.get("date") or "")
    return max(moment - (time.time() if date is None else date), 0.0)


def parse_number(text: str | None) -> float | None:
    """Return the number that a header holds, ``None`` if it is none or not finite."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _parse_http_date(text: str) -> float | None:
    try:
        return _timestamp(email.utils.parsedate_to_datetime(text))
    except (ValueError, OverflowError):
        return None


def _timestamp(moment: dt.datetime) -> float:
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)).timestamp()
