"""Comparing JSON data piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.judges.excerpts import LIMIT, count_noun, quote, show_json
from pytest_promptevals.judges.pairing import pair_items
from pytest_promptevals.judges.tolerance import EXACTLY, Tolerance, exact_decimal
from pytest_promptevals.records.json_types import Json

_ROOT: Final = "$"


@dataclass(frozen=True, slots=True)
class JsonRules:
    """What counts as equal."""

    tolerance: Tolerance = EXACTLY
    """How far numbers may be apart."""
    ignore_order: bool = False
    """Whether arrays are compared as bags."""
    is_subset: bool = False
    """Whether the found data may hold more keys and items than the wanted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one piece of the wanted data."""

    pieces: int
    """How many texts, numbers and so on it holds; 0 for something that is not wanted."""
    problem: str = ""
    """What is wrong; empty if it is as wanted."""


def compare_json(wanted: Json, found: Json, rules: JsonRules, path: str = _ROOT) -> Iterator[Finding]:
    """Yield what became of each piece of the wanted data, and each piece that is too much."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        yield from _compare_objects(wanted, found, rules, path)
    elif not (isinstance(wanted, list) and isinstance(found, list)):
        is_equal = _is_equal(wanted, found, rules)
        problem = "" if is_equal else f"{path} is {show_json(found)}, expected {show_json(wanted)}"
        yield Finding(_count_pieces(wanted), problem)
    elif rules.ignore_order:
        yield from _compare_bags(wanted, found, rules, path)
    else:
        yield from _compare_arrays(wanted, found, rules, path)


def matches_json(wanted: Json, found: Json, rules: JsonRules) -> bool:
    """Return whether the found data is as wanted."""
    return not any(finding.problem for finding in compare_json(wanted, found, rules))


def _compare_objects(wanted: dict[str, Json], found: dict[str, Json], rules: JsonRules, path: str) -> Iterator[Finding]:
    if not wanted:
        yield Finding(1)
    for key, value in wanted.items():
        if key in found:
            yield from compare_json(value, found[key], rules, _step(path, key))
        else:
            yield Finding(_count_pieces(value), f"{_step(path, key)} is missing, expected {show_json(value)}")
    if not rules.is_subset:
        yield from (Finding(0, f"{_step(path, key)} is not expected") for key in found if key not in wanted)


def _compare_arrays(wanted: list[Json], found: list[Json], rules: JsonRules, path: str) -> Iterator[Finding]:
    if not wanted:
        yield Finding(1)
    for index, value in enumerate(wanted):
        if index < len(found):
            yield from compare_json(value, found[index], rules, f"{path}[{index}]")
        else:
            yield Finding(_count_pieces(value), f"{path}[{index}] is missing, expected {show_json(value)}")
    if not rules.is_subset:
        extra = range(len(wanted), len(found))
        yield from (Finding(0, f"{path}[{index}] is not expected") for index in extra)


def _compare_bags(wanted: list[Json], found: list[Json], rules: JsonRules, path: str) -> Iterator[Finding]:
    if not rules.is_subset and len(wanted) != len(found):
        yield Finding(_count_pieces(wanted), f"{path} holds {count_noun(len(found), 'item')}, expected {len(wanted):,}")
        return
    if not wanted:
        yield Finding(1)
    pairs = pair_items(wanted, found, lambda one, other: matches_json(one, other, rules))
    for index, value in enumerate(wanted):
        problem = "" if index in pairs else f"{path} lacks the item {show_json(value)}"
        yield Finding(_count_pieces(value), problem)


def _is_equal(wanted: Json, found: Json, rules: JsonRules) -> bool:
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    if isinstance(wanted, int | float) and isinstance(found, int | float):
        return wanted == found or rules.tolerance.holds(exact_decimal(wanted), exact_decimal(found))
    return type(wanted) is type(found) and wanted == found


def _count_pieces(value: Json) -> int:
    if isinstance(value, dict):
        return sum(map(_count_pieces, value.values())) or 1
    if isinstance(value, list):
        return sum(map(_count_pieces, value)) or 1
    return 1


def _step(path: str, key: str) -> str:
    return f"{path}.{key}" if key.isidentifier() and len(key) <= LIMIT else f"{path}[{quote(key)}]"
