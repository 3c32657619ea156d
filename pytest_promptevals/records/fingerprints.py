"""Content hashes: equal content, equal hash, in every process and version of Python."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from pytest_promptevals.records.cases import Case, JudgeSpec
from pytest_promptevals.records.codec import to_plain
from pytest_promptevals.records.json_types import Json, JsonObject
from pytest_promptevals.records.responses import RenderedPrompt

_OF_VALUES: Final = ("mean", "median", "min", "max")
"""Reducers that look at scores, not at which trials passed."""
DIGITS: Final = 16
"""Hexadecimal digits of a fingerprint: 64 bits."""
_ENCODER: Final = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_hash(content: Json, digits: int = DIGITS) -> str:
    """Return the first hexadecimal digits of the SHA-256 of plain JSON data, whatever the order of its keys."""
    return hashlib.sha256(_ENCODER.encode(content).encode("ascii")).hexdigest()[:digits]


def case_fingerprint(case: Case, judges: tuple[JudgeSpec, ...], reducer: str) -> str:
    """Return the hash of what is asked and how it is judged.

    While it is unchanged, the scores of two runs may be compared. The recorded ``output``, the prompt and
    the model are left out, since a change of those is what is compared; so are thresholds, which change no score
    unless the reducer asks which trials passed.
    """
    return content_hash(
        {
            "input": case.input,
            "vars": dict(case.vars),
            "expected": case.expected,
            "context": list(case.context),
            "judges": [_judge_content(judge, with_thresholds=reducer not in _OF_VALUES) for judge in judges],
            "reducer": reducer,
        }
    )


def full_fingerprint(
    case_hash: str, prompt: RenderedPrompt | None, model: str, parameters: JsonObject, provider: str = ""
) -> str:
    """Return the hash of all that gives a score its meaning: case, judges, rendered prompt, model, parameters.

    ``provider`` is the hash of what the model's answers come from: its address, or the user's own code.
    """
    return content_hash(
        {
            **({"provider": provider} if provider else {}),
            "case": case_hash,
            "prompt": to_plain(prompt.messages) if prompt is not None else None,
            "model": model,
            "parameters": dict(parameters),
        }
    )


def _judge_content(judge: JudgeSpec, *, with_thresholds: bool) -> Json:
    passing: dict[str, Json] = {"threshold": judge.threshold, "required": judge.required} if with_thresholds else {}
    return {
        **passing,
        "judge": judge.judge,
        "name": judge.name,
        "parameters": dict(judge.parameters),
        "argument": judge.argument,
        "weight": judge.weight,
        "negated": judge.negated,
        "children": [_judge_content(child, with_thresholds=with_thresholds) for child in judge.children],
    }
