"""How often a judge that compares two outputs took one for its place, in one line for each such judge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.results import CaseResult
from pytest_promptevals.reports.inner_scores import judge_details


def position_bias_lines(results: Iterable[CaseResult]) -> list[str]:
    """Return what the details of the trials' scores say; no line for a judge whose verdicts never turned."""
    tallies: dict[str, list[float]] = {}
    for result in results:
        for trial in result.trials:
            for known in judge_details(trial.scores):
                counts = _counts_of(known.details)
                if counts[0]:
                    before = tallies.get(known.judge, [0.0, 0.0, 0.0])
                    tallies[known.judge] = [sum(pair) for pair in zip(before, counts, strict=True)]
    return [_line(judge, tally) for judge, tally in tallies.items() if any(tally[1:])]


def _counts_of(details: JsonObject) -> list[float]:
    """Return pairs, and in how many of them whichever came first, or second, was preferred."""
    values = [details.get(key) for key in ("pairs", "preferred_first", "preferred_second")]
    return [float(value) if isinstance(value, int | float) else 0.0 for value in values]


def _line(judge: str, tally: Sequence[float]) -> str:
    pairs, *counts = (f"{round(count, 1):g}" for count in tally)
    places = [f"{place} in {count}" for place, count in zip(("first", "second"), counts, strict=True) if count != "0"]
    noun = "pair" if pairs == "1" else "pairs"
    return f"judge {judge}: preferred whichever came {' and '.join(places)} of {pairs} {noun}"
