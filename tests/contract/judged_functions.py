"""Functions that the ``python`` judge calls in the contract tests."""

from __future__ import annotations

from pytest_promptevals.records.json_types import JsonObject


def is_brief(output: str, limit: int) -> JsonObject:
    """Return whether the output has few words."""
    words = len(output.split())
    return {"passed": words <= limit, "explanation": f"{words} words, at most {limit} wanted"}
