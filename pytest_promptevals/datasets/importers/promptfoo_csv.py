"""Rows of promptfoo's CSV files as tests: special columns, and the short language of assertions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pytest_promptevals.datasets.importers.foreign import Losses
from pytest_promptevals.datasets.importers.promptfoo_types import TYPES
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.records.json_types import Json

_ASSERTION: Final = re.compile(
    rf"(not-)?({'|'.join(map(re.escape, sorted(TYPES, key=len, reverse=True)))})(?:\((\d+(?:\.\d+)?)\))?(?::(.*))?",
    re.DOTALL,
)
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_SCRIPTS: Final = {"javascript:": "javascript", "fn:": "javascript", "eval:": "javascript", "python:": "python"}
_GRADED: Final = ("grade:", "llm-rubric:")
_SCRIPT_FILE: Final = re.compile(r"file://.*\.(js|cjs|mjs|ts|cts|mts|py)(:\w+)?")
_LISTS: Final = frozenset({"contains-all", "contains-any", "icontains-all", "icontains-any"})
_WITH_THRESHOLD: Final = frozenset(
    {"answer-relevance", "classifier", "context-faithfulness", "context-recall", "context-relevance", "cost"}
    | {"latency", "levenshtein", "perplexity", "perplexity-score", "rouge-n", "similar", "starts-with"}
)
_THRESHOLD: Final = 0.75
_THRESHOLD_OF_SIMILAR: Final = 0.8
_PLAIN: Final = {"__description": "description", "__providerOutput": "providerOutput"}
_OPTIONS: Final = {"__prefix": "prefix", "__suffix": "suffix"}
_CONFIG: Final = re.compile(r"__config:__expected(\d*):threshold")


def read_row(row: Mapping[str, Json], source: Source, losses: Losses) -> dict[str, Json]:
    """Return a row as a test as YAML has it. Columns without a meaning here are lost."""
    test: dict[str, Any] = {"vars": {}, "assert": [], "options": {}, "metadata": {}}
    thresholds: dict[int, float] = {}
    for name, value in row.items():
        column, cell = name.strip(), str(value)
        if column.startswith("__expected"):
            if cell.strip():
                test["assert"].append(read_assertion(cell.strip()))
        elif column in _PLAIN:
            test[_PLAIN[column]] = cell or None
        elif column in _OPTIONS:
            test["options"][_OPTIONS[column]] = cell
        elif column == "__threshold":
            test["threshold"] = _number(cell)
        elif column.startswith("__metadata:"):
            _read_metadata(column.partition(":")[2], cell, test["metadata"])
        elif match := _CONFIG.fullmatch(column):
            _read_threshold(match[1], cell, source.part(name), thresholds, losses)
        elif column.startswith("__") and column != "__metric":
            losses.add(source, "there is no such column in promptfoo's CSV files; left out", name)
        elif column != "__metric":
            test["vars"][column] = cell
    _complete(test["assert"], str(row.get("__metric") or ""), thresholds)
    return {key: value for key, value in test.items() if value not in (None, {}, [])}


def read_assertion(cell: str) -> dict[str, Json]:
    """Return the assertion that a cell under ``__expected`` stands for."""
    for prefix, kind in _SCRIPTS.items():
        if cell.startswith(prefix):
            return {"type": kind, "value": cell.removeprefix(prefix).strip()}
    for prefix in _GRADED:
        if cell.startswith(prefix):
            return {"type": "llm-rubric", "value": cell.removeprefix(prefix)}
    if match := _SCRIPT_FILE.fullmatch(cell):
        return {"type": "python" if match[1] == "py" else "javascript", "value": cell}
    match = _ASSERTION.fullmatch(cell)
    return {"type": "equals", "value": cell} if match is None else _short_assertion(match)


def _short_assertion(match: re.Match[str]) -> dict[str, Json]:
    negation, kind, threshold, value = match.groups()
    assertion: dict[str, Json] = {"type": f"{negation or ''}{kind}"}
    if kind in _LISTS:
        assertion["value"] = [*split_list(value or "")]
    elif value is not None:
        assertion["value"] = value.strip()
    if kind in _WITH_THRESHOLD:
        default = _THRESHOLD_OF_SIMILAR if kind == "similar" else _THRESHOLD
        assertion["threshold"] = default if threshold is None else _number(threshold)
    return assertion


def split_list(text: str) -> list[str]:
    """Return the texts of a list with commas. Quoted ones may hold commas; a quote in them is doubled or escaped.

    Raises ``ValueError`` for a quoted text that does not end, or is not followed by a comma.
    """
    found, rest = [], text.lstrip(" \t\r\n,")
    while rest:
        if rest.startswith('"'):
            match = _QUOTED.match(rest)
            if match is None:
                raise ValueError("holds a quoted text that does not end before a comma")
            found.append(_ESCAPED.sub(r"\1", match[1]))
            rest = rest[match.end() :]
        else:
            item, _, rest = rest.partition(",")
            found.append(item.strip())
        rest = rest.lstrip(" \t\r\n,")
    return found


_QUOTED: Final = re.compile(r'"((?:\\["\\]|""|[^"])*)"\s*(?=,|$)', re.DOTALL)
_ESCAPED: Final = re.compile(r'(?:\\(?=["\\])|"(?="))(["\\])')


def _number(text: str) -> int | float | None:
    if not _NUMBER.fullmatch(text.strip()):
        return None
    value = float(text)
    return int(value) if value.is_integer() else value


def _read_metadata(key: str, cell: str, metadata: dict[str, Json]) -> None:
    if not cell.strip():
        return
    if key.endswith("[]"):
        items: list[Json] = [item.strip().replace("\\,", ",") for item in re.split(r"(?<!\\),", cell)]
        metadata[key.removesuffix("[]")] = items
    else:
        metadata[key] = cell


def _read_threshold(number: str, cell: str, source: Source, thresholds: dict[int, float], losses: Losses) -> None:
    value = _number(cell)
    if value is None:
        losses.add(source, f"must be a number, but is {cell!r}; left out")
        return
    thresholds[int(number or 1) - 1] = value


def _complete(assertions: list[dict[str, Json]], metric: str, thresholds: Mapping[int, float]) -> None:
    """Give the assertions what further columns say of them. Their number counts the cells that are not empty."""
    for index, assertion in enumerate(assertions):
        if metric:
            assertion["metric"] = metric
        if index in thresholds:
            assertion["threshold"] = thresholds[index]
