"""What a run cost, in one line."""

from __future__ import annotations

from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.records.runs import Run
from pytest_promptevals.reports.words import count_text


def spending_text(run: Run, unpriced: int, judged: float = 0.0) -> str | None:
    """Return what a run called and what that cost; ``None`` where there is nothing to say.

    Args:
        run: with its calls and costs.
        unpriced: the number of its results of which a part of the cost is unknown.
        judged: US dollars of its cost that are for judges.
    """
    if not run.calls or not (run.cached or run.cost or unpriced):
        return None
    is_all_cached = run.cached == run.calls
    cached = f", {'all' if is_all_cached else run.cached} from the cache" if run.cached else ""
    if unpriced:
        paid = ", none of it paid now" if is_all_cached else ""
        return f"{count_text(run.calls, 'response')}{cached}; cost unknown for {count_text(unpriced, 'case')}{paid}"
    paid = f", {format_dollars(run.spent)} of it paid now" if run.spent else ", none of it paid now"
    paid = "" if run.spent == run.cost else paid
    judges = f" (judges: {format_dollars(judged)})" if judged else ""
    return f"{count_text(run.calls, 'response')}{cached}; cost {format_dollars(run.cost)}{judges}{paid}"
