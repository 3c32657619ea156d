"""Which case of the baseline belongs to which case of the run, and what became of it."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from pytest_promptevals.comparison.metrics import mean
from pytest_promptevals.comparison.partial import baseline_for
from pytest_promptevals.comparison.scored import Before, Pair, Scored
from pytest_promptevals.records.comparisons import Change, Delta
from pytest_promptevals.records.partial import whole_fingerprint

SCORE_DIGITS: Final = 6
"""Scores are compared after rounding to this many digits, since a committed baseline keeps no more."""

Key: TypeAlias = Hashable
Item = TypeVar("Item")
Paired = TypeVar("Paired", bound=Before)
Pairs: TypeAlias = dict[str, Before]
"""The baseline's case for the name of each paired result."""

_ORDER: Final = (
    Change.WORSE,
    Change.BETTER,
    Change.ERROR,
    Change.MISSING,
    Change.EDITED,
    Change.NEW,
    Change.SAME,
)
_MOVED: Final = (Change.WORSE, Change.BETTER)
_COMPARABLE: Final = (*_MOVED, Change.SAME)
_name_of: Final = operator.attrgetter("name")


@dataclass(frozen=True, slots=True)
class Matched:
    """What belongs together."""

    deltas: tuple[Delta, ...] = ()
    """What became of each case: worse ones first, worst of all at the top."""
    pairs: tuple[Pair, ...] = ()
    """The cases whose scores can be compared."""
    mean_before: float | None = None
    """Weighted mean score of those in the baseline; ``None`` if there are none."""
    mean_after: float | None = None
    """The same now."""


def compute_deltas(
    results: Sequence[Scored], baseline: Sequence[Before], collected_names: Collection[str]
) -> tuple[Delta, ...]:
    """Return what became of each case, as ``match_cases`` does."""
    return match_cases(results, baseline, collected_names).deltas


def match_cases(results: Sequence[Scored], baseline: Sequence[Before], collected_names: Collection[str]) -> Matched:
    """Return which case of the baseline belongs to which case of the run, and what became of each.

    Args:
        results: the cases that were run, of one eval file.
        baseline: the baseline of that file.
        collected_names: names of all items of the file. One that was not run in this session (it was deselected)
            is no part of the comparison; a case of the baseline that is not among them is missing.
    """
    names = set(collected_names).union(result.name for result in results)
    gone = [case for case in baseline if case.name not in names]
    recorded = _pair(results, baseline, gone, names)
    deltas: list[Delta] = []
    pairs: list[Pair] = []
    compared: list[Delta] = []
    for result in results:
        case = recorded.get(result.name)
        base = case if case is None or _is_as_it_was(result, case) else baseline_for(result, case)
        delta = _compare_case(result, base, case)
        deltas.append(delta)
        if base is not None and delta.change in _COMPARABLE:
            pairs.append(Pair(result, base))
            compared.append(delta)
    if gone:
        paired = {case.name for case in recorded.values()}
        deltas += [_missing(case) for case in gone if case.name not in paired]
    weights = [delta.weight for delta in compared]
    before = mean([delta.before or 0.0 for delta in compared], weights)
    after = mean([delta.after or 0.0 for delta in compared], weights)
    return Matched(_sort(deltas), tuple(pairs), before, after)


def _is_as_it_was(result: Scored, case: Before) -> bool:
    """Return whether no judge was left out and none compares: nearly all, and there may be 100,000 of them."""
    return not result.trials and result.case_fingerprint == case.case_fingerprint


def find_before(result: Scored, baseline: Sequence[Paired], collected_names: Collection[str]) -> Paired | None:
    """Return the case of the baseline that one result is to be compared with, ``None`` if there is none.

    Of two new cases with the same content each is given the one that is gone: the comparison of all knows better.
    """
    names = {*collected_names, result.name}
    gone = [case for case in baseline if case.name not in names]
    found = _pair([result], baseline, gone, names).get(result.name)
    return next((case for case in baseline if case is found), None)


def _pair(results: Sequence[Scored], baseline: Sequence[Before], gone: Sequence[Before], names: set[str]) -> Pairs:
    """Pair by item name; then, where a variant was added to or taken from the name, by what the case is; then renamed.

    Only baseline cases whose name is gone from the dataset are given to another name.
    """
    by_name = {case.name: case for case in baseline}
    if not gone:
        return by_name
    pairs = {result.name: by_name[result.name] for result in results if result.name in by_name}
    left = [result for result in results if result.name not in pairs]
    pairs |= _pair_unique(left, gone, _origin_of)
    left, free = _left(left, gone, pairs)
    pairs |= {
        name: case
        for name, case in _pair_unique(_only_variants(left, names), free, _id_of).items()
        if case.case_id in (name, case.name)
    }
    return pairs | _pair_renamed(*_left(left, gone, pairs), baseline, names)


def _pair_renamed(left: Sequence[Scored], free: Sequence[Before], baseline: Sequence[Before], names: set[str]) -> Pairs:
    """Pair cases of the same content, where the one has a new id, and the id of the other is gone."""
    ids_before = {case.case_id for case in baseline}
    ids_now = set(map(_id_in, names)) | {result.case_id for result in left}
    left = [result for result in left if result.case_id not in ids_before]
    free = [case for case in free if case.case_id not in ids_now]
    pairs = _pair_unique(left, free, _content_and_origin_of)
    return pairs | _pair_unique(*_left(left, free, pairs), _content_of)


def _left(results: Sequence[Scored], cases: Sequence[Before], pairs: Pairs) -> tuple[list[Scored], list[Before]]:
    used = {case.name for case in pairs.values()}
    return [item for item in results if item.name not in pairs], [case for case in cases if case.name not in used]


def _pair_unique(results: Sequence[Scored], cases: Sequence[Before], key_of: Callable[[Scored | Before], Key]) -> Pairs:
    """Pair by a key, where it is unique on both sides."""
    unique_cases = _unique(cases, key_of)
    unique_results = _unique(results, key_of)
    return {result.name: unique_cases[key] for key, result in unique_results.items() if key in unique_cases}


def _unique(items: Sequence[Item], key_of: Callable[[Item], Key]) -> dict[Key, Item]:
    counts = Counter(key_of(item) for item in items)
    return {key: item for item in items if counts[key := key_of(item)] == 1}


def _only_variants(results: Iterable[Scored], names: set[str]) -> list[Scored]:
    """Return the results whose case has no other item in the dataset, be it deselected."""
    items_of = Counter(map(_id_in, names))
    return [result for result in results if items_of[result.case_id] == 1]


def _id_in(name: str) -> str:
    """Return the case's id in the name of an item, which may have a variant in brackets."""
    return name.rpartition("[")[0] if name.endswith("]") else name


def _origin_of(item: Scored | Before) -> Key:
    return item.case_id, item.model, item.prompt_name


def _id_of(item: Scored | Before) -> Key:
    return item.case_id


def _content_and_origin_of(item: Scored | Before) -> Key:
    return whole_fingerprint(item.case_fingerprint), item.model, item.prompt_name


def _content_of(item: Scored | Before) -> Key:
    return whole_fingerprint(item.case_fingerprint)


def _compare_case(result: Scored, base: Before | None, recorded: Before | None) -> Delta:
    score = None if result.error is not None else result.score
    before = None if base is None else round(base.score, SCORE_DIGITS)
    after = None if score is None else round(score, SCORE_DIGITS)
    return Delta(
        result.name,
        _change_of(result, base, before, after),
        before,
        after,
        result.location,
        result.weight,
        result.group,
        None if base is None else base.passed,
        None if score is None else result.passed,
        None if recorded is None or recorded.case_id == result.case_id else recorded.name,
    )


def _change_of(result: Scored, base: Before | None, before: float | None, after: float | None) -> Change:
    if after is None:
        return Change.ERROR
    if base is None or before is None:
        return Change.NEW
    if base.case_fingerprint != result.case_fingerprint:
        return Change.EDITED
    if before == after:
        return Change.SAME
    return Change.WORSE if after < before else Change.BETTER


def _missing(case: Before) -> Delta:
    return Delta(
        name=case.name,
        change=Change.MISSING,
        before=round(case.score, SCORE_DIGITS),
        passed_before=case.passed,
    )


def _sort(deltas: Sequence[Delta]) -> tuple[Delta, ...]:
    in_order: list[Delta] = []
    for change in _ORDER:
        found = sorted([delta for delta in deltas if delta.change is change], key=_name_of)
        in_order += sorted(found, key=_size_of) if change in _MOVED else found
    return tuple(in_order)


def _size_of(delta: Delta) -> float:
    return -abs((delta.before or 0.0) - (delta.after or 0.0))
