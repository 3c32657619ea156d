"""Runs as a table, one a line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.records.run_filters import RunSummary
from pytest_promptevals.records.runs import GitState, Run, RunKind, RunStatus
from pytest_promptevals.reports.cells import count_cells, shorten_right
from pytest_promptevals.reports.lines import fill_lines
from pytest_promptevals.reports.tables import text_table
from pytest_promptevals.reports.words import score_text, visible_line

_SHORTEST_ID: Final = 15
"""Characters of an id that are shown at least: its date and time."""
_COMMIT: Final = 7
_GAP: Final = 2
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_RIGHT: Final = frozenset({"when", "files", "cases", "errors", "score", "pass", "cost"})
_CUT: Final = (("git", 14), ("name", 9))
"""Columns whose texts are shortened where the table is too wide, and how short they may become."""
_LAST_CUT: Final = ("git", 9)
"""The same where nothing else helped."""
_DOTS: Final = 3
"""Cells of the dots in the place of what is cut."""
_LEFT_OUT: Final = ("files", "when", "pass")
"""Columns that go, in this order, where that is not enough: the id tells the time, and the score what passed."""


def run_table(summaries: Sequence[RunSummary], now: dt.datetime, width: int) -> str:
    """Return a table of runs that fits ``width`` columns, if it can; columns in which nothing stands are left out.

    A last line names those for which there was no room.
    """
    ids = short_ids([summary.run.id for summary in summaries])
    columns = {name: [cell(summary, now) for summary in summaries] for name, cell in _CELLS.items()}
    columns = {"run": [ids[summary.run.id] for summary in summaries]} | columns
    columns = {name: list(map(visible_line, cells)) for name, cells in columns.items() if any(cells)}
    if set(columns.get("files", ())) <= {"", "1"}:
        columns.pop("files", None)
    fitted = _fit(columns, width)
    rows = list(zip(*fitted.values(), strict=True))
    left_out = [name for name in columns if name not in fitted]
    notes = fill_lines(f"no room for {', '.join(left_out)}; a wider terminal shows more", width) if left_out else []
    return "\n".join([text_table(list(fitted), rows, _RIGHT), *notes])


def short_ids(ids: Sequence[str]) -> dict[str, str]:
    """Return the shortest beginning of each id that none of the others has, its date and time at least."""
    alike: dict[str, list[str]] = {}
    for run_id in ids:
        alike.setdefault(run_id[:_SHORTEST_ID], []).append(run_id)
    return {run_id: _shortest(run_id, alike[run_id[:_SHORTEST_ID]]) for run_id in ids}


def git_text(git: GitState | None) -> str:
    """Return ``branch@commit``, with ``*`` where tracked files differed from it; empty outside of a checkout."""
    if git is None:
        return ""
    return visible_line(f"{git.branch or ''}@{git.commit[:_COMMIT]}{'*' if git.is_dirty else ''}")


def result_text(summary: RunSummary) -> str:
    """Return what became of a run: the worst verdict of its gates, or how far it got."""
    status: str = summary.run.status.value
    is_decided = summary.run.status is RunStatus.FINISHED and summary.verdicts
    return summary.verdicts[0] if is_decided else status


def percent_text(share: float | None) -> str:
    """Return a share in whole percent; only what is all of 0 or 1 is shown as such."""
    if share is None:
        return ""
    return f"{min(max(round(share * 100), 1), 99) if 0.0 < share < 1.0 else round(share * 100)} %"


def share_of_all(passed: int | None, cases: int, errors: int) -> float | None:
    """Return the share of passed cases among all of them; ``None`` if none has a score."""
    return None if passed is None or cases <= errors else passed / cases


def age_text(started_at: str, now: dt.datetime) -> str:
    """Return how long ago that was: ``5 min``, ``3 h``, ``12 d``."""
    seconds = (now - dt.datetime.fromisoformat(started_at)).total_seconds()
    if seconds < _MINUTE:
        return "now"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min"
    return f"{seconds // _HOUR:.0f} h" if seconds < _DAY else f"{seconds // _DAY:.0f} d"


def _shortest(run_id: str, alike: Sequence[str]) -> str:
    length = _SHORTEST_ID
    while length < len(run_id) and sum(other.startswith(run_id[:length]) for other in alike) > 1:
        length += 1
    return run_id[:length]


def _cost_text(run: Run) -> str:
    return "" if run.cost is None or not run.calls else format_dollars(run.cost)


_CELLS: Final[Mapping[str, Callable[[RunSummary, dt.datetime], str]]] = {
    "when": lambda summary, now: age_text(summary.run.started_at, now),
    "git": lambda summary, _: git_text(summary.run.git),
    "kind": lambda summary, _: "" if summary.run.kind is RunKind.RUN else summary.run.kind.value,
    "name": lambda summary, _: summary.run.name or "",
    "result": lambda summary, _: result_text(summary),
    "files": lambda summary, _: str(summary.files or ""),
    "cases": lambda summary, _: str(summary.cases or ""),
    "errors": lambda summary, _: str(summary.errors or ""),
    "score": lambda summary, _: "" if summary.mean_score is None else score_text(summary.mean_score),
    "pass": lambda summary, _: percent_text(share_of_all(summary.passed, summary.cases, summary.errors or 0)),
    "cost": lambda summary, _: _cost_text(summary.run),
}


def _fit(columns: Mapping[str, Sequence[str]], width: int) -> dict[str, Sequence[str]]:
    left = dict(columns)
    for name in _LEFT_OUT:
        if _width(_cut_texts(left, width)) <= width:
            break
        left.pop(name, None)
    fitted = _cut_texts(left, width)
    _cut(fitted, *_LAST_CUT, width)
    return fitted


def _cut_texts(columns: Mapping[str, Sequence[str]], width: int) -> dict[str, Sequence[str]]:
    fitted = dict(columns)
    for name, shortest in _CUT:
        _cut(fitted, name, shortest, width)
    return fitted


def _cut(columns: dict[str, Sequence[str]], name: str, shortest: int, width: int) -> None:
    excess = _width(columns) - width
    if name in columns and excess > 0:
        longest = max(shortest, max(map(count_cells, columns[name])) - excess)
        columns[name] = [_shorten(text, longest) for text in columns[name]]


def _width(columns: Mapping[str, Sequence[str]]) -> int:
    return sum(max(len(name), *map(count_cells, cells)) + _GAP for name, cells in columns.items()) - _GAP


def _shorten(text: str, longest: int) -> str:
    """Return a text in so many cells: of a branch with its commit, the branch is cut."""
    branch, at, commit = text.rpartition("@")
    if not at or count_cells(text) <= longest:
        return shorten_right(text, longest)
    room = longest - len(at + commit)
    return f"{shorten_right(branch, room)}{at}{commit}" if room > _DOTS else f"{at}{commit}"
