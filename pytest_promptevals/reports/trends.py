"""Metrics over runs as text for a terminal, and as data."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TextIO

import tabulate

from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.trends import TrendPoint
from pytest_promptevals.reports.csv_text import Cell, write_csv
from pytest_promptevals.reports.metric_texts import UNKNOWN, change_text, metric_order, metric_title, value_text
from pytest_promptevals.reports.sparkline import sparkline
from pytest_promptevals.reports.verdict_order import worst_verdict
from pytest_promptevals.reports.words import count_text, visible_text

_SHORTEST_LINE: Final = 8
"""A line of blocks is at least so wide, even where a row then is too long."""
_COMMIT_DIGITS: Final = 7
_DAY: Final = len("2026-11-21")


def metrics_of(points: Iterable[TrendPoint]) -> tuple[str, ...]:
    """Return the metrics that any of the points has, in the order of reports."""
    return tuple(sorted({metric for point in points for metric in point.values}, key=metric_order))


def trend_table(points: Sequence[TrendPoint], metrics: Sequence[str], width: int, encoding: str) -> str:
    """Return a line of blocks for each metric of each eval file, with its first, last, lowest and highest value.

    Eval files that have none of the metrics are left out.
    ``points`` are sorted by file, oldest first; a line of the text is ``width`` characters long at most where that is
    possible. ``encoding`` is that of the terminal.
    """
    blocks = (_file_table(list(of_file), metrics, width, encoding) for _, of_file in _by_file(points))
    return "\n\n".join(filter(None, blocks))


def trend_listing(points: Sequence[TrendPoint], metrics: Sequence[str]) -> str:
    """Return the value of each metric in each run, oldest first, with its change since the run before."""
    blocks = []
    for file, of_file in _by_file(points):
        runs = list(of_file)
        for metric in metrics:
            known = [point for point in runs if metric in point.values]
            if known:
                blocks.append(f"{metric_title(metric)} of {visible_text(file)}\n{_listing(known, metric)}")
    return "\n\n".join(blocks)


def trend_data(points: Iterable[TrendPoint], metrics: Sequence[str]) -> list[JsonObject]:
    """Return the points as plain data."""
    return [
        {
            "run": point.run_id,
            "started_at": point.started_at,
            "branch": point.branch,
            "commit": point.commit,
            "is_dirty": point.is_dirty,
            "file": point.file,
            "cases": point.cases,
            "errors": point.errors,
            "verdict": _verdict(point),
            "metrics": {metric: point.values.get(metric) for metric in metrics},
        }
        for point in points
    ]


def write_trend_csv(stream: TextIO, points: Iterable[TrendPoint], metrics: Sequence[str]) -> None:
    """Write a row for each point, a column for each metric."""
    header = ["run", "started_at", "branch", "commit", "is_dirty", "file", "cases", "errors", "verdict", *metrics]
    write_csv(stream, header, (_csv_row(point, metrics) for point in points))


def _csv_row(point: TrendPoint, metrics: Sequence[str]) -> list[Cell]:
    return [
        point.run_id,
        point.started_at,
        point.branch,
        point.commit,
        point.is_dirty,
        point.file,
        point.cases,
        point.errors,
        _verdict(point),
        *(point.values.get(metric) for metric in metrics),
    ]


def _by_file(points: Iterable[TrendPoint]) -> Iterator[tuple[str, Iterator[TrendPoint]]]:
    return itertools.groupby(points, key=lambda point: point.file)


def _file_table(points: Sequence[TrendPoint], metrics: Sequence[str], width: int, encoding: str) -> str:
    shown = [metric for metric in metrics if any(metric in point.values for point in points)]
    if not shown:
        return ""
    bare = [_summary(points, metric) for metric in shown]
    room = max(_SHORTEST_LINE, width - _width_of([("", *row) for row in bare]))
    rows = [
        [row[0], sparkline([point.values.get(metric) for point in points], room, encoding), *row[1:]]
        for metric, row in zip(shown, bare, strict=True)
    ]
    return f"{_headline(points)}\n{_tabulate(rows)}"


def _summary(points: Sequence[TrendPoint], metric: str) -> tuple[str, ...]:
    values = [point.values[metric] for point in points if metric in point.values]
    numbers = (values[0], values[-1], min(values), max(values))
    return visible_text(metric_title(metric)), *(value_text(metric, number) for number in numbers)


def _width_of(rows: Sequence[Sequence[str]]) -> int:
    """Return how much of a line the table takes beside its line of blocks."""
    table = _tabulate([[row[1], "", *row[2:]] for row in rows]).splitlines()
    return max(len(line) for line in table) - len("trend")


def _tabulate(rows: Sequence[Sequence[str]]) -> str:
    heads = ["metric", "trend", "first", "last", "lowest", "highest"]
    align = ("left", "left", "right", "right", "right", "right")
    with_heads = [heads, *rows]
    text = tabulate.tabulate(
        with_heads, tablefmt="plain", colalign=align, disable_numparse=True, preserve_whitespace=True
    )
    return "\n".join(line.rstrip() for line in text.splitlines())


def _headline(points: Sequence[TrendPoint]) -> str:
    first, last = points[0].started_at[:_DAY], points[-1].started_at[:_DAY]
    days = f"on {first}" if first == last else f"from {first} to {last}"
    return f"{visible_text(points[0].file)}: {count_text(len(points), 'run')} {days}"


def _listing(points: Sequence[TrendPoint], metric: str) -> str:
    before = [None, *(point.values[metric] for point in points)]
    rows = [
        [
            point.run_id,
            _commit(point),
            f"{point.cases:,}",
            value_text(metric, value := point.values[metric]),
            change_text(metric, None if old is None else value - old),
            _verdict(point) or UNKNOWN,
        ]
        for point, old in zip(points, before, strict=False)
    ]
    heads = ["run", "commit", "cases", "value", "change", "verdict"]
    align = ("left", "left", "right", "right", "right", "left")
    return tabulate.tabulate([heads, *rows], tablefmt="plain", colalign=align, disable_numparse=True)


def _commit(point: TrendPoint) -> str:
    if point.commit is None:
        return UNKNOWN
    return point.commit[:_COMMIT_DIGITS] + ("*" if point.is_dirty else "")


def _verdict(point: TrendPoint) -> str | None:
    worst = worst_verdict(point.verdicts)
    return None if worst is None else worst.value
