"""What a run would call and cost, as text: the answer of ``--evals-plan``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tabulate import tabulate

from pytest_promptevals.engine.estimates import ModelPlan, Plan, PlannedJudge, Range
from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.reports.cells import count_cells, shorten_left
from pytest_promptevals.reports.lines import Line, fill_lines
from pytest_promptevals.reports.words import visible_line

_HEAD: Final = ("model", "calls", "cached", "tokens in", "tokens out", "cost")
_SHORTEST_NAME: Final = 12
_THOUSAND: Final = 1_000
_FEW: Final = 10_000
_JUDGES_NOTE: Final = (
    "Judges: as many calls as they say they make, as if none was in the cache, by the length of what they are shown; a "
    "second try or a fallback comes on top."
)


def plan_lines(plan: Plan, width: int) -> list[Line]:
    """Return the plan of a run, no line wider than ``width`` where that can be helped."""
    return [
        _head(plan),
        *(Line(row) for row in (_table(plan, width) if plan.models else [])),
        *(Line(row) for text in _notes(plan) for row in fill_lines(text, width)),
    ]


def _head(plan: Plan) -> Line:
    if not plan.models and not plan.judges and not plan.judged_functions:
        return Line("plan: the selected cases call no model")
    total = plan.total
    bound = "at least " if plan.judges else "about " if plan.judged_functions else ""
    head = f"plan: {bound}{_counted(total.to_make, 'call')} to make, {total.cached:,} in the cache; nothing was called"
    return Line(head, {"bold": True})


def _table(plan: Plan, width: int) -> list[str]:
    longest = max(count_cells(_name_of(model)) for model in plan.models)
    table = _tabulate(plan, longest, width)
    excess = max(map(count_cells, table)) - width
    return table if excess <= 0 else _tabulate(plan, max(_SHORTEST_NAME, longest - excess), width)


def _tabulate(plan: Plan, room: int, width: int) -> list[str]:
    rows = [list(_HEAD), *(_row(model, cost_text(model.cost)) for model in plan.models)]
    if len(plan.models) > 1:
        rows.append(_row(plan.total, _total_cost(plan)))
    names = enumerate(map(_name_of, plan.models), start=1)
    long = {number: shorten_left(name, width) for number, name in names if count_cells(name) > room}
    short = [["", *row[1:]] if number in long else row for number, row in enumerate(rows)]
    align = ("left", "right", "right", "right", "right", "right")
    lines = tabulate(short, tablefmt="plain", colalign=align, disable_numparse=True).splitlines()
    # A name that has no room beside its numbers stands above them.
    return [text for number, line in enumerate(lines) for text in ([long[number], line] if number in long else [line])]


def _row(model: ModelPlan, cost: str) -> list[str]:
    name = _name_of(model)
    tokens = (_range_text(model.prompt_tokens), _range_text(model.answer_tokens))
    return [name, f"{model.calls:,}", f"{model.cached:,}", *tokens, cost]


def _name_of(model: ModelPlan) -> str:
    return visible_line(f"{model.label} (judge)" if model.is_judge else model.label)


def _total_cost(plan: Plan) -> str:
    if all(model.cost is None for model in plan.models):
        return "unknown"
    known = cost_text(plan.total.cost)
    return f"{known} + unknown" if plan.unpriced else known


def cost_text(cost: Range | None) -> str:
    """Return a range of dollars; an unknown one is unknown, never $0."""
    if cost is None:
        return "unknown"
    low, high = format_dollars(cost.low), format_dollars(cost.high)
    return low if low == high else f"{low}-{high}"


def _range_text(tokens: Range) -> str:
    low, high = _count_text(tokens.low), _count_text(tokens.high)
    return low if low == high else f"{low}-{high}"


def _count_text(count: float) -> str:
    """Return a number of tokens with two or three digits that count."""
    if count < _FEW:
        return f"{count:,.0f}"
    for unit in ("k", "M"):
        count /= _THOUSAND
        if count < _THOUSAND:
            return f"{count:.3g}{unit}"
    return f"{count / _THOUSAND:,.1f}G"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _notes(plan: Plan) -> list[str]:
    return [
        *_basis(plan.total),
        *([_JUDGES_NOTE] if any(model.is_judge for model in plan.models) else []),
        *([_price_note(plan.unpriced)] if plan.unpriced else []),
        *(_judge_note(judge) for judge in plan.judges),
        *([_functions_note(plan)] if plan.functions else []),
    ]


def _basis(total: ModelPlan) -> list[str]:
    guessed = total.to_make - total.from_history
    if not total.to_make:
        return []
    if not guessed:
        return ["Tokens: the means of earlier calls of the same cases."]
    by_length = "by the length of the prompts, and 10 to max_tokens (2,000 if it is not set) for an answer"
    if not total.from_history:
        return [f"Tokens: {by_length}."]
    return [f"Tokens: {total.from_history:,} calls by the means of earlier ones, {guessed:,} {by_length}."]


def _price_note(unpriced: Sequence[str]) -> str:
    one = "its price" if len(unpriced) == 1 else "their prices"
    return (
        f"Unknown price: {', '.join(unpriced)}. Write {one} under 'prices' in an evals.yaml, in US dollars for a "
        "million tokens, or 'free'."
    )


def _judge_note(judge: PlannedJudge) -> str:
    return f"Judge {judge.name}: calls models too, which and how often is known once it runs; not counted above."


def _functions_note(plan: Plan) -> str:
    if not plan.judged_functions:
        return f"Test functions: what their own code calls is not known ({_counted(plan.functions, 'test')})."
    judged = _counted(plan.judged_functions, "test")
    return (
        f"Test functions: judges are counted once a test, for {judged}; a test may judge more often, or never. What "
        "their own code calls is not known."
    )
