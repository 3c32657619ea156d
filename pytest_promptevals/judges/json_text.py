"""Finding and reading the JSON in an output."""

from __future__ import annotations

import json
import re
from typing import Final

from pydantic import Field

from pytest_promptevals.errors import FileProblem
from pytest_promptevals.files.strict_json import parse_json
from pytest_promptevals.judges.base import JudgeParameters
from pytest_promptevals.records.json_types import Json

_FENCED: Final = re.compile(r"\s*```(?:json)?(?P<body>.*)```\s*", re.DOTALL | re.IGNORECASE)
_FENCE: Final = re.compile(r"^[ \t]*```[ \t]*(?P<tag>[\w+-]*)[ \t]*$", re.MULTILINE)
_OPENING: Final = re.compile(r"[\[{]")


class JsonOutputParameters(JudgeParameters):
    """Parameters of every judge that reads the output as JSON."""

    extract: bool = Field(
        default=False,
        description="Whether the JSON is looked for between other text: in the one fenced block, or else from the "
        "first brace or bracket on. Without it, the output must be JSON and nothing else, bare or in one fenced block.",
    )


def read_json(text: str, *, extract: bool) -> Json:
    """Return the JSON value of an output. Raises ``ValueError`` with what is wrong with it."""
    start, end = _find_json(text) if extract else _without_fence(text)
    try:
        return parse_json(text[start:end], "output", line=1 + text.count("\n", 0, start))
    except FileProblem as problem:
        # What follows the last semicolon is advice to those who write files.
        fact = (problem.message.rpartition("; ")[0] or problem.message).removeprefix("no valid JSON: ")
        raise ValueError(f"line {problem.line}: {fact}" if "\n" in text else fact) from None


def _without_fence(text: str) -> tuple[int, int]:
    fenced = _FENCED.fullmatch(text)
    return fenced.span("body") if fenced else (0, len(text))


def _find_json(text: str) -> tuple[int, int]:
    blocks = _fenced_blocks(text)
    if len(blocks) > 1:
        raise ValueError(f"{len(blocks)} fenced blocks, of which any could be meant")
    if blocks:
        return blocks[0]
    opening = _OPENING.search(text)
    if opening is None:
        return 0, len(text)
    try:
        return opening.start(), json.JSONDecoder().raw_decode(text, opening.start())[1]
    except (ValueError, RecursionError):
        return opening.start(), len(text)


def _fenced_blocks(text: str) -> list[tuple[int, int]]:
    """Return where the blocks marked as JSON stand, or else those without a mark."""
    blocks: dict[str, list[tuple[int, int]]] = {}
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif not fence["tag"]:
            blocks.setdefault(opened["tag"].lower(), []).append((opened.end(), fence.start()))
            opened = None
    return blocks.get("json") or blocks.get("") or []
