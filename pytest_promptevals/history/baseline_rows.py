"""Rows of the history as the cases of a baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pytest_promptevals.history.baselines import keep_output, round_figure, round_length
from pytest_promptevals.history.rows import StoredRow
from pytest_promptevals.records.comparisons import BaselineCase

COLUMNS: Final = (
    "id",
    "name",
    "case_id",
    "case_fingerprint",
    "fingerprint",
    "model",
    "prompt_name",
    "prompt_hash",
    "score",
    "passed",
    "cost",
    "latency",
    "output_length",
    "trial_scores",
    "trials",
)
"""Columns of ``case_results`` that ``case_from_row`` reads, and the key of their scores."""


def case_from_row(row: StoredRow, scores: Mapping[str, float], *, is_whole: bool) -> BaselineCase:
    """Return what a baseline keeps of a result. What somebody else wrote in the place of a number counts as unknown.

    Args:
        row: its row, with the JSON in it decoded.
        scores: each judge's score over the trials, by its label.
        is_whole: whether the output is not shortened.
    """
    trials = row["trials"]
    return BaselineCase(
        name=row["name"],
        case_id=row["case_id"],
        case_fingerprint=row["case_fingerprint"],
        model=row["model"],
        prompt_name=row["prompt_name"],
        score=row["score"],
        passed=bool(row["passed"]),
        scores={judge: score for judge, score in scores.items() if _is_score(score)},
        trials=len(trials),
        output=keep_output(_first_text(trials), is_whole=is_whole),
        trial_scores=_scores_of_trials(row["trial_scores"] or ()),
        cost=round_figure(_figure(row["cost"])),
        latency=round_figure(_figure(row["latency"])),
        output_length=round_length(_figure(row["output_length"])),
        fingerprint=row["fingerprint"],
        prompt_hash=row["prompt_hash"],
    )


def _is_score(value: object) -> bool:
    figure = _figure(value)
    return figure is not None and figure <= 1


def _figure(value: object) -> float | None:
    """Return a number that is finite and not negative, ``None`` for anything else."""
    return value if isinstance(value, int | float) and 0 <= value < math.inf else None


def _scores_of_trials(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(values) if all(map(_is_score, values)) else ()


def _first_text(trials: Sequence[dict[str, Any]]) -> str:
    """Return the text of the first response, without building the records around it."""
    return next((str(trial["response"]["text"]) for trial in trials if "response" in trial), "")
