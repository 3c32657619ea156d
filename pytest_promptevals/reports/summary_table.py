"""Eval files in the summary of a run: a row for each in the table, or a line for each of a quiet run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.records.comparisons import Comparison, Verdict
from pytest_promptevals.reports.consoles import console_text
from pytest_promptevals.reports.file_names import short_names
from pytest_promptevals.reports.lines import Line
from pytest_promptevals.reports.sparkline import sparkline
from pytest_promptevals.reports.tables import align_rows, column_widths
from pytest_promptevals.reports.verdict_order import worst_verdict
from pytest_promptevals.reports.words import count_text, visible_line

TREND_RUNS: Final = 8
"""Runs that a trend shows, the one that ends now included."""

_FEWEST_RUNS: Final = 3
"""Below that, there is no trend."""
_TREND_SPAN: Final = 0.2
"""From the bottom of a trend to its top at least, so that a change which means little looks little."""
_GAP: Final = 2
_LONG_NAME: Final = 32
"""Cells to which names are shortened before most columns are left out."""
_SHORTEST_NAME: Final = 12
_LEFT_OUT: Final = {"before": _LONG_NAME, "trend": _LONG_NAME, "cost": _LONG_NAME, "change": _SHORTEST_NAME}
"""Columns that go, in this order, where there is no room beside names that are shortened to so many cells."""


def table_lines(
    comparisons: Sequence[Comparison], width: int, past: Mapping[str, Sequence[float]], encoding: str
) -> list[Line]:
    """Return a row for each eval file, the worst verdict of its gates in its colour, no wider than ``width`` if it can.

    ``past`` has the mean scores of earlier runs of as many cases, by eval file, oldest first.
    """
    columns = [column for column in _columns(past, encoding) if any(map(column.is_shown, comparisons))]
    cells = [[_shown(column.text(item), encoding) for column in columns] for item in comparisons]
    rows = [[column.head for column in columns], *cells]
    for head, longest in _LEFT_OUT.items():
        if _least_width(rows, longest) <= width:
            continue
        rows = [[cell for cell, name in zip(row, rows[0], strict=True) if name != head] for row in rows]
    kept = [column for column in columns if column.head in rows[0]]
    short = [rows[0], *_with_short_names(rows[1:], width - _head_excess(rows))]
    head, *lines = align_rows(short, [not column.is_left for column in kept])
    return [Line(head, {"bold": True}), *map(_in_colour, lines, comparisons)]


def quiet_lines(comparisons: Iterable[Comparison], width: int, verbosity: int, encoding: str) -> list[Line]:
    """Return one line for each eval file, with its verdict; with ``-qq`` only for those that fail."""
    shown = [item for item in comparisons if verbosity >= -1 or any(gate.fails for gate in item.gates)]
    if not shown:
        return []
    rows = _with_short_names([[_shown(cell, encoding) for cell in _quiet_row(item)] for item in shown], width)
    return [Line(line, markup_of(item)) for line, item in zip(align_rows(rows, [False] * 4), shown, strict=True)]


def markup_of(comparison: Comparison) -> dict[str, bool]:
    """Return the colour of the verdict, which its words tell as well."""
    if any(gate.fails for gate in comparison.gates):
        return {"red": True, "bold": True}
    return _MARKUP.get(_worst(comparison), {})


_MARKUP: Final[Mapping[Verdict | None, dict[str, bool]]] = {
    Verdict.INCONCLUSIVE: {"yellow": True},
    Verdict.PASSED: {"green": True},
}


def _shown(text: str, encoding: str) -> str:
    # Before columns are aligned: an escape is longer than what it stands for.
    return console_text(visible_line(text), encoding)


def _in_colour(line: str, comparison: Comparison) -> Line:
    return Line(line, markup_of(comparison), marked_from=len(line) - len(_verdict(comparison)))


def _least_width(rows: Sequence[Sequence[str]], longest: int) -> int:
    name, *others = column_widths(rows)
    return min(name, longest) + sum(width + _GAP for width in others)


def _head_excess(rows: Sequence[Sequence[str]]) -> int:
    """Return the cells by which heads are wider than what stands below them, without the first."""
    return sum(column_widths(rows)[1:]) - sum(column_widths(rows[1:])[1:])


def _with_short_names(rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    _, *others = column_widths(rows)
    room = max(_SHORTEST_NAME, width - sum(other + _GAP for other in others))
    names = short_names([name for name, *_ in rows], room)
    return [[name, *cells] for name, (_, *cells) in zip(names, rows, strict=True)]


def _quiet_row(comparison: Comparison) -> tuple[str, str, str, str]:
    metrics = comparison.metrics
    failing = ", ".join(gate.gate for gate in comparison.gates if gate.fails)
    before = "" if comparison.mean_before is None else f"{_number(comparison.mean_before)} -> "
    now = metrics.mean_score if comparison.mean_after is None else comparison.mean_after
    notes = [
        f"{metrics.passed} of {metrics.cases} passed",
        count_text(metrics.errors, "error") if metrics.errors else "",
    ]
    verdict = f"{_verdict(comparison)} [{failing}]" if failing else _verdict(comparison)
    return comparison.file, verdict, before + _number(now), ", ".join(filter(None, notes))


@dataclass(frozen=True, slots=True)
class _Column:
    head: str
    text: Callable[[Comparison], str]
    is_shown: Callable[[Comparison], bool] = lambda _: True
    is_left: bool = False


def _columns(past: Mapping[str, Sequence[float]], encoding: str) -> Sequence[_Column]:
    def trend(item: Comparison) -> str:
        return _trend(past.get(item.file, ()), item.metrics.mean_score, encoding)

    return (
        _Column("eval file", lambda item: item.file, is_left=True),
        _Column("cases", lambda item: str(item.metrics.cases)),
        _Column("passed", lambda item: str(item.metrics.passed)),
        _Column("errors", lambda item: str(item.metrics.errors), lambda item: item.metrics.errors > 0),
        _Column("score", lambda item: _number(item.metrics.mean_score)),
        _Column("before", lambda item: _number(item.mean_before), lambda item: item.has_baseline),
        _Column("change", lambda item: _change_text(item.drop), lambda item: item.has_baseline),
        _Column("trend", trend, lambda item: bool(trend(item))),
        _Column("cost", lambda item: format_dollars(item.metrics.cost), lambda item: bool(item.metrics.cost)),
        _Column("verdict", _verdict, is_left=True),
    )


def _trend(past: Sequence[float], now: float | None, encoding: str) -> str:
    scores = [*past, *(() if now is None else (now,))][-TREND_RUNS:]
    if len(scores) < _FEWEST_RUNS:
        return ""
    return sparkline(scores, TREND_RUNS, encoding, _TREND_SPAN)


def _worst(comparison: Comparison) -> Verdict | None:
    return worst_verdict({gate.verdict for gate in comparison.gates})


def _verdict(comparison: Comparison) -> str:
    worst = _worst(comparison)
    return "-" if worst is None else worst.value


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _change_text(drop: float | None) -> str:
    if drop is None:
        return "-"
    text = f"{-drop:+.3f}"
    return "0.000" if float(text) == 0 else text
