"""Groups of judges as sets of assertions, whose mean score has to reach a threshold."""

from __future__ import annotations

import functools
import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from pytest_promptevals.datasets.exporters.promptfoo_given import UnfitError

_MOST: Final = 12
"""Assertions of a set whose weights are equal."""
_MOST_WEIGHED: Final = 5
"""Assertions of a set that have different weights."""
_GRADED: Final = (
    "promptfoo passes a set by its mean score, and one of its judges has scores between 0 and 1; the group is left out"
)
_NO_SET: Final = "no mean score of a set says what the group says; the group is left out"
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assertion."""

    kind: str
    """Its type, without ``not-``."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Its further keys."""
    negated: bool = False
    """Whether it must not hold."""
    is_graded: bool = False
    """Whether its score may lie between 0 and 1."""

    def written(self) -> dict[str, Any]:
        """Return it as a config has it."""
        return {"type": f"not-{self.kind}" if self.negated else self.kind, **self.fields}


@dataclass(frozen=True, slots=True)
class Group:
    """Assertions and groups of which all must hold, or one."""

    parts: Sequence[Part]
    """Them."""
    needs_all: bool
    """Whether all of them must hold."""


Part: TypeAlias = "Assertion | Group"


def negate(part: Part) -> Part:
    """Return what holds where a part does not."""
    if isinstance(part, Assertion):
        return replace(part, negated=not part.negated)
    return Group([negate(child) for child in part.parts], needs_all=not part.needs_all)


def leaves(part: Part) -> list[Assertion]:
    """Return the assertions of a part, equal ones once."""
    if isinstance(part, Assertion):
        return [part]
    found = {_key(leaf): leaf for child in part.parts for leaf in leaves(child)}
    return list(found.values())


def write_part(part: Part) -> dict[str, Any]:
    """Return an assertion, or a set of them. Raises ``UnfitError`` where no set says what a group says."""
    if isinstance(part, Assertion):
        return part.written()
    listed = leaves(part)
    if _is_conjunction(part):
        return {"type": "assert-set", "assert": [leaf.written() for leaf in listed]}
    if any(leaf.is_graded for leaf in listed):
        raise UnfitError(_GRADED)
    indexes = {_key(leaf): index for index, leaf in enumerate(listed)}
    weights, threshold = _weigh(_outline(part, indexes), len(listed))
    asserts = [
        {**leaf.written(), **({"weight": weight} if weight != 1 else {})}
        for leaf, weight in zip(listed, weights, strict=True)
    ]
    return {"type": "assert-set", "threshold": threshold, "assert": asserts}


def threshold_between(most_that_fails: float, least_that_passes: float) -> float:
    """Return the shortest number above the first and not above the second, the largest of that length."""
    for digits in range(1, _DIGITS + 1):
        scale = 10**digits
        found = math.floor(least_that_passes * scale + 1e-9) / scale
        if most_that_fails < found <= least_that_passes:
            return int(found) if found.is_integer() else found
    return least_that_passes


def _key(leaf: Assertion) -> str:
    return json.dumps(leaf.written(), sort_keys=True, default=str)


def _is_conjunction(part: Part) -> bool:
    return isinstance(part, Assertion) or (part.needs_all and all(map(_is_conjunction, part.parts)))


_Outline: TypeAlias = "int | tuple[bool, tuple[_Outline, ...]]"
"""The index of an assertion, or whether a group needs all, and its parts."""


def _outline(part: Part, indexes: Mapping[str, int]) -> _Outline:
    if isinstance(part, Assertion):
        return indexes[_key(part)]
    return part.needs_all, tuple(_outline(child, indexes) for child in part.parts)


@functools.lru_cache(1000)
def _weigh(outline: _Outline, count: int) -> tuple[tuple[int, ...], float]:
    """Return weights and the threshold with which a mean score says what a group says.

    Raises ``UnfitError`` if there are none.
    """
    if count > _MOST:
        raise UnfitError(_NO_SET)
    passing = [states for states in itertools.product((0, 1), repeat=count) if _holds(outline, states)]
    failing = [states for states in itertools.product((0, 1), repeat=count) if not _holds(outline, states)]
    for weights in _candidates(count):
        score = _score_of(weights)
        worst, best = min(map(score, passing)), max(map(score, failing))
        if best < worst:
            return weights, threshold_between(best, worst)
    raise UnfitError(_NO_SET)


def _candidates(count: int) -> list[tuple[int, ...]]:
    if count > _MOST_WEIGHED:
        return [(1,) * count]
    return sorted(itertools.product(range(1, count + 1), repeat=count), key=sum)


def _score_of(weights: Sequence[int]) -> Callable[[Sequence[int]], float]:
    return lambda states: sum(itertools.compress(weights, states)) / sum(weights)


def _holds(outline: _Outline, states: Sequence[int]) -> bool:
    if isinstance(outline, int):
        return bool(states[outline])
    needs_all, parts = outline
    return (all if needs_all else any)(_holds(part, states) for part in parts)
