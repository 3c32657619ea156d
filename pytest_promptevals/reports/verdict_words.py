"""What the terminal says of verdicts: how each metric changed, and why a gate is red, yellow or green."""

from __future__ import annotations

from typing import Final

from pytest_promptevals.records.comparisons import Comparison, GateResult, Verdict
from pytest_promptevals.records.effects import JUDGE_PREFIX, PASS_RATE, SCORE, Effect
from pytest_promptevals.reports.cells import count_cells, shorten_right
from pytest_promptevals.reports.lines import Line, fill_lines
from pytest_promptevals.reports.metric_texts import (
    chance_of,
    chance_text,
    change_text,
    effect_change,
    interval_text,
    metric_order,
    metric_title,
    value_text,
)
from pytest_promptevals.reports.tables import align_rows
from pytest_promptevals.reports.words import count_text, visible_line

_HEAD: Final = ("", "before", "now", "change", "95 % sure: from", "by chance")
_ARE_RIGHT: Final = (False, True, True, True, True, True)
_SHORTEST_TITLE: Final = 12
_JUDGE: Final = "judge "
_SMALLEST: Final = 1e-9
_RARE: Final = 0.05


def effect_lines(comparison: Comparison, width: int, verbosity: int) -> list[Line]:
    """Return how each metric of an eval file changed, side by side, if its scores changed; -v shows it always.

    Without -v, metrics that are as they were are left out.
    """
    effects = sorted(comparison.effects, key=lambda effect: metric_order(effect.metric))
    if verbosity == 0 and not any(map(_is_remarkable, effects)):
        return []
    shown = [effect for effect in effects if verbosity > 0 or _is_seen(effect)]
    if not shown:
        return []
    cases = max(effect.cases for effect in shown)
    head = f"{comparison.file} beside {comparison.baseline}, over {count_text(cases, 'case')}:"
    rows = [f"  {row}" for row in _table(shown, width - 2)]
    return [Line(""), *map(Line, fill_lines(head, width)), *map(Line, rows)]


def _is_remarkable(effect: Effect) -> bool:
    """Return whether scores changed, or something else did that no run would do by chance."""
    if effect.metric in (SCORE, PASS_RATE) or effect.metric.startswith(JUDGE_PREFIX):
        return _is_seen(effect)
    chance = chance_of(effect)
    return chance is not None and chance <= _RARE


def _is_seen(effect: Effect) -> bool:
    """Return whether the change can be seen in the digits that are shown."""
    return value_text(effect.metric, effect.before) != value_text(effect.metric, effect.after)


def _table(effects: list[Effect], width: int) -> list[str]:
    titles = [visible_line(metric_title(effect.metric)) for effect in effects]
    table = _align(effects, titles)
    excess = max(map(count_cells, table)) - width
    if excess <= 0:
        return table
    room = max(_SHORTEST_TITLE, max(map(count_cells, titles)) - excess)
    return _align(effects, [shorten_right(title.removeprefix(_JUDGE), room) for title in titles])


def _align(effects: list[Effect], titles: list[str]) -> list[str]:
    rows = [_HEAD, *(_row(effect, title) for effect, title in zip(effects, titles, strict=True))]
    return list(align_rows(rows, _ARE_RIGHT))


def _row(effect: Effect, title: str) -> tuple[str, ...]:
    metric = effect.metric
    return (
        title,
        value_text(metric, effect.before),
        value_text(metric, effect.after),
        change_text(metric, effect_change(effect)),
        interval_text(effect),
        chance_text(chance_of(effect)),
    )


def gate_lines(comparison: Comparison, width: int, verbosity: int) -> list[Line]:
    """Return the verdicts of an eval file that a reader must know of, each with its reason; -v tells all of them."""
    lines: list[Line] = []
    for gate in comparison.gates:
        if gate.fails or verbosity > 0 or _is_told(gate, comparison):
            text = f"{gate.file} [{gate.gate}] {gate.verdict.value}: {gate.explanation}"
            lines += [Line(row, _colour(gate)) for row in fill_lines(text, width)]
    return lines


def _is_told(gate: GateResult, comparison: Comparison) -> bool:
    # That there is no baseline at all is said once for all files; why one is of no use is said of its file.
    if gate.verdict is Verdict.NO_BASELINE:
        return comparison.has_baseline
    return gate.verdict is Verdict.INCONCLUSIVE or _is_real(gate)


def _is_real(gate: GateResult) -> bool:
    """Return whether a change was found that is none of chance, be it allowed or for the better."""
    evidence = gate.evidence
    if evidence is None:
        return False
    chance = 1 - evidence.confidence + _SMALLEST
    return any(p is not None and p <= chance for p in (evidence.p_adjusted, evidence.p_better_adjusted))


def _colour(gate: GateResult) -> dict[str, bool]:
    if gate.fails:
        return {"red": True, "bold": True}
    evidence = gate.evidence
    is_worse = evidence is not None and evidence.effect.worse_by > 0
    is_warning = gate.verdict is Verdict.INCONCLUSIVE or (is_worse and _is_real(gate))
    return {"yellow": True} if is_warning else {"green": True}
