"""Judges as the docs and the JSON Schema of eval files show them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

from pytest_promptevals.hookspecs import Judge
from pytest_promptevals.records.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class JudgeDescription:
    """What a judge says about itself."""

    name: str
    """What users write in an eval file."""
    level: int
    """1 = free and offline, 2 = calls a model, 3 = a person."""
    summary: str
    """First line of its docstring."""
    details: str
    """Rest of its docstring: Markdown with an example; empty if there is none."""
    parameters: JsonObject
    """JSON Schema of its parameters."""
    shorthand: str | None
    """The parameter that ``name: value`` sets; ``None`` if the judge takes no bare value."""
    default_threshold: float
    """Smallest grade that passes where the user says nothing."""


def describe_judge(judge_type: type[Judge]) -> JudgeDescription:
    """Return what the docs say of a judge: its docstring, and the JSON Schema of its parameters."""
    summary, _, details = inspect.cleandoc(judge_type.__doc__ or "").partition("\n")
    return JudgeDescription(
        name=judge_type.name,
        level=judge_type.level,
        summary=summary,
        details=details.strip(),
        parameters=judge_type.Parameters.model_json_schema(),
        shorthand=judge_type.shorthand,
        default_threshold=judge_type.default_threshold,
    )
