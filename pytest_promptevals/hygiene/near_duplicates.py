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

CUT: Final = "there are too many long and similar texts to compare all of them; near-duplicates may be missing"
"""What is said where not all could be compared."""
_NUMBER: Final = re.compile(r"\d+")


def find_near_duplicates(subject: Subject) -> Iterator[Finding]:
    """Yield one finding for each group of cases that ask nearly the same.

    Cases that the user put into one ``group`` are meant to be alike. Texts with different numbers are different
    questions, unless the same answer is expected. Recorded outputs are what is judged: they must be the same.
    """
    firsts = [group[0] for group in equal_groups(subject.dataset.cases)]
    groups = AlikeGroups(firsts)
    for members in groups.find([[None]] * len(firsts)):
        group = [firsts[number] for number in members]
        if not is_meant(group):
            yield _near_duplicate(group)
    if groups.is_cut:
        yield find(Kind.NEAR_DUPLICATE, CUT, subject.dataset.location)


class AlikeGroups:
    """Cases by what they ask, those that ask nearly the same together."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = cases
        self._texts = [plain(question_text(case)) for case in cases]
        self._leaders = Leaders(self._texts)

    @property
    def is_cut(self) -> bool:
        """Whether some were not compared, as that would have taken too long."""
        return self._leaders.is_exhausted

    def find(self, scopes: Sequence[Sequence[Hashable]]) -> Iterator[list[int]]:
        """Yield the numbers of cases that ask nearly the same, two at least, in order.

        ``scopes`` has an entry for each case: only cases that have a scope in common are compared.
        """
        groups: defaultdict[int, list[int]] = defaultdict(list)
        short: dict[Hashable, int] = {}
        for number in sorted(range(len(self._texts)), key=lambda number: len(self._texts[number])):
            text = self._texts[number]
            buckets = _buckets(self._cases[number], text, scopes[number])
            if len(text) < SHORTEST:
                found = [short.setdefault((text, bucket), number) for bucket in buckets]
                groups[min(found)].append(number)
                continue
            leader = self._leaders.find(text, buckets)
            if leader is None:
                self._leaders.add(text, buckets, number)
            groups[number if leader is None else leader].append(number)
        yield from (sorted(group) for group in groups.values() if len(group) > 1)


def _buckets(case: Case, text: str, scopes: Sequence[Hashable]) -> list[Hashable]:
    """Return what two cases must have one of in common to be compared."""
    output = None if case.output is None else case.output.text
    kinds: list[Hashable] = [("numbers", tuple(_NUMBER.findall(text)), output)]
    if case.expected is not None:
        kinds.append(("expected", show_json(case.expected, 10_000), output))
    return [(scope, kind) for scope in scopes for kind in kinds]


def is_meant(group: Sequence[Case]) -> bool:
    """Return whether the user put all of these cases into one ``group``."""
    return group[0].group is not None and all(case.group == group[0].group for case in group)


def _near_duplicate(group: Sequence[Case]) -> Finding:
    shown = quote(" ".join(question_text(group[0]).split()), 50)
    message = (
        f"{count_noun(len(group), 'case')} ask nearly the same: {name_cases(group)}, such as {shown}; "
        "keep one, or give them one 'group'"
    )
    return find(Kind.NEAR_DUPLICATE, message, group[0].location, group)
