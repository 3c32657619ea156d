"""Rows of the history as the cases of a baseline."""

from __future__ import annotations

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
    """Return what a baseline keeps of a result.

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
        scores=dict(scores),
        trials=len(trials),
        output=keep_output(_first_text(trials), is_whole=is_whole),
        trial_scores=tuple(row["trial_scores"] or ()),
        cost=round_figure(row["cost"]),
        latency=round_figure(row["latency"]),
        output_length=round_length(row["output_length"]),
        fingerprint=row["fingerprint"],
        prompt_hash=row["prompt_hash"],
    )


def _first_text(trials: Sequence[dict[str, Any]]) -> str:
    """Return the text of the first response, without building the records around it."""
    return next((str(trial["response"]["text"]) for trial in trials if "response" in trial), "")
