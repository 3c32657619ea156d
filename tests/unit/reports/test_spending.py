"""What a run cost, in one line."""

from __future__ import annotations

import pytest

from pytest_promptevals.records.runs import Run
from pytest_promptevals.reports.spending import spending_text


def text_of(
    calls: int, cached: int = 0, cost: float | None = 0.0, spent: float | None = 0.0, unpriced: int = 0
) -> str | None:
    run = Run("r", "2026-11-21T00:00:00+00:00", calls=calls, cached=cached, cost=cost, spent=spent)
    return spending_text(run, unpriced)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((6, 0, 1.5, 1.5), "6 responses; cost $1.50"),
        ((1, 0, 0.25, 0.25), "1 response; cost $0.25"),
        ((6, 6, 1.5, 0.0), "6 responses, all from the cache; cost $1.50, none of it paid now"),
        ((6, 2, 1.5, 1.0), "6 responses, 2 from the cache; cost $1.50, $1.00 of it paid now"),
        ((6, 2, 0.0, 0.0), "6 responses, 2 from the cache; cost $0.00"),
        ((6, 0, None, None, 2), "6 responses; cost unknown for 2 cases"),
        ((6, 1, None, None, 1), "6 responses, 1 from the cache; cost unknown for 1 case"),
    ],
)
def test_a_run_says_what_it_called_and_what_that_cost(numbers: tuple[int, int, float, float], text: str) -> None:
    assert text_of(*numbers) == text


@pytest.mark.parametrize("numbers", [(0, 0, 0.0, 0.0), (6, 0, 0.0, 0.0)])
def test_where_nothing_was_called_or_paid_nothing_is_said(numbers: tuple[int, int, float, float]) -> None:
    assert text_of(*numbers) is None
