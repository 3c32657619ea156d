"""How far a run is, as one line."""

from __future__ import annotations

import pytest

from pytest_promptevals.records.progress import Progress
from pytest_promptevals.reports.progress import Pace, pause_text, progress_text

HALF_WAY = Progress(
    total=1000, done=412, running=64, calls=400, cached=120, spent=0.4213, unpriced=3, limit=60, is_paused=False
)


def text(progress: Progress, rate: float | None = None, width: int | None = None) -> str:
    return progress_text(progress, rate, pid=4242, width=width)


def test_the_whole_line() -> None:
    assert text(HALF_WAY, 31.24) == (
        "evals  412/1000 done · 64 running · 524 queued · 31.2/s · ETA 0:19 · $0.4213 spent (+3 unpriced)"
        " · 120 cached · limit 60"
    )


def test_what_is_not_there_is_not_mentioned() -> None:
    assert text(Progress(total=3, running=1)) == "evals 0/3 done · 1 running · 2 queued"


def test_a_paused_run_says_how_it_goes_on_and_has_no_pace() -> None:
    progress = Progress(total=3, done=1, running=1, is_paused=True)

    assert text(progress, 5.0) == "evals 1/3 done · paused: kill -USR1 4242 goes on · 1 running · 1 queued"


@pytest.mark.parametrize(
    "progress",
    [Progress(), Progress(total=3, done=3, cached=3)],
    ids=["nothing to run", "all done"],
)
def test_nothing_is_said_where_there_is_nothing_to_wait_for(progress: Progress) -> None:
    assert text(progress, 5.0) == ""


def test_judges_that_are_still_called_when_all_is_done_are_waited_for() -> None:
    assert text(Progress(total=3, done=3, running=1), 5.0) == "evals 3/3 done · 1 running · 0 queued · 5.0/s"


def test_calls_of_several_trials_never_make_the_queue_negative() -> None:
    assert "· 5 running · 0 queued" in text(Progress(total=3, done=1, running=5))


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (96, "evals  412/1000 done · 64 running · 31.2/s · ETA 0:19 · $0.4213 spent (+3 unpriced) · 120 cached"),
        (79, "evals  412/1000 done · 64 running · 31.2/s · ETA 0:19 · $0.4213+ · 120 cached"),
        (76, "evals  412/1000 done · 64 running · 31.2/s · ETA 0:19 · $0.4213+"),
        (60, "evals  412/1000 done · 64 running · ETA 0:19 · $0.4213+"),
        (50, "evals  412/1000 · 64 running · ETA 0:19 · $0.4213+"),
        (40, "evals  412/1000 · ETA 0:19 · $0.4213+"),
        (30, "evals  412/1000 · ETA 0:19"),
        (20, "evals  412/1000"),
        (14, ""),
    ],
)
def test_the_least_important_gives_way_first(width: int, line: str) -> None:
    assert text(HALF_WAY, 31.2, width) == line


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (60, "evals 1/3 done · paused: kill -USR1 4242 goes on · 1 running"),
        (40, "evals 1/3 done · paused · 1 running"),
        (25, "evals 1/3 · paused"),
        (12, "evals 1/3"),
    ],
)
def test_where_it_is_narrow_a_pause_is_still_told(width: int, line: str) -> None:
    assert text(Progress(total=3, done=1, running=1, is_paused=True), width=width) == line


def test_no_line_is_ever_wider_than_asked() -> None:
    assert all(len(text(HALF_WAY, 31.2, width)) <= width for width in range(130))


@pytest.mark.parametrize(
    ("rate", "shown"), [(0.05, "3.0/min"), (0.999, "59.9/min"), (1.0, "1.0/s"), (99.9, "99.9/s"), (312.6, "313/s")]
)
def test_a_rate_has_the_unit_that_makes_it_readable(rate: float, shown: str) -> None:
    assert f" · {shown} · ETA" in text(HALF_WAY, rate)


@pytest.mark.parametrize(
    ("rate", "shown"), [(1000.0, "0:01"), (588.0, "0:01"), (9.8, "1:00"), (0.163, "1:00:08"), (0.01, "16:20:00")]
)
def test_the_time_left_is_in_minutes_and_hours(rate: float, shown: str) -> None:
    assert f" · ETA {shown} · " in text(HALF_WAY, rate)


@pytest.mark.parametrize(
    ("spent", "unpriced", "shown"),
    [
        (0.99996, 0, " · $1.0000 spent"),
        (1234.5, 0, " · $1,234.50 spent"),
        (0.00001, 1, " · 1 unpriced"),
        (0.5, 2, " · $0.5000 spent (+2 unpriced)"),
        (0.0, 2, " · 2 unpriced"),
        (0.00001, 0, ""),
        (0.0, 0, ""),
    ],
)
def test_an_unknown_price_is_never_shown_as_nothing(spent: float, unpriced: int, shown: str) -> None:
    progress = Progress(total=2, spent=spent, unpriced=unpriced)

    assert text(progress) == "evals 0/2 done · 0 running · 2 queued" + shown


def test_another_separator_may_be_asked_for() -> None:
    progress = Progress(total=2, done=1)

    assert progress_text(progress, None, pid=1, separator=" | ") == "evals 1/2 done | 0 running | 1 queued"


def test_a_pause_and_its_end_are_said_in_words() -> None:
    assert pause_text(7, is_paused=True) == "evals paused: kill -USR1 7 goes on"
    assert pause_text(7, is_paused=False) == "evals go on"


def pace(*notes: tuple[float, int]) -> Pace:
    noted = Pace()
    for now, done in notes:
        noted.note(now, done)
    return noted


def test_a_pace_is_unknown_before_anything_was_noted() -> None:
    assert Pace().rate(5.0) is None


def test_a_pace_is_unknown_until_three_cases_are_done() -> None:
    assert pace((0, 0), (4, 2)).rate(4) is None
    assert pace((0, 0), (4, 3)).rate(4) == 0.75


def test_a_pace_is_unknown_for_the_first_two_seconds() -> None:
    assert pace((0, 0), (1.9, 100)).rate(1.9) is None
    assert pace((0, 0), (2, 100)).rate(2) == 50


def test_a_pace_is_that_of_the_last_ten_seconds() -> None:
    slow_then_fast = [(second, second) for second in range(20)] + [
        (second, 19 + second * 5) for second in range(20, 40)
    ]

    assert pace(*slow_then_fast).rate(39) == 5


def test_a_slow_pace_looks_back_further() -> None:
    assert pace((0, 0), (30, 1), (60, 2), (90, 3), (120, 4)).rate(120) == pytest.approx(1 / 30)


def test_what_was_done_before_the_first_look_counts_for_nothing() -> None:
    assert pace((0, 500), (5, 510)).rate(5) == 2


def test_between_two_batches_the_pace_stays() -> None:
    batches = pace((0, 0), (8, 64), (12, 64), (16, 128), (20, 128))

    assert batches.rate(16) == batches.rate(23.9) == 8


def test_a_long_silence_makes_the_pace_slower() -> None:
    assert pace((0, 0), (10, 100)).rate(40) == 2.5


def test_a_pace_keeps_few_notes_however_long_the_run() -> None:
    long = pace(*((second / 4, second) for second in range(10_000)))

    assert len(long._changes) < 60
