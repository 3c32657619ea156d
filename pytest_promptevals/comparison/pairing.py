"""Which case of the baseline belongs to which case of the run, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import Final, TypeAlias, TypeVar

from pytest_promptevals.comparison.metrics import score_of
from pytest_promptevals.comparison.partial import baseline_for
from pytest_promptevals.records.comparisons import BaselineCase, Change, Delta
from pytest_promptevals.records.results import CaseResult

SCORE_DIGITS: Final = 6
"""Scores are compared after rounding to this many digits, since a committed baseline keeps no more."""

Key: TypeAlias = Hashable
Item = TypeVar("Item")
Pairs: TypeAlias = dict[str, BaselineCase]
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


def compute_deltas(
    results: Sequence[CaseResult], baseline: Sequence[BaselineCase], collected_names: Collection[str]
) -> tuple[Delta, ...]:
    """Return what became of each case: worse ones first, worst of all at the top.

    Args:
        results: the cases that were run, of one eval file.
        baseline: the baseline of that file.
        collected_names: names of all items of the file. One that was not run in this session (it was deselected)
            is no part of the comparison; a case of the baseline that is not among them is missing.
    """
    names = set(collected_names).union(result.name for result in results)
    gone = [case for case in baseline if case.name not in names]
    pairs = _pair(results, baseline, gone, names)
    deltas = [_compare_case(result, pairs.get(result.name)) for result in results]
    paired = {case.name for case in pairs.values()}
    missing = [_missing(case) for case in gone if case.name not in paired]
    return tuple(sorted(deltas + missing, key=_sort_key))


def _pair(
    results: Sequence[CaseResult], baseline: Sequence[BaselineCase], gone: Sequence[BaselineCase], names: set[str]
) -> Pairs:
    """Pair by item name; then, where a variant was added to or taken from the name, by what the case is.

    Only baseline cases whose name is gone from the dataset are given to another name.
    """
    by_name = {case.name: case for case in baseline}
    pairs = {result.name: by_name[result.name] for result in results if result.name in by_name}
    left = [result for result in results if result.name not in pairs]
    pairs |= _pair_unique(left, gone, _origin_of_result, _origin_of_case)
    used = {case.name for case in pairs.values()}
    left = _only_variants([result for result in left if result.name not in pairs], names)
    free = [case for case in gone if case.name not in used]
    return pairs | {
        name: case
        for name, case in _pair_unique(left, free, _id_of, _id_of).items()
        if case.case_id in (name, case.name)
    }


def _pair_unique(
    results: Sequence[CaseResult],
    cases: Sequence[BaselineCase],
    key_of_result: Callable[[CaseResult], Key],
    key_of_case: Callable[[BaselineCase], Key],
) -> Pairs:
    """Pair by a key, where it is unique on both sides."""
    unique_cases = _unique(cases, key_of_case)
    unique_results = _unique(results, key_of_result)
    return {result.name: unique_cases[key] for key, result in unique_results.items() if key in unique_cases}


def _unique(items: Sequence[Item], key_of: Callable[[Item], Key]) -> dict[Key, Item]:
    counts = Counter(key_of(item) for item in items)
    return {key: item for item in items if counts[key := key_of(item)] == 1}


def _only_variants(results: Iterable[CaseResult], names: set[str]) -> list[CaseResult]:
    """Return the results whose case has no other item in the dataset, be it deselected."""
    items_of = Counter(name.rpartition("[")[0] if name.endswith("]") else name for name in names)
    return [result for result in results if items_of[result.case_id] == 1]


def _origin_of_result(result: CaseResult) -> Key:
    return result.case_id, result.model, result.prompt_name


def _origin_of_case(case: BaselineCase) -> Key:
    return case.case_id, case.model, case.prompt_name


def _id_of(item: CaseResult | BaselineCase) -> Key:
    return item.case_id


def _compare_case(result: CaseResult, recorded: BaselineCase | None) -> Delta:
    base = baseline_for(result, recorded)
    score = score_of(result)
    before = None if base is None else round(base.score, SCORE_DIGITS)
    after = None if score is None else round(score, SCORE_DIGITS)
    return Delta(
        name=result.name,
        change=_change_of(result, base, before, after),
        before=before,
        after=after,
        location=result.location,
        weight=result.weight,
        group=result.group,
        passed_before=None if base is None else base.passed,
        passed_after=None if score is None else result.passed,
    )


def _change_of(result: CaseResult, base: BaselineCase | None, before: float | None, after: float | None) -> Change:
    if after is None:
        return Change.ERROR
    if base is None or before is None:
        return Change.NEW
    if base.case_fingerprint != result.case_fingerprint:
        return Change.EDITED
    if before == after:
        return Change.SAME
    return Change.WORSE if after < before else Change.BETTER


def _missing(case: BaselineCase) -> Delta:
    return Delta(
        name=case.name,
        change=Change.MISSING,
        before=round(case.score, SCORE_DIGITS),
        passed_before=case.passed,
    )


def _sort_key(delta: Delta) -> tuple[int, float, str]:
    return _ORDER.index(delta.change), -abs(delta.drop or 0.0), delta.name
