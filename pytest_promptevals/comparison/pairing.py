"""Which case of the baseline belongs to which case of the run, and what became of it."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import Final, TypeAlias, TypeVar

from pytest_promptevals.comparison.metrics import mean
from pytest_promptevals.comparison.pairs import Matched, Pairs, are_plain_columns
from pytest_promptevals.comparison.partial import baseline_for
from pytest_promptevals.comparison.scored import SCORE_DIGITS, Before, Pair, Scored
from pytest_promptevals.records.columns import column_of
from pytest_promptevals.records.comparisons import Change, Delta
from pytest_promptevals.records.partial import whole_fingerprint

Key: TypeAlias = Hashable
Item = TypeVar("Item")
Paired = TypeVar("Paired", bound=Before)
Found: TypeAlias = dict[str, Before]
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


def compute_deltas(
    results: Sequence[Scored], baseline: Sequence[Before], collected_names: Collection[str]
) -> Sequence[Delta]:
    """Return what became of each case, as ``match_cases`` does."""
    return match_cases(results, baseline, collected_names).deltas


def match_cases(results: Sequence[Scored], baseline: Sequence[Before], collected_names: Collection[str]) -> Matched:
    """Return which case of the baseline belongs to which case of the run, and what became of each.

    Args:
        results: the cases that were run, of one eval file.
        baseline: the baseline of that file.
        collected_names: names of all items of the file. One that was not run in this session (it was deselected)
            is no part of the comparison; a case of the baseline that is not among them is missing. Where a new one was
            not run, none is: it may be the same case under another name.
    """
    names = set(collected_names).union(column_of(results, "name"))
    gone = [baseline[place] for place, name in enumerate(column_of(baseline, "name")) if name not in names]
    places = _find_places(results, baseline, gone, names)
    missing = [_missing(case) for case in _not_taken(results, baseline, gone, places, names)]
    if are_plain_columns(results):
        return _match_columns(results, baseline, places, missing)
    return _match_rows(results, baseline, places, missing)


def _not_taken(
    results: Sequence[Scored],
    baseline: Sequence[Before],
    gone: Sequence[Before],
    places: Sequence[int | None],
    names: set[str],
) -> Sequence[Before]:
    """Return the cases that are gone, and that no case of the run is under another name, or may be."""
    if not gone:
        return ()
    known = set(column_of(baseline, "case_id"))
    not_run = names - set(column_of(results, "name")) - set(column_of(baseline, "name"))
    if any(_id_in(name) not in known for name in not_run):
        return ()
    taken = {baseline[place].name for place in places if place is not None}
    return [case for case in gone if case.name not in taken]


def _find_places(
    results: Sequence[Scored], baseline: Sequence[Before], gone: Sequence[Before], names: set[str]
) -> list[int | None]:
    """Return for each result the place of the case that belongs to it in the baseline, ``None`` where there is none."""
    place_of = {name: place for place, name in enumerate(column_of(baseline, "name"))}
    of_results = column_of(results, "name")
    places = [place_of.get(name) for name in of_results]
    if not gone:
        return places
    left = [results[place] for place, found in enumerate(places) if found is None]
    found = {name: place_of[case.name] for name, case in _pair_left(left, gone, baseline, names).items()}
    return [found.get(name) if place is None else place for name, place in zip(of_results, places, strict=True)]


def _match_columns(
    results: Sequence[Scored], baseline: Sequence[Before], places: Sequence[int | None], missing: Sequence[Delta]
) -> Matched:
    from pytest_promptevals.comparison.column_matching import match_columns  # noqa: PLC0415 - it loads numpy

    def make(number: int) -> Delta:
        place = places[number]
        case = None if place is None else baseline[place]
        return _compare_case(results[number], case, case)

    return match_columns(results, baseline, places, make, {change: [] for change in _ORDER} | {Change.MISSING: missing})


def _match_rows(
    results: Sequence[Scored], baseline: Sequence[Before], places: Sequence[int | None], missing: Sequence[Delta]
) -> Matched:
    deltas: list[Delta] = []
    pairs: list[Pair] = []
    compared: list[Delta] = []
    for result, place in zip(results, places, strict=True):
        case = None if place is None else baseline[place]
        base = case if case is None or _is_as_it_was(result, case) else baseline_for(result, case)
        delta = _compare_case(result, base, case)
        deltas.append(delta)
        if base is not None and delta.change in _COMPARABLE:
            pairs.append(Pair(result, base))
            compared.append(delta)
    weights = [delta.weight for delta in compared]
    before = mean([delta.before or 0.0 for delta in compared], weights)
    after = mean([delta.after or 0.0 for delta in compared], weights)
    return Matched(_sort([*deltas, *missing]), Pairs.of(pairs), before, after)


def _is_as_it_was(result: Scored, case: Before) -> bool:
    """Return whether no judge was left out and none compares: nearly all, and there may be 100,000 of them."""
    return not result.trials and result.case_fingerprint == case.case_fingerprint


def find_before(result: Scored, baseline: Sequence[Paired], collected_names: Collection[str]) -> Paired | None:
    """Return the case of the baseline that one result is to be compared with, ``None`` if there is none.

    Of two new cases with the same content each is given the one that is gone: the comparison of all knows better.
    """
    names = {*collected_names, result.name}
    gone = [case for case in baseline if case.name not in names]
    (place,) = _find_places([result], baseline, gone, names)
    return None if place is None else baseline[place]


def _pair_left(left: Sequence[Scored], gone: Sequence[Before], baseline: Sequence[Before], names: set[str]) -> Found:
    """Pair, where a variant was added to or taken from the name, by what the case is; then renamed.

    Args:
        left: results whose name the baseline does not have.
        gone: cases of the baseline whose name is gone from the dataset: only they are given to another name.
        baseline: all of its cases.
        names: of all items of the dataset.
    """
    pairs = _pair_unique(left, gone, _origin_of)
    left, free = _left(left, gone, pairs)
    pairs |= {
        name: case
        for name, case in _pair_unique(_only_variants(left, names), free, _id_of).items()
        if case.case_id in (name, case.name)
    }
    return pairs | _pair_renamed(*_left(left, gone, pairs), baseline, names)


def _pair_renamed(left: Sequence[Scored], free: Sequence[Before], baseline: Sequence[Before], names: set[str]) -> Found:
    """Pair cases of the same content, where the one has a new id, and the id of the other is gone."""
    ids_before = set(column_of(baseline, "case_id"))
    ids_now = set(map(_id_in, names)) | {result.case_id for result in left}
    left = [result for result in left if result.case_id not in ids_before]
    free = [case for case in free if case.case_id not in ids_now]
    pairs = _pair_unique(left, free, _content_and_origin_of)
    return pairs | _pair_unique(*_left(left, free, pairs), _content_of)


def _left(results: Sequence[Scored], cases: Sequence[Before], pairs: Found) -> tuple[list[Scored], list[Before]]:
    used = {case.name for case in pairs.values()}
    return [item for item in results if item.name not in pairs], [case for case in cases if case.name not in used]


def _pair_unique(results: Sequence[Scored], cases: Sequence[Before], key_of: Callable[[Scored | Before], Key]) -> Found:
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
        None if recorded is None or recorded.name == result.name else recorded.name,
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
