"""Which change explains the cases that now fail, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_promptevals.comparison.attribution import Attribution, Cause
from pytest_promptevals.prices.dollars import format_dollars
from pytest_promptevals.reports.lines import Line, fill_lines
from pytest_promptevals.reports.words import count_text, visible_text

_FEW_TRIALS: Final = 5
_COUNT_WIDTH: Final = 9


def attribution_lines(attribution: Attribution, width: int, verbosity: int = 0) -> list[Line]:
    """Return what explains the cases of an eval file that now fail; a verbose run is told their names."""
    if attribution.problem:
        return _lines(f"--evals-attribute: {attribution.problem}", width)
    count = len(attribution.causes)
    head = f"why {count_text(count, 'case')} now {_verb(count, 'fail')}, each run again with one change alone:"
    counts = [line for cause in Cause for line in _count_lines(attribution, cause, width, verbosity)]
    return [*_lines(head, width), *counts, *(line for text in _notes(attribution) for line in _lines(text, width))]


def _count_lines(attribution: Attribution, cause: Cause, width: int, verbosity: int) -> Iterator[Line]:
    names = [name for name, found in attribution.causes.items() if found is cause]
    if not names:
        return
    listed = f": {', '.join(map(visible_text, names))}" if verbosity > 0 else ""
    rows = fill_lines(f"{_meaning(cause, attribution.other)}{listed}", width - _COUNT_WIDTH, indent="")
    for number, row in enumerate(rows):
        yield Line(f"{len(names) if number == 0 else '':>{_COUNT_WIDTH - 2}}  {row}")


def _notes(attribution: Attribution) -> Iterator[str]:
    if attribution.left_out:
        yield f"not run again, though now failing, too: {count_text(attribution.left_out, 'case')}"
    if attribution.trials < _FEW_TRIALS:
        trials = count_text(attribution.trials, "trial")
        yield f"{trials} a case: a single case may fail or pass by chance, so trust the counts"
    paid = "cost unknown" if attribution.spent is None else f"{format_dollars(attribution.spent)} paid now"
    yield f"{count_text(attribution.calls, 'response')}, {paid}"


def _lines(text: str, width: int) -> list[Line]:
    return [Line(f"  {row}") for row in fill_lines(text, width - 2)]


def _meaning(cause: Cause, other: str) -> str:
    return {
        Cause.PROMPT: f"the prompt: with the new prompt and the old {other}, it fails already",
        Cause.MODEL: f"the {other}: with the old prompt and the new {other}, it fails already",
        Cause.EITHER: f"either: the new prompt alone and the new {other} alone make it fail",
        Cause.TOGETHER: "neither alone: only both together make it fail, or chance",
        Cause.UNKNOWN: "not known: it has no score with one of the changes alone",
    }[cause]


def _verb(count: int, verb: str) -> str:
    return f"{verb}s" if count == 1 else verb
