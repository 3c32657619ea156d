"""The part of pytest's terminal summary that answers: did the change make things worse?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tabulate import tabulate

from pytest_promptevals.records.comparisons import Change, Comparison, Delta, GateResult, Verdict
from pytest_promptevals.reports.words import count_text, money_text, score_text

_FEW_CASES: Final = 10
"""Cases listed per kind of change; -v lists all."""
_SHORTEST_NAME: Final = 12


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the summary."""

    text: str
    """Without a line end."""
    markup: dict[str, bool] = field(default_factory=dict)
    """pytest's words for colours."""


def summary_lines(
    comparisons: Sequence[Comparison], *, width: int, verbosity: int, is_stopped_early: bool = False
) -> list[Line]:
    """Return the summary of a run over its eval files, no line wider than ``width`` where that can be helped."""
    lines = [Line(row) for row in _table(comparisons, width)] if verbosity >= 0 else []
    for comparison in comparisons:
        lines += _changes(comparison, width, verbosity)
    for comparison in comparisons:
        lines += [_gate_line(gate) for gate in comparison.gates if verbosity >= 0 or gate.verdict.fails]
    if is_stopped_early:
        lines.append(Line("stopped early: no verdict, half a run cannot be compared", {"yellow": True}))
    return lines


def _table(comparisons: Sequence[Comparison], width: int) -> list[str]:
    has_cost = any(comparison.metrics.cost for comparison in comparisons)
    head = ["eval file", "cases", "passed", "errors", "score", "before", "change", *(["cost"] if has_cost else [])]
    rows = [_row(comparison, has_cost=has_cost) for comparison in comparisons]
    table = _tabulate(head, rows)
    excess = max(len(row) for row in table) - width
    if excess > 0:
        room = max(_SHORTEST_NAME, max(len(row[0]) for row in rows) - excess)
        table = _tabulate(head, [[_shorten_left(row[0], room), *row[1:]] for row in rows])
    return table


def _tabulate(head: list[str], rows: list[list[str]]) -> list[str]:
    align = ("left", *["right"] * (len(head) - 1))
    return tabulate(rows, head, tablefmt="simple", colalign=align, disable_numparse=True).splitlines()


def _row(comparison: Comparison, *, has_cost: bool) -> list[str]:
    metrics, drop = comparison.metrics, comparison.drop
    cost = [money_text(metrics.cost)] if has_cost else []
    return [
        comparison.file,
        str(metrics.cases),
        str(metrics.passed),
        str(metrics.errors),
        "none" if metrics.mean_score is None else f"{metrics.mean_score:.3f}",
        "-" if comparison.mean_before is None else f"{comparison.mean_before:.3f}",
        "-" if drop is None else _change_text(-drop),
        *cost,
    ]


def _change_text(change: float) -> str:
    text = f"{change:+.3f}"
    return "0.000" if float(text) == 0 else text


def _changes(comparison: Comparison, width: int, verbosity: int) -> list[Line]:
    if not comparison.has_baseline or verbosity < 0:
        return []
    listed = [
        *_scored(comparison, Change.WORSE, "worse than", {"red": True}, verbosity),
        *_scored(comparison, Change.BETTER, "better than", {"green": True}, verbosity),
        *_named(comparison, Change.NEW, "new, not in", width, verbosity),
        *_named(comparison, Change.EDITED, "edited or judged otherwise, so not compared with", width, verbosity),
        *_named(comparison, Change.MISSING, "missing, lost since", width, verbosity),
    ]
    return [Line(""), *listed] if listed else []


def _scored(comparison: Comparison, change: Change, words: str, markup: dict[str, bool], verbosity: int) -> list[Line]:
    deltas = comparison.deltas_with(change)
    if not deltas:
        return []
    shown = deltas if verbosity > 0 else deltas[:_FEW_CASES]
    lines = [Line(f"{comparison.file}: {count_text(len(deltas), 'case')} {words} {comparison.baseline}", markup)]
    name_width = max(len(delta.name) for delta in shown)
    lines += [Line(_delta_text(delta, name_width)) for delta in shown]
    return lines + _left_out(len(deltas) - len(shown))


def _delta_text(delta: Delta, name_width: int) -> str:
    flip = {(True, False): "  now fails", (False, True): "  now passes"}
    words = flip.get((delta.passed_before is True, delta.passed_after is True), "")
    scores = f"{score_text(delta.before)} -> {score_text(delta.after)}"
    return f"  {delta.name:<{name_width}}  {scores}{words}  {delta.location}"


def _named(comparison: Comparison, change: Change, words: str, width: int, verbosity: int) -> list[Line]:
    deltas = comparison.deltas_with(change)
    if not deltas:
        return []
    shown = deltas if verbosity > 0 else deltas[:_FEW_CASES]
    lines = [Line(f"{comparison.file}: {count_text(len(deltas), 'case')} {words} {comparison.baseline}")]
    lines += [Line(f"  {row}") for row in _wrap([delta.name for delta in shown], width - 2)]
    return lines + _left_out(len(deltas) - len(shown))


def _left_out(count: int) -> list[Line]:
    return [Line(f"  ... and {count} more, -v lists them")] if count else []


def _wrap(names: Sequence[str], width: int) -> list[str]:
    rows = [""]
    for name in names:
        joined = f"{rows[-1]}, {name}" if rows[-1] else name
        if len(joined) > width and rows[-1]:
            rows[-1] += ","
            rows.append(name)
        else:
            rows[-1] = joined
    return rows


def _gate_line(gate: GateResult) -> Line:
    text = f"{gate.file} [{gate.gate}] {gate.verdict.value}: {gate.explanation}"
    if gate.verdict.fails:
        return Line(text, {"red": True, "bold": True})
    return Line(text, {"green": True} if gate.verdict is Verdict.PASSED else {})


def _shorten_left(text: str, width: int) -> str:
    return text if len(text) <= width else "..." + text[-(width - 3) :]
