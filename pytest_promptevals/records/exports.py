"""Results of cases as rows of data, for other programs."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

ResultRow: TypeAlias = dict[str, Any]
"""Plain data by column."""

COLUMNS: Final[dict[str, str]] = {
    "run": "text",
    "started_at": "time",
    "status": "text",
    "kind": "text",
    "run_name": "text",
    "branch": "text",
    "commit": "text",
    "is_dirty": "truth",
    "file": "text",
    "name": "text",
    "case": "text",
    "place": "text",
    "model": "text",
    "prompt_name": "text",
    "prompt_hash": "text",
    "case_fingerprint": "text",
    "fingerprint": "text",
    "group": "text",
    "tags": "texts",
    "weight": "number",
    "score": "number",
    "passed": "truth",
    "judges": "numbers by name",
    "trial_scores": "numbers",
    "error_kind": "text",
    "error": "text",
    "responses": "count",
    "latency": "number",
    "cost": "number",
    "spent": "number",
    "input_tokens": "number",
    "output_tokens": "number",
    "output_length": "number",
    "judge_calls": "count",
    "reused_from": "text",
}
"""Columns of a row, and what each holds."""

TEXT_COLUMNS: Final[dict[str, str]] = {"prompt": "json", "expected": "json", "outputs": "texts"}
"""Columns that come on top where texts are asked for."""
