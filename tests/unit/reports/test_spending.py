"""What a run cost, in one line."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_promptevals.records.runs import Run
from pytest_promptevals.reports.spending import spending_text


def text_of(numbers: Sequence[float | None]) -> str | None:
    """Return the line for calls, cached, cost, spent, unpriced and judged, the last ones 0 where they are left out."""
    given = dict(zip(("calls", "cached", "cost", "spent", "unpriced", "judged"), numbers, strict=False))
    calls, cached = int(given["calls"] or 0), int(given["cached"] or 0)
    run = Run("r", "2026-11-21T00:00:00+00:00", calls=calls, cached=cached, cost=given["cost"], spent=given["spent"])
    return spending_text(run, int(given.get("unpriced") or 0), given.get("judged") or 0.0)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((6, 0, 1.5, 1.5), "6 responses; cost $1.50"),
        ((1, 0, 0.25, 0.25), "1 response; cost $0.25"),
        ((6, 6, 1.5, 0.0), "6 responses, all from the cache; cost $1.50, none of it paid now"),
        ((6, 2, 1.5, 1.0), "6 responses, 2 from the cache; cost $1.50, $1.00 of it paid now"),
        ((6, 2, 0.0, 0.0), "6 responses, 2 from the cache; cost $0.00"),
        ((6, 0, None, None, 2), "6 responses; cost unknown for 2 cases"),
        ((6, 0, 1.5, 1.5, 0, 0.5), "6 responses; cost $1.50 (judges: $0.50)"),
        (
            (6, 6, 1.5, 0.0, 0, 0.5),
            "6 responses, all from the cache; cost $1.50 (judges: $0.50), none of it paid now",
        ),
        ((6, 0, None, None, 2, 0.5), "6 responses; cost unknown for 2 cases"),
        ((6, 1, None, None, 1), "6 responses, 1 from the cache; cost unknown for 1 case"),
    ],
)
def test_a_run_says_what_it_called_and_what_that_cost(numbers: tuple[float | None, ...], text: str) -> None:
    assert text_of(numbers) == text


@pytest.mark.parametrize("numbers", [(0, 0, 0.0, 0.0), (6, 0, 0.0, 0.0)])
def test_where_nothing_was_called_or_paid_nothing_is_said(numbers: tuple[float | None, ...]) -> None:
    assert text_of(numbers) is None
