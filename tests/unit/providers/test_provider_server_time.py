from __future__ import annotations

import datetime as dt
import email.utils
import time
from collections.abc import Iterator

import pytest

from pytest_promptevals.providers.server_time import parse_duration, parse_moment, parse_retry_after, seconds_until

NOON = "Wed, 21 Oct 2015 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-2"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "-1"}, 0.0),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
        ({"retry-after": NOON}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 12:00:00"}, 0.0),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert parse_retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("date", "seconds"),
    [(NOON, 90.0), ("Wed, 21 Oct 2015 13:59:00 +0200", 150.0), ("Wed, 21 Oct 2015 12:02:00 GMT", 0.0)],
)
def test_a_wrong_clock_of_this_machine_changes_no_date(date: str, seconds: float) -> None:
    assert parse_retry_after({"retry-after": "Wed, 21 Oct 2015 12:01:30 GMT", "date": date}) == seconds


@pytest.fixture
def _far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_far_from_greenwich")
@pytest.mark.parametrize("date", [{}, {"date": "yesterday"}])
@pytest.mark.parametrize("zone", [" GMT", " -0000", ""])
def test_without_a_date_of_the_answer_our_clock_counts(zone: str, date: dict[str, str]) -> None:
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=90)
    written = email.utils.format_datetime(moment, usegmt=True).removesuffix(" GMT") + zone
    seconds = parse_retry_after({"retry-after": written, **date})
    assert seconds is not None
    assert 85 < seconds <= 90


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("120ms", 0.12),
        ("1h2m3s", 3723.0),
        ("2m59.56s", 179.56),
        ("1d", 86400.0),
        ("12", 12.0),
        ("0.5", 0.5),
        (None, None),
        ("", None),
        ("-3", None),
        ("6m soon", None),
        ("s", None),
        ("1w", None),
    ],
)
def test_durations_are_read(text: str | None, seconds: float | None) -> None:
    assert parse_duration(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2015-10-21T12:00:00Z", 1_445_428_800.0),
        ("2015-10-21T14:00:00+02:00", 1_445_428_800.0),
        ("2015-10-21T12:00:00.5", 1_445_428_800.5),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_moments_are_read(text: str | None, moment: float | None) -> None:
    assert parse_moment(text) == moment


def test_a_moment_is_as_far_as_the_server_sees_it() -> None:
    assert seconds_until(1_445_428_807.0, {"date": NOON}) == 7.0
    assert seconds_until(1_445_428_000.0, {"date": NOON}) == 0.0
