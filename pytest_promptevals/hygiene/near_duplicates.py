"""Cases that ask nearly the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from typing import Final

from pytest_promptevals.hygiene.duplicates import equal_groups
from pytest_promptevals.hygiene.findings import Finding, Kind, Subject, find, name_cases
from pytest_promptevals.hygiene.likeness import SHORTEST, Leaders
from pytest_promptevals.hygiene.texts import plain, question_text
from pytest_promptevals.judges.excerpts import count_noun, quote, show_json
from pytest_promptevals.records.cases import Case

_NUMBER: Final = re.compile(r"\d+")


def find_near_duplicates(subject: Subject) -> Iterator[Finding]:
    """Yield one finding for each group of cases that ask nearly the same.

    Cases that the user put into one ``group`` are meant to be alike. Texts with different numbers are different
    questions, unless the same answer is expected. Recorded outputs are what is judged: they must be the same.
    """
    firsts = [group[0] for group in equal_groups(subject.dataset.cases)]
    texts = [plain(question_text(case)) for case in firsts]
    leaders = Leaders(texts)
    for members in _group(firsts, texts, leaders):
        group = [firsts[number] for number in sorted(members)]
        if len(group) > 1 and not _is_meant(group):
            yield _near_duplicate(group)
    if leaders.is_exhausted:
        message = "there are too many long and similar texts to compare all of them; near-duplicates may be missing"
        yield find(Kind.NEAR_DUPLICATE, message, subject.dataset.location)


def _group(cases: Sequence[Case], texts: Sequence[str], leaders: Leaders) -> list[list[int]]:
    """Return the numbers of the cases, those with like texts together."""
    groups: defaultdict[int, list[int]] = defaultdict(list)
    short: dict[Hashable, int] = {}
    for number in sorted(range(len(texts)), key=lambda number: len(texts[number])):
        text = texts[number]
        buckets = _buckets(cases[number], text)
        if len(text) < SHORTEST:
            groups[short.setdefault((text, buckets[0]), number)].append(number)
            continue
        leader = leaders.find(text, buckets)
        if leader is None:
            leaders.add(text, buckets, number)
        groups[number if leader is None else leader].append(number)
    return list(groups.values())


def _buckets(case: Case, text: str) -> list[Hashable]:
    """Return what two cases must have one of in common to be compared."""
    output = None if case.output is None else case.output.text
    buckets: list[Hashable] = [("numbers", tuple(_NUMBER.findall(text)), output)]
    if case.expected is not None:
        buckets.append(("expected", show_json(case.expected, 10_000), output))
    return buckets


def _is_meant(group: Sequence[Case]) -> bool:
    return group[0].group is not None and all(case.group == group[0].group for case in group)


def _near_duplicate(group: Sequence[Case]) -> Finding:
    shown = quote(" ".join(question_text(group[0]).split()), 50)
    message = (
        f"{count_noun(len(group), 'case')} ask nearly the same: {name_cases(group)}, such as {shown}; "
        "keep one, or give them one 'group'"
    )
    return find(Kind.NEAR_DUPLICATE, message, group[0].location, group)
